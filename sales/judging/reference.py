"""The reference of a model: what the rows were like that it learnt from, and how well it did.

Made with the evaluation, and small. It travels with the model, so that whoever watches what is
served needs nothing else to tell whether that has changed. Fields are as the train rows have them,
the prediction and its error as on the test rows, which the model had not seen.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from sales import files
from sales.contract.expressions import Expression
from sales.engine import partitions
from sales.engine.partitions import Kept
from sales.errors import PipelineError
from sales.judging import charts, scores, shapes, slices
from sales.judging.marks import Marks
from sales.judging.scores import EvaluateParams
from sales.judging.shapes import Numbers, Shape
from sales.judging.slices import Slice
from sales.judging.tallies import BUCKETS, NOTHING, Tally, significant
from sales.models.features import Featuriser
from sales.models.saved import Model

FORMAT = 2  # of 1 no windows can be judged: its levels were chosen by their own counts
ROWS = 200_000  # of the train and of the test rows, drawn by the seed: more tell nothing new
PREDICTION = "(prediction)"  # its name among the fields
PLAIN = (  # of its errors, what is one figure
    *("rows", "rmse", "rmse_low", "rmse_high", "mae", "bias"),
    *("clip", "clipped", "largest", "held", "coverage"),
)
CLIPPED = 0.975  # of the absolute errors are no larger than the clip
COARSE = BUCKETS // 8  # buckets of a tally that make one here: eight in each power of two


@dataclass(frozen=True)
class Errors:
    """How large the errors (predicted - true) of the test rows are.

    `clip` is what nearly all absolute errors stay below, `clipped` the RMSE where none counts as
    larger, `largest` the largest one. `sizes` are absolute errors, `counts` how many rows have
    about that one. `squares` and `band_rows` are sums of squared errors and rows by band of the
    prediction, `fourths` of their squares. `held` rows lie within their interval, None of a model
    that has none; `coverage` is what was promised of them.
    """

    rows: int
    rmse: float
    rmse_low: float
    rmse_high: float
    mae: float
    bias: float
    clip: float
    clipped: float
    largest: float
    held: int | None
    coverage: float | None
    sizes: np.ndarray
    counts: np.ndarray
    band_rows: np.ndarray
    squares: np.ndarray
    fourths: np.ndarray


@dataclass(frozen=True)
class Reference:
    """See the module. `fields` are in the model's order, the prediction is the last of them.

    `slices` says how rows are cut into slices, `slice_rmse` what the test rows of each have, and
    `slice_marks` how their errors are spread.
    `train_rows` and `test_rows` are those that were counted.
    """

    model: str
    content_hash: str
    target: str
    train_rows: int
    test_rows: int
    fields: tuple[Shape, ...]
    errors: Errors
    slices: Mapping[str, Slice]
    slice_rmse: Mapping[str, float]
    slice_marks: Mapping[str, Marks]

    @property
    def prediction(self) -> Numbers:
        """The shape of the test rows' predictions, whose bins are the bands of the error."""
        return cast("Numbers", self.fields[-1])

    def column_of(self, slice_name: str) -> str:
        """Return the column by which a slice is cut: `Brand` of `Brand=Apex`."""
        signs = "=", "<", ">="
        return next(n for n in self.slices if slice_name.startswith(tuple(n + s for s in signs)))

    def told(self) -> dict[str, Any]:
        """Return it for JSON."""
        one = self.errors
        return {
            "format": FORMAT,
            "model": self.model,
            "content_hash": self.content_hash,
            "target": self.target,
            "train_rows": self.train_rows,
            "test_rows": self.test_rows,
            "errors": {
                **{name: getattr(one, name) for name in PLAIN},
                "sizes": one.sizes.tolist(),
                "counts": one.counts.tolist(),
                "by_band": {
                    "rows": one.band_rows.tolist(),
                    "squares": one.squares.tolist(),
                    "fourths": one.fourths.tolist(),
                },
            },
            "slices": {name: list(cut.edges) for name, cut in self.slices.items()},
            "slice_rmse": dict(self.slice_rmse),
            "slice_marks": {name: one.told() for name, one in self.slice_marks.items()},
            "fields": [shape.told() for shape in self.fields],
        }


def read(path: Path) -> Reference | None:
    """Return the reference of a file; None where there is none, or one of an earlier release.

    Raises PipelineError on damage.
    """
    try:
        told = files.read_json(path)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise PipelineError(f"{path} is damaged: {error}") from None
    try:
        return of_told(told) if told["format"] >= FORMAT else None
    except (KeyError, TypeError, ValueError) as error:
        what = f"{type(error).__name__}: {error}"
        raise PipelineError(f"{path} is damaged, or of another release: {what}") from None


def of_told(told: Mapping[str, Any]) -> Reference:
    """Return the reference that `told` made JSON of. Raises what a missing key does."""
    if told["format"] != FORMAT:
        raise ValueError(f"format {told['format']}, {FORMAT} is known here")
    one, band = told["errors"], told["errors"]["by_band"]
    errors = Errors(
        **{name: one[name] for name in PLAIN},
        sizes=np.array(one["sizes"], np.float64),
        counts=np.array(one["counts"], np.int64),
        band_rows=np.array(band["rows"], np.int64),
        squares=np.array(band["squares"], np.float64),
        fourths=np.array(band["fourths"], np.float64),
    )
    return Reference(
        told["model"],
        told["content_hash"],
        told["target"],
        told["train_rows"],
        told["test_rows"],
        tuple(shapes.read(each) for each in told["fields"]),
        errors,
        {name: Slice(edges=tuple(edges)) for name, edges in told["slices"].items()},
        told["slice_rmse"],
        {name: Marks.read(one) for name, one in told["slice_marks"].items()},
    )


