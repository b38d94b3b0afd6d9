"""What `make watch` finds of drifts made by hand in the diamonds of docs/tutorial.md.

    python -m bench.watched_diamonds [--splits 10]

The stones are split at random: of some a model learns, others judge it, and from the rest windows
are drawn, as they are and changed as a real table may change. The statistics are those that served
rows are held against, with the thresholds that `make watch` goes by.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

from bench import public_tables
from bench.watching import SETTINGS, Table, alarms, of_rows, row, sketch
from sales.judging.reference import PREDICTION, Reference
from sales.judging.slices import Slice
from sales.watching.windows.limits import Simulated

TARGET, LEVELS = "price", ("cut", "color", "clarity")
NUMBERS = ("carat", "depth", "table", "x", "y", "z")
TRAIN, TEST = 32_000, 11_000
ROWS, WINDOWS = 500, 40  # of a window, and windows a split
SLICES = {"cut": Slice(), "color": Slice(), "carat": Slice(edges=(0.5, 1.0, 1.5))}
Rng = np.random.Generator


class Change(NamedTuple):
    """A drift made by hand: what it is, what alarm it must give, and what it does to stones.

    The model answers after `stones`; `truth` is what becomes of prices, none where it stays.
    """

    what: str
    alarm: str
    stones: Callable[[pd.DataFrame, Rng], pd.DataFrame]
    truth: Callable[[pd.DataFrame, Rng], pd.Series] | None = None


def same(stones: pd.DataFrame, _: Rng) -> pd.DataFrame:
    """Return them as they are."""
    return stones


def _with(stones: pd.DataFrame, name: str, values: object, where: np.ndarray) -> pd.DataFrame:
    return stones.assign(**{name: stones[name].mask(where, values)})


def drawn(rng: Rng, stones: pd.DataFrame, share: float) -> np.ndarray:
    """Return some of the stones, drawn."""
    return rng.random(len(stones)) < share


CHANGES = (
    Change("carat by 10 % too heavy, as scales may be", "bias",
           lambda stones, _: stones.assign(carat=stones["carat"] * 1.1)),
    Change("carat by a quarter of a standard deviation", "carat",
           lambda stones, _: stones.assign(carat=stones["carat"] + 0.25 * 0.474)),
    Change("one stone in six is of a better cut, Ideal", "cut",
           lambda stones, rng: _with(stones, "cut", "Ideal", drawn(rng, stones, 1 / 6))),
    Change("3 % come without a color", "color missing",
           lambda stones, rng: _with(stones, "color", None, drawn(rng, stones, 0.03))),
    Change("3 % have a clarity called VVS", "clarity unknown",
           lambda stones, rng: _with(stones, "clarity", "VVS", drawn(rng, stones, 0.03))),
    Change("3 % have z in micrometres", "z outside",
           lambda stones, rng: _with(stones, "z", stones["z"] * 1000, drawn(rng, stones, 0.03))),
    Change("all prices rise by 10 %", "bias", same,
           lambda stones, _: stones[TARGET] * 1.1),
    Change("prices of stones of color G rise by 30 %", "color=G", same,
           lambda stones, _: stones[TARGET] * (1 + 0.3 * (stones["color"] == "G"))),
)  # fmt: skip


class Split(NamedTuple):
    """A model's reference, the stones that it has not seen, and how it answers."""

    reference: Reference
    others: pd.DataFrame
    predict: Callable[[pd.DataFrame], np.ndarray]


def table() -> pd.DataFrame:
    """Return the stones. Raises SystemExit where the package is not installed."""
    [found] = [one for one in public_tables.TABLES if one.name == "diamonds"]
    return pd.read_csv(found.source())


def split(stones: pd.DataFrame, rng: Rng) -> Split:
    """Return a split of the stones, with a model that has learnt of its train rows."""
    rows = stones.iloc[rng.permutation(len(stones))].reset_index(drop=True)
    train, test, others = rows[:TRAIN], rows[TRAIN : TRAIN + TEST], rows[TRAIN + TEST :]
    named = {name: {v: n for n, v in enumerate(stones[name].unique())} for name in LEVELS}

    def features(some: pd.DataFrame) -> np.ndarray:
        codes = [some[name].map(named[name]).fillna(-1) for name in LEVELS]
        return np.column_stack([some[[*NUMBERS]].to_numpy(np.float64), *codes])

    model = HistGradientBoostingRegressor(random_state=0).fit(features(train), train[TARGET])

    def predict(some: pd.DataFrame) -> np.ndarray:
        return np.asarray(model.predict(features(some)))

    def of(some: pd.DataFrame) -> Table:
        return _table(some, predict(some))

    return Split(of_rows(of(train), of(test), SLICES), others, predict)


def _table(stones: pd.DataFrame, predicted: np.ndarray) -> Table:
    rows = {name: stones[name].to_numpy(np.float64) for name in NUMBERS}
    rows |= {name: stones[name].to_numpy(object) for name in LEVELS}
    return {**rows, PREDICTION: predicted, "(error)": predicted - stones[TARGET].to_numpy()}


def found(of: Split, change: Change | None, rng: Rng, windows: int) -> Iterator[list[str]]:
    """Yield what alarms in each of so many windows."""
    simulated = Simulated(None, SETTINGS.false_alarm_pct)
    for _ in range(windows):
        stones = of.others.iloc[rng.choice(len(of.others), ROWS, replace=False)]
        if change:
            truth = change.truth(stones, rng) if change.truth else stones[TARGET]
            stones = change.stones(stones, rng).assign(**{TARGET: truth})
        rows = _table(stones, of.predict(stones))
        yield alarms(of.reference, sketch(of.reference, rows), simulated, SETTINGS)


def shares(splits: int, windows: int = WINDOWS, seed: int = 1) -> Mapping[str, tuple[float, float]]:
    """Return, for each change, in how many percent of windows its alarm comes, and any does."""
    stones, rng = table(), np.random.default_rng(seed)
    told: dict[str, list[tuple[bool, bool]]] = {}
    for _ in range(splits):
        of = split(stones, rng)
        for change in (None, *CHANGES):
            own = told.setdefault(change.what if change else "nothing has changed", [])
            for names in found(of, change, rng, windows):
                own.append((bool(change and change.alarm in names), bool(names)))
    return {what: tuple(100 * np.mean(each, axis=0)) for what, each in told.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=10)
    splits = parser.parse_args().splits
    print(f"Of {splits * WINDOWS:,} windows of {ROWS} diamonds each, percent:\n")
    row(["what was changed", "the alarm it must give", "gives it", "alarm at all"])
    row(["---", "---", "---:", "---:"])
    wanted = {change.what: change.alarm for change in CHANGES}
    for what, (right, any_) in shares(splits).items():
        alarm = f"`{wanted[what]}`" if what in wanted else ""
        row([what, alarm, f"{right:.1f}" if alarm else "", f"{any_:.2f}"])


if __name__ == "__main__":
    main()
