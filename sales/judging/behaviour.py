"""Whether a model behaves: a change to one column moves its prediction as anybody would expect."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd

from sales.contract.expressions import Expression
from sales.errors import PipelineError
from sales.judging.tallies import significant
from sales.models.saved import Model
from sales.params import Group


class Behaviour(Group):
    """A change to one column, and the way in which a sane prediction moves, if it moves."""

    column: str
    becomes: str
    prediction: Literal["up", "down"]


def violations(
    model: Model, table: pd.DataFrame, predicted: np.ndarray, rules: Mapping[str, Behaviour]
) -> dict[str, float]:
    """Return, by rule, the percentage of orders whose prediction moves the wrong way.

    A column the model does not see is left out: its change cannot move the prediction.
    """
    shares = {}
    for name, rule in rules.items():
        where = f"evaluate.behaviour.{name}"
        expression = Expression.parse(rule.becomes, where)
        for column in (rule.column, *sorted(expression.names)):
            if column not in table:
                raise PipelineError(f"{where}: the data has no column '{column}'")
        if rule.column not in model.featuriser.request_fields:
            continue
        inputs = {column: table[column].to_numpy() for column in expression.names}
        changed = table.assign(**{rule.column: expression.evaluate(inputs)})
        moved = model.predict(changed) - predicted
        right = moved >= 0 if rule.prediction == "up" else moved <= 0
        shares[name] = significant(100 * np.mean(~right))  # NaN is never right
    return shares