def drawn(table: Sequence[Kept], seed: int) -> pd.DataFrame:
    """Return the rows of a table of which a reference is made: all, or ROWS of them."""
    return partitions.take(table, charts.drawn(sum(partitions.rows(table)), ROWS, seed))


def of(
    model: Model,
    train: pd.DataFrame,
    test: pd.DataFrame,
    settings: EvaluateParams,
    predicted: np.ndarray | None = None,
    fields: Sequence[Shape] | None = None,
) -> Reference | None:
    """Return the reference of a model, from rows that it learnt from and rows that judged it.

    Whoever has them already gives what it predicts of the test rows, and what `fields_of` returns.
    None of a model that predicts what is not finite: no gate lets it pass.
    """
    featuriser, target = model.featuriser, model.featuriser.target
    true = test[target].to_numpy(np.float64)
    predicted = model.predict(test) if predicted is None else predicted
    prediction = shapes.of_numbers(PREDICTION, "prediction", predicted)
    if prediction is None or np.isnan(predicted).any():
        return None
    columns = featuriser.fields
    told = {n: s for n, s in settings.slices.items() if n in columns and not columns[n].private}
    sliced = settings.model_copy(update={"slices": told})
    tally = scores.tally(test, target, predicted, model.within(test, predicted), sliced)
    found, _ = scores.slice_scores(tally, settings)
    error = predicted - true
    marks = {
        name: Marks.of(error[rows])
        for (_, _, name), rows in slices.within(test.reset_index(drop=True), told)
        if name in found
    }
    return Reference(
        model.name,
        model.content_hash,
        target,
        len(train),
        len(test),
        (*(fields_of(featuriser, train, test) if fields is None else fields), prediction),
        errors(
            tally,
            model.intervals.coverage if model.intervals else None,
            error,
            prediction.place(predicted),
            prediction.bins,
        ),
        told,
        {name: one.rmse for name, one in found.items()},
        marks,
    )


def errors(
    tally: Tally, coverage: float | None, error: np.ndarray, band: np.ndarray, bands: int
) -> Errors:
    """Return how large errors are, by their tally and, one by one, with the band of each.

    `coverage` is what intervals promise, None without them.
    """
    low, high = tally.rmse_interval()
    told = tally.errors()
    coarse = Counter[int]()
    for bucket, rows in tally.sizes.items():
        coarse[NOTHING if bucket == NOTHING else bucket // COARSE] += rows
    order = sorted(coarse)
    squares, fourths = np.square(error), np.square(np.square(error))
    clip = significant(tally.quantile(CLIPPED))
    return Errors(
        tally.rows,
        told["rmse"],
        significant(low),
        significant(high),
        told["mae"],
        told["bias"],
        clip,
        significant(np.sqrt(np.minimum(squares, clip**2).mean())),
        tally.largest,
        tally.held,
        coverage,
        np.array([significant(_middle(bucket)) for bucket in order]),
        np.array([coarse[bucket] for bucket in order], np.int64),
        np.bincount(band, minlength=bands),
        np.array([significant(x) for x in np.bincount(band, squares, bands)]),
        np.array([significant(x) for x in np.bincount(band, fourths, bands)]),
    )


def _middle(bucket: int) -> float:
    """Return the absolute error in the middle of a coarse bucket."""
    if bucket == NOTHING:
        return 0.0
    exponent, place = divmod(bucket, BUCKETS // COARSE)
    return float(np.ldexp(0.5 + (place + 0.5) * COARSE / (2 * BUCKETS), exponent))


def fields_of(featuriser: Featuriser, train: pd.DataFrame, test: pd.DataFrame) -> list[Shape]:
    """Return the shape of each field that a row brings, of a date those of its parts.

    Of private columns nothing is told: the service keeps no value of them either.
    """
    ranges = featuriser.ranges or {}
    found: list[Shape | None] = []
    for name, column in featuriser.fields.items():
        if column.private or name not in train:
            continue
        if column.role == "categorical":
            found.append(shapes.of_levels(name, train[name], test[name]))
        elif column.role == "date":
            found += _parts(featuriser, name, train)
        else:
            values = train[name].to_numpy(np.float64, na_value=np.nan)
            found.append(shapes.of_numbers(name, "number", values, _range(ranges, name)))
    return [shape for shape in found if shape]


def _parts(featuriser: Featuriser, date: str, train: pd.DataFrame) -> list[Shape | None]:
    """Return the shapes of what is computed from a date alone."""
    days = train[date].to_numpy()
    found: list[Shape | None] = []
    for name, text in featuriser.derived.items():
        expression = Expression.parse(text, name)
        if expression.names == {date}:
            values = np.asarray(expression.evaluate({date: days}), np.float64)
            seen = _range(featuriser.ranges or {}, name)
            found.append(shapes.of_numbers(name, "date", values, seen, text))
    return found


def _range(ranges: Mapping[str, Any], name: str) -> tuple[float, float] | None:
    if name not in ranges:
        return None
    low, high = ranges[name]
    return float(low), float(high)
