"""A trained model as a folder that needs nothing else: estimator, featuriser and what it is.

Of a model that was ranked by folds it holds their models too, from which its intervals are made.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sales import estimators, files
from sales.errors import PipelineError
from sales.estimators import Estimator
from sales.estimators.fitting import scale
from sales.models import cross_intervals, intervals
from sales.models.cross_intervals import CrossIntervals
from sales.models.features import Columns, Featuriser
from sales.models.intervals import Intervals, Within

FEATURISER = "featuriser.json"
ABOUT = "model.json"
INTERVALS = "intervals.json"
CROSS_INTERVALS = "cross_intervals.json"
FOLDS = "folds"
OUT_OF_FOLD = "out_of_fold.npy"


class Fold(NamedTuple):
    """A model that was fitted without a fold, and its featuriser."""

    featuriser: Featuriser
    estimator: Estimator


@dataclass(frozen=True)
class Model:
    """A regressor of orders. `content_hash` of its folder names it, whatever time and place.

    `out_of_fold` has two rows: the targets of some rows, and what was predicted for each by a model
    that had not seen it. None of a model that has a valid part, unless it is an ensemble, to which
    the valid rows gave its weights.
    """

    name: str
    featuriser: Featuriser
    estimator: Estimator
    about: dict[str, Any]
    content_hash: str
    megabytes: float
    intervals: Intervals | CrossIntervals | None = None
    folds: tuple[Fold, ...] = ()
    out_of_fold: np.ndarray | None = None

    def predict(self, orders: Columns) -> np.ndarray:
        """Return one prediction for each order, float64, in units of the target."""
        return self.estimator.predict(self.featuriser.transform(orders))

    def within(self, orders: Columns, predictions: np.ndarray) -> Within | None:
        """Return the intervals of orders' predictions; None of a model that has none."""
        if self.intervals is None:
            return None
        if isinstance(self.intervals, Intervals):
            ends = self.intervals.around(predictions)
        else:
            seen: Featuriser | None = None
            told = []
            for featuriser, estimator in self.folds:
                if featuriser is not seen:
                    X, seen = featuriser.transform(orders), featuriser
                told.append(estimator.predict(X))
            ends = self.intervals.around(predictions, np.array(told))
        return Within(*ends, self.intervals.floor)


def save(
    folder: Path,
    name: str,
    estimator: Estimator,
    featuriser: Featuriser,
    about: dict[str, Any],
    bounds: Intervals | CrossIntervals | None = None,
    folds: Sequence[Fold] = (),
    out_of_fold: np.ndarray | None = None,
) -> None:
    """Write the model's files into an existing folder."""
    estimator.save(folder)
    featuriser.save(folder / FEATURISER)
    if isinstance(bounds, Intervals):
        bounds.save(folder / INTERVALS)
    elif bounds:
        files.write_json(folder / CROSS_INTERVALS, bounds.told())
    for number, fold in enumerate(folds):
        own = folder / FOLDS / f"{number}"
        own.mkdir(parents=True)
        fold.estimator.save(own)
        if not fold.featuriser.sees_like(featuriser):
            fold.featuriser.save(own / FEATURISER)
    if out_of_fold is not None:
        np.save(folder / OUT_OF_FOLD, out_of_fold, allow_pickle=False)
    files.write_json(folder / ABOUT, {"name": name, **about})


def load(folder: Path) -> Model:
    """Return the model of a folder.

    Raises PipelineError when it cannot be loaded, whatever is missing, cut short or of another
    version: callers decide what an unloadable model means.

    >>> load(Path("models/promoted/champion"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    sales.errors.PipelineError: the model in models/promoted/champion cannot be loaded: ...
    """
    try:
        about = files.read_json(folder / ABOUT)
        name, featuriser = about["name"], Featuriser.load(folder / FEATURISER)
        return Model(
            name,
            featuriser,
            _estimator(folder, about),
            about,
            files.content_hash(folder),
            _megabytes(folder.rglob("*")),
            _intervals(folder),
            tuple(_folds(folder, about, featuriser)),
            _out_of_fold(folder / OUT_OF_FOLD),
        )
    except Exception as error:  # libraries raise anything on a damaged file
        reason = " ".join(str(error).split()) or type(error).__name__
        raise PipelineError(f"the model in {folder} cannot be loaded: {reason[:300]}") from error


def _estimator(folder: Path, about: dict[str, Any]) -> Estimator:
    return scale.of(about).answering(estimators.module(about["name"]).load(folder))


def _intervals(folder: Path) -> Intervals | CrossIntervals | None:
    if (folder / CROSS_INTERVALS).is_file():
        return cross_intervals.of(files.read_json(folder / CROSS_INTERVALS))
    return intervals.load(folder / INTERVALS)


def _folds(folder: Path, about: dict[str, Any], featuriser: Featuriser) -> Iterator[Fold]:
    for number in count():
        own = folder / FOLDS / f"{number}"
        if not own.is_dir():
            return
        path = own / FEATURISER
        mine = Featuriser.load(path) if path.is_file() else featuriser
        yield Fold(mine, _estimator(own, about))


def _out_of_fold(path: Path) -> np.ndarray | None:
    return np.load(path, allow_pickle=False) if path.is_file() else None


def _megabytes(paths: Iterable[Path]) -> float:
    return round(sum(path.stat().st_size for path in paths if path.is_file()) / 1e6, 3)
