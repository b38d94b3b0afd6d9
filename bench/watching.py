"""How often `make watch` alarms where nothing has changed, and how soon where something has.

    python -m bench.watching

Windows are drawn from the orders of the generator, as they are and with a shift in one field, and
held against a reference of other rows of it. Thousands of windows, a minute or two; what it prints
are the tables of docs/watching.md.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from sales.judging import shapes
from sales.judging.reference import PREDICTION, Errors, Reference
from sales.judging.shapes import Numbers, Shape
from sales.watching.windows import judged
from sales.watching.windows.judged import Chance
from sales.watching.windows.limits import Simulated
from sales.watching.windows.settings import Large, WatchParams
from sales.watching.windows.sketches import Cells, Sketch, Sums

LARGE = Large(
    number=0.1, category=0.1, quality_points=1, rmse_pct=10, bias_pct=25, coverage_points=5
)
SETTINGS = WatchParams(
    window="day",
    min_rows=30,
    min_truths=30,
    false_alarm_pct=1.0,
    large=LARGE,
    quiet=(),
    needed=1,
    of_last=1,
)
# Chance alone is what is looked at: what is large is left to whoever watches.
ANY = SETTINGS.model_copy(
    update={
        "large": Large(
            number=1e-9,
            category=1e-9,
            quality_points=1e-9,
            rmse_pct=1e-9,
            bias_pct=1e-9,
            coverage_points=1e-9,
        )
    }
)
TRAIN, TEST = 70_000, 20_000
SIZES = (100, 250, 500, 1000, 2000, 5000)
SHIFTS = (0.1, 0.15, 0.2, 0.25, 0.35, 0.5)

Table = dict[str, np.ndarray]


class World(NamedTuple):
    """Where rows come from: fields, a prediction and its error, by a number of rows."""

    draw: Callable[[np.random.Generator, int], Table]
    numbers: tuple[str, ...]


def normal(fields: int = 15) -> World:
    """Return fields that are all normal, the prediction their sum, its errors normal too."""
    names = tuple(f"x{number}" for number in range(fields))

    def draw(rng: np.random.Generator, rows: int) -> Table:
        table = {name: rng.normal(size=rows) for name in names}
        return _predicted(rng, table, sum(table.values()) / np.sqrt(fields))

    return World(draw, names)


def mixed() -> World:
    """Return fields as orders have them: few levels and many, even, skewed, few numbers, holes."""
    numbers = tuple(f"{kind}{number}" for kind in ("even", "skewed", "few") for number in range(3))
    levels = {"two": 2, "ten": 10, "twenty": 20, "hundred": 100, "rare": 6, "brands": 10}

    def draw(rng: np.random.Generator, rows: int) -> Table:
        table: Table = {}
        for number in range(3):
            table[f"even{number}"] = rng.uniform(5, 600, rows)
            table[f"skewed{number}"] = rng.lognormal(3, 1, rows)
            table[f"few{number}"] = rng.integers(1, 6, rows).astype(float)
        table["skewed2"] = np.where(rng.random(rows) < 0.1, np.nan, table["skewed2"])
        for name, many in levels.items():
            weights = 1 / np.arange(1, many + 1) if name in ("hundred", "rare") else np.ones(many)
            table[name] = rng.choice(many, rows, p=weights / weights.sum()).astype(str)
        return _predicted(rng, table, table["even0"] * table["few0"] + table["skewed0"])

    return World(draw, numbers[:-1])


def _predicted(rng: np.random.Generator, table: Table, predicted: np.ndarray) -> Table:
    error = rng.standard_t(4, len(predicted))
    return {**table, PREDICTION: predicted, "(error)": error}


def reference(world: World, rng: np.random.Generator, train: int, test: int) -> Reference:
    """Return the reference of rows of a world."""
    rows = world.draw(rng, train)
    fields: list[Shape | None] = []
    for name, values in rows.items():
        if name in (PREDICTION, "(error)"):
            continue
        if values.dtype.kind == "f":
            fields.append(shapes.of_numbers(name, "number", values))
        else:
            fields.append(shapes.of_levels(name, pd.Series(values)))
    tested = world.draw(rng, test)
    prediction = shapes.of_numbers(PREDICTION, "prediction", tested[PREDICTION])
    if prediction is None:
        raise SystemExit("error: no predictions")
    known = tuple(shape for shape in (*fields, prediction) if shape)
    errors = _errors(prediction, tested[PREDICTION], tested["(error)"])
    return Reference("simulated", "0" * 64, "y", train, test, known, errors, {}, {})


def _errors(prediction: Numbers, predicted: np.ndarray, error: np.ndarray) -> Errors:
    from sales.judging import reference as making
    from sales.judging import scores
    from sales.models.intervals import Within

    low, high = np.quantile(error, [0.05, 0.95])
    true = predicted - error
    tally = scores.counted(true, predicted, Within(predicted - high, predicted - low))
    return making.errors(tally, 0.9, error, prediction.place(predicted), prediction.bins)


def sketch(of: Reference, rows: Table) -> Sketch:
    """Return the sketch of a window, all of whose rows came true."""
    many = len(rows[PREDICTION])
    found = Sketch(many, float(many), float(many))
    for shape in of.fields:
        values = rows[shape.name]
        place = shape.place(values)
        counts = np.bincount(place, minlength=shape.bins + 1).astype(float)
        if isinstance(shape, Numbers):
            outside = np.count_nonzero((values < shape.least) | (values > shape.most))
            found.fields[shape.name] = Cells(counts, float(outside), float(np.nansum(values)))
        else:
            found.fields[shape.name] = Cells(counts)
    error, promised = rows["(error)"], of.errors
    absolute = np.abs(error)
    # Within an interval that nine of ten of the test rows keep.
    width = np.quantile(np.repeat(promised.sizes, promised.counts), 0.9)
    held = float(np.count_nonzero(absolute <= width))
    clipped = float((np.minimum(absolute, promised.clip) ** 2).sum())
    beyond = float(np.count_nonzero(absolute > promised.largest))
    found.errors = Sums(
        *(many, float(many), float(many), float(error.sum()), float(absolute.sum())),
        *(float((error**2).sum()), float((error**4).sum()), clipped, beyond, held, float(many)),
    )
    return found


def alarms(of: Reference, window: Sketch, simulated: Simulated, settings: WatchParams) -> list[str]:
    """Return what of a window alarms: fields, `field missing` and the like, its error."""
    told = Chance(
        simulated.fields(of, window.effective), simulated.errors(of, window.errors.effective)
    )
    found = judged.judge(window, of, told, settings, is_open=False)
    names = [one["field"] for one in found.drift if one["alarm"]]
    names += [f"{one['field']} {one['what']}" for one in found.quality if one["alarm"]]
    error = found.error or {}
    return names + [kind for kind in ("rmse", "bias", "coverage") if error[f"{kind}_alarm"]]


def share(
    world: World,
    rows: int,
    windows: int,
    references: int,
    settings: WatchParams,
    change: Callable[[Table, Reference], None] | None = None,
    wanted: str = "",
    train: int = TRAIN,
    test: int = TEST,
    seed: int = 1,
) -> float:
    """Return in how many percent of windows something alarms, or what is `wanted` does."""
    rng = np.random.default_rng(seed)
    hits = total = 0
    for _ in range(references):
        of = reference(world, rng, train, test)
        simulated = Simulated(None, settings.false_alarm_pct)
        for _ in range(windows // references):
            table = world.draw(rng, rows)
            if change:
                change(table, of)
            found = alarms(of, sketch(of, table), simulated, settings)
            hits += wanted in found if wanted else bool(found)
            total += 1
    return 100 * hits / total


def shifted(field: str, by: float) -> Callable[[Table, Reference], None]:
    """Return what moves a field by so many standard deviations of the train rows."""

    def change(table: Table, of: Reference) -> None:
        [shape] = [each for each in of.fields if each.name == field]
        if isinstance(shape, Numbers):
            table[field] = table[field] + by * shape.spread

    return change


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=2000, help="windows a figure")
    windows = parser.parse_args().windows
    print("Of windows in which nothing has changed, percent that alarm at all, however small:\n")
    _row(["rows of a window", *(f"{size:,}" for size in SIZES)])
    _row(["---", *["---:"] * len(SIZES)])
    for name, world, train in (
        ("15 normal fields, 70,000 train rows", normal(), TRAIN),
        ("orders' kinds of fields, 70,000 train rows", mixed(), TRAIN),
        ("orders' kinds of fields, 300 train rows", mixed(), 300),
    ):
        many = 100 if train < TRAIN else 10
        told = [
            share(world, n, windows, many, ANY, train=train, test=min(TEST, train)) for n in SIZES
        ]
        _row([name, *(f"{one:.2f}" for one in told)])
    print("\nOf windows in which one field of 15 has moved, percent in which it alarms:\n")
    _row(["moved by, in SD", *(f"{size:,}" for size in SIZES)])
    _row(["---", *["---:"] * len(SIZES)])
    world = normal()
    for by in SHIFTS:
        told = [share(world, n, windows // 4, 4, SETTINGS, shifted("x0", by), "x0") for n in SIZES]
        _row([f"{by:g}", *(f"{one:.1f}" for one in told)])


def _row(cells: Sequence[str]) -> None:
    print("| " + " | ".join(cells) + " |")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
