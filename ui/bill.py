"""The bill: what an order's prediction is made of, by the contract's own expressions."""

from typing import Any

import numpy as np

from sales.contract.expressions import Expression

REST = "Estimated by the model"


def parts(breakdown: dict[str, str], order: dict[str, Any], total: float) -> dict[str, float]:
    """Return each part that the order's fields give, and the rest that the model alone knows.

    The parts add up to `total`. A part that needs a field which this model does not ask for (tax,
    in a quote) is left out, and so comes to be in the rest.
    """
    found = {}
    for label, text in breakdown.items():
        expression = Expression.parse(text, f"breakdown.{label}")
        if all(order.get(name) is not None for name in expression.names):
            inputs = {name: np.array([order[name]], np.float64) for name in expression.names}
            found[label] = float(expression.evaluate(inputs)[0]) + 0.0
    return {**found, REST: total - sum(found.values())}
