"""The scale on which a target is learnt: as it is, or its logarithm; answers are in its own units.

On the logarithm an error is a share of the amount: what is wanted where a target's size varies by
powers of ten, and a model that is right about large amounts is of no use for small ones.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sales import files, params
from sales.errors import PipelineError
from sales.estimators import Contributions, Estimator, TrainingData, TrainingFiles
from sales.params import Group

BITS = 40  # of a number are kept: 12 digits. The last ones differ from processor to processor
SHARES = (
    "each feature multiplies the prediction, as the model learnt the logarithm: the amounts are "
    "what it adds in proportion to that"
)

Transform = Literal["none", "log1p"]


class TargetParams(Group):
    """See `train.target` in params.yaml."""

    transform: Transform


@dataclass(frozen=True)
class Scale:
    """How a target is learnt, and the least value that the contract lets it have, if any.

    Where it is transformed, no prediction is below that.
    """

    transform: Transform
    least: float | None = None

    def forward(self, y: np.ndarray) -> np.ndarray:
        """Return targets as they are learnt.

        Raises PipelineError for one that has no logarithm.
        """
        if self.transform == "none":
            return y
        if len(y) and not y.min() > -1:
            raise PipelineError(
                f"train.target.transform: log1p takes targets above -1, there is {y.min():g}; "
                "set it to none"
            )
        return kept(np.log1p(y))

    def back(self, learnt: np.ndarray) -> np.ndarray:
        """Return predictions in units of the target."""
        if self.transform == "none":
            return learnt
        with np.errstate(over="ignore"):  # infinity: no gate lets it pass
            found = kept(np.expm1(learnt))
        return found if self.least is None else np.maximum(found, self.least)

    def learnt(self, data: TrainingData) -> TrainingData:
        """Return train and valid rows with targets as they are learnt."""
        if self.transform == "none":
            return data
        return replace(data, y=self.forward(data.y), y_valid=self.forward(data.y_valid))

    def files(self, rows: TrainingFiles) -> TrainingFiles:
        """Return the same of rows that lie in files."""
        return rows if self.transform == "none" else replace(rows, forward=self.forward)

    def answering(self, estimator: Estimator) -> Estimator:
        """Return what answers in units of the target where the estimator has learnt so."""
        return estimator if self.transform == "none" else Scaled(estimator, self)

    def told(self) -> dict[str, Any]:
        """Return what a model's folder says of it; nothing, where targets are what they are."""
        if self.transform == "none":
            return {}
        return {"target_scale": {"transform": self.transform, "least": self.least}}


def wanted(told: Path) -> Scale:
    """Return the scale that params.yaml asks for; what the contract says of the target is told."""
    asked = params.read("train.target", TargetParams)
    if asked.transform == "none":
        return Scale("none")
    return Scale(asked.transform, files.read_json(told)["least"])


def of(about: dict[str, Any]) -> Scale:
    """Return the scale of a model by what its folder says."""
    return Scale(**about.get("target_scale", {"transform": "none"}))


def kept(values: np.ndarray) -> np.ndarray:
    """Return the values to BITS binary digits; a number of fewer, and infinity, stay as they are.

    >>> kept(np.array([1.5, 0.1 + 0.2, -np.inf])).tolist()
    [1.5, 0.3000000000001819, -inf]
    """
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.rint(mantissa * 2.0**BITS), exponent - BITS)


@dataclass(frozen=True)
class Scaled:
    """An estimator that has learnt on a scale, and answers in units of the target."""

    inner: Estimator
    scale: Scale

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the predictions, none below the least target."""
        return self.scale.back(self.inner.predict(X))

    def contributions(self, row: np.ndarray) -> Contributions:
        """Return what each feature adds: its share of all that they add on the scale learnt.

        Exact and in no order of the features (Ang's logarithmic mean Divisia index).
        """
        found = self.inner.contributions(row)
        total = float(found.amounts.sum())
        baseline, prediction = (
            float(self.scale.back(np.array([end]))[0])
            for end in (found.baseline, found.baseline + total)
        )
        # As the features add nothing, the share of it becomes the slope there.
        a_unit = (prediction - baseline) / total if abs(total) > 1e-9 else baseline + 1
        caveat = f"{found.caveat}; {SHARES}" if found.caveat else SHARES
        terms = tuple((term, amount * a_unit) for term, amount in found.terms)
        return Contributions(baseline, found.amounts * a_unit, caveat, terms)

    def save(self, folder: Path) -> None:
        """Write the estimator; the scale stands in what the folder says of the model."""
        self.inner.save(folder)
