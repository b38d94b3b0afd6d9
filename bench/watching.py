"""How often `make watch` alarms where nothing has changed, and how soon where something has.

    python -m bench.watching

Windows are drawn from fields of many kinds, as they are, with a shift in one field, and with larger
errors in one slice, and held against a reference of other rows. Thousands of windows, a quarter of
an hour; what it prints are the tables of docs/watching.md.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from sales.judging import shapes, slices
from sales.judging.marks import Marks
from sales.judging.reference import PREDICTION, Errors, Reference
from sales.judging.shapes import Numbers, Shape
from sales.judging.slices import Slice
from sales.watching.windows import came_true, judged, slice_error
from sales.watching.windows.came_true import Rows
from sales.watching.windows.judged import Chance
from sales.watching.windows.limits import Simulated
from sales.watching.windows.settings import Large, WatchParams
from sales.watching.windows.sketches import Cells, Sketch

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
SIZES = (100, 250, 500, 1000, 5000)
SHIFTS = (0.1, 0.15, 0.25, 0.35, 0.5)
TIMES = (1.25, 1.5, 2)
FEW = 600  # windows a figure, of references of few rows, of which each is simulated anew

Table = dict[str, np.ndarray]


class World(NamedTuple):
    """Where rows come from: fields, a prediction and its error, by a number of rows.

    `slices` is by which fields they are cut.
    """

    draw: Callable[[np.random.Generator, int], Table]
    slices: Mapping[str, Slice]


def normal(fields: int = 15) -> World:
    """Return fields that are all normal, the prediction their sum, its errors normal too."""
    names = tuple(f"x{number}" for number in range(fields))

    def draw(rng: np.random.Generator, rows: int) -> Table:
        table = {name: rng.normal(size=rows) for name in names}
        return _predicted(rng, table, sum(table.values()) / np.sqrt(fields))

    return World(draw, {"x1": Slice(edges=(-1.0, 0.0, 1.0))})


def mixed() -> World:
    """Return fields as orders have them: few levels and many, even, skewed, few numbers, holes."""
    levels = {"two": 2, "ten": 10, "twenty": 20, "thirty": 30, "hundred": 100, "rare": 6}

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

    return World(draw, {"ten": Slice(), "rare": Slice(), "even0": Slice(edges=(100.0, 400.0))})


def _predicted(rng: np.random.Generator, table: Table, predicted: np.ndarray) -> Table:
    error = rng.standard_t(4, len(predicted))
    return {**table, PREDICTION: predicted, "(error)": error}


def reference(world: World, rng: np.random.Generator, train: int, test: int) -> Reference:
    """Return the reference of rows of a world."""
    return of_rows(world.draw(rng, train), world.draw(rng, test), world.slices)


def of_rows(rows: Table, tested: Table, by: Mapping[str, Slice]) -> Reference:
    """Return the reference of train and test rows, cut into slices."""
    fields: list[Shape | None] = []
    for name, values in rows.items():
        if name in (PREDICTION, "(error)"):
            continue
        if values.dtype.kind == "f":
            fields.append(shapes.of_numbers(name, "number", values))
        else:
            fields.append(shapes.of_levels(name, pd.Series(values), pd.Series(tested[name])))
    prediction = shapes.of_numbers(PREDICTION, "prediction", tested[PREDICTION])
    if prediction is None:
        raise SystemExit("error: no predictions")
    known = tuple(shape for shape in (*fields, prediction) if shape)
    errors = _errors(prediction, tested[PREDICTION], tested["(error)"])
    error = {
        name: tested["(error)"][mask]
        for (_, _, name), mask in slices.within(_sliced(by, tested), by)
        if np.count_nonzero(mask) >= slice_error.FEWEST
    }
    rmse = {name: float(np.sqrt(np.mean(each**2))) for name, each in error.items()}
    marks = {name: Marks.of(each) for name, each in error.items()}
    named = "simulated", "0" * 64, "y"
    many = len(rows[PREDICTION]), len(tested[PREDICTION])
    return Reference(*named, *many, known, errors, by, rmse, marks)


def _sliced(by: Mapping[str, Slice], rows: Table) -> pd.DataFrame:
    return pd.DataFrame({name: rows[name] for name in by})


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
    error, every = rows["(error)"], np.ones(many, bool)
    # Within an interval that nine of ten of the test rows keep.
    width = np.quantile(np.repeat(of.errors.sizes, of.errors.counts), 0.9)
    true = Rows(error, np.ones(many), np.zeros(many, int), np.abs(error) <= width, every)
    [(_, found.errors)] = came_true.of_windows(true, of, 1)
    for _, name, sums in came_true.of_slices(true, _sliced(of.slices, rows), of, 1):
        found.slices[name] = sums
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
    names += [kind for kind in ("rmse", "bias", "coverage") if error[f"{kind}_alarm"]]
    return names + [one["slice"] for one in error["slices"] if one["alarm"]]


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


def worse(slice_name: str, times: float) -> Callable[[Table, Reference], None]:
    """Return what makes the errors of a slice, `ten=3`, so many times larger."""
    column, _, value = slice_name.partition("=")

    def change(table: Table, _: Reference) -> None:
        own = table[column] == value
        table["(error)"] = np.where(own, times * table["(error)"], table["(error)"])

    return change


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=2000, help="windows a figure")
    windows = parser.parse_args().windows
    head("rows of a window", "Nothing has changed: percent of windows that alarm, however small")
    normals, kinds = normal(), mixed()
    for name, world, train, test, each in (
        ("15 normal fields, 70,000 train rows, 20,000 test rows", normals, TRAIN, TEST, windows),
        ("orders' kinds of fields, the same", kinds, TRAIN, TEST, windows),
        # Windows of one reference share its luck: so few of each.
        ("orders' kinds of fields, 300 and 300", kinds, 300, 300, min(windows, FEW)),
    ):
        many = 10 if train == TRAIN else each // 5
        told = [share(world, n, each, many, ANY, train=train, test=test) for n in SIZES]
        row([name, *(f"{one:.2f}" for one in told)])
    head("moved by, in SD", "One field of 15 has moved: percent of windows in which it alarms")
    for by in SHIFTS:
        change = shifted("x0", by)
        told = [share(normals, n, windows // 2, 4, SETTINGS, change, "x0") for n in SIZES]
        row([f"{by:g}", *(f"{one:.1f}" for one in told)])
    head("times larger", "Errors of one row in ten: percent of windows in which the slice alarms")
    for times in TIMES:
        change = worse("ten=3", times)
        told = [share(kinds, n, windows // 4, 4, SETTINGS, change, "ten=3") for n in SIZES]
        row([f"{times:g}", *(f"{one:.1f}" for one in told)])


def head(first: str, what: str) -> None:
    """Print what a table is of, and its head."""
    print(f"\n{what}:\n")
    row([first, *(f"{size:,}" for size in SIZES)])
    row(["---", *["---:"] * len(SIZES)])


def row(cells: Sequence[str]) -> None:
    """Print a row of a table."""
    print("| " + " | ".join(cells) + " |")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
