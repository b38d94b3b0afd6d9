"""A trained model as a folder that needs nothing else: estimator, featuriser and what it is."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sales import estimators, files
from sales.errors import PipelineError
from sales.estimators import Estimator
from sales.estimators.fitting import scale
from sales.models import intervals
from sales.models.features import Columns, Featuriser
from sales.models.intervals import Intervals

FEATURISER = "featuriser.json"
ABOUT = "model.json"
INTERVALS = "intervals.json"


@dataclass(frozen=True)
class Model:
    """A regressor of orders. `content_hash` of its folder names it, whatever time and place."""

    name: str
    featuriser: Featuriser
    estimator: Estimator
    about: dict[str, Any]
    content_hash: str
    megabytes: float
    intervals: Intervals | None = None

    def predict(self, orders: Columns) -> np.ndarray:
        """Return one prediction for each order, float64, in units of the target."""
        return self.estimator.predict(self.featuriser.transform(orders))


def save(
    folder: Path,
    name: str,
    estimator: Estimator,
    featuriser: Featuriser,
    about: dict[str, Any],
    bounds: Intervals | None = None,
) -> None:
    """Write the model's files into an existing folder."""
    estimator.save(folder)
    featuriser.save(folder / FEATURISER)
    if bounds:
        bounds.save(folder / INTERVALS)
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
        name = about["name"]
        return Model(
            name,
            Featuriser.load(folder / FEATURISER),
            scale.of(about).answering(estimators.module(name).load(folder)),
            about,
            files.content_hash(folder),
            _megabytes(folder.rglob("*")),
            intervals.load(folder / INTERVALS),
        )
    except Exception as error:  # libraries raise anything on a damaged file
        reason = " ".join(str(error).split()) or type(error).__name__
        raise PipelineError(f"the model in {folder} cannot be loaded: {reason[:300]}") from error


def _megabytes(paths: Iterable[Path]) -> float:
    return round(sum(path.stat().st_size for path in paths if path.is_file()) / 1e6, 3)
