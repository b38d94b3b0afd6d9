"""What a run tells of a model."""

import math

from sales.registry.runs import flat


def test_nested_metrics_are_told_by_dotted_names_and_only_finite_numbers():
    metrics = {
        "test": {"rmse": 1.5, "r2": None, "bias": math.nan},
        "behaviour": {"price": {"up": 2}},
        "worst_slice": "Category=Books",
        "skill_pct": math.inf,
        "target_may_be_negative": False,
        "slices": 3,
    }
    assert flat(metrics) == {"test.rmse": 1.5, "behaviour.price.up": 2.0, "slices": 3.0}
