"""Why this prediction: the expected one, and what each feature of the order adds to it."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from sales.contract.holes import gone
from sales.models.features import Columns
from sales.models.saved import Model
from sales.serving.fields import DAYS


@dataclass(frozen=True)
class Contribution:
    """A feature, its value as people know it, and what it adds, in units of the target.

    The value is None where it is missing, or a derived column has none: the root of a negative
    number, say.
    """

    feature: str
    value: str | float | None
    amount: float


@dataclass(frozen=True)
class Together:
    """Features whose product the model weighs, and what that adds beyond its average."""

    features: tuple[str, ...]
    amount: float


@dataclass(frozen=True)
class Explanation:
    """A baseline and contributions, the largest first, that add up to the prediction.

    They do to half a unit in the last place of the largest of them: what a library loses in
    float32 is in the baseline, which therefore moves by that much from order to order. A `caveat`
    tells people what is unusual about them. `together` are the model's products, the largest first,
    of which each feature's contribution holds an equal share; None where the model has none.
    """

    prediction: float
    baseline: float
    contributions: tuple[Contribution, ...]
    caveat: str | None
    together: tuple[Together, ...] | None = None


def explain(model: Model, order: Columns, parts: Mapping[str, str]) -> Explanation:
    """Return why a model predicts what it predicts for one order: columns of a single value.

    `parts` are the columns that are a part of a date, by kind, as OrderSchema knows them. Raises
    PipelineError for a model that is too large to be explained.
    """
    X = model.featuriser.transform(order)
    prediction = float(model.estimator.predict(X)[0])
    found = model.estimator.contributions(X[0])
    amounts = [amount + 0.0 for amount in found.amounts.tolist()]  # no -0.0
    values = _values(model, order, X[0], parts)
    told = [
        Contribution(name, value, amount)
        for name, value, amount in zip(model.featuriser.columns, values, amounts, strict=True)
    ]
    names = model.featuriser.columns
    products = [Together(tuple(names[i] for i in term), by + 0.0) for term, by in found.terms]
    return Explanation(
        prediction,
        prediction - math.fsum(amounts),
        tuple(sorted(told, key=lambda one: -abs(one.amount))),
        found.caveat,
        tuple(sorted(products, key=lambda one: -abs(one.amount))) or None,
    )


def _values(
    model: Model, order: Columns, row: np.ndarray, parts: Mapping[str, str]
) -> Iterator[str | float | None]:
    fields = model.featuriser.fields
    said = {name for name, column in fields.items() if column.role == "boolean"}
    for name, number in zip(model.featuriser.columns, row.tolist(), strict=True):
        if name in model.featuriser.levels:
            value = np.asarray(order[name])[0]
            yield None if gone(value) else str(value)
        elif not math.isfinite(number):
            yield None
        elif name in said:
            yield "yes" if number else "no"
        elif parts.get(name) == "day_of_week":
            yield DAYS[int(number)]
        else:
            yield int(number) if number.is_integer() else number
