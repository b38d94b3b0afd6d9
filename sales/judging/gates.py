"""The quality gates: a pure function from a model's metrics to a verdict, failing closed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from sales.params import Group


class GateParams(Group):
    """The thresholds; see `gate` in params.yaml."""

    min_test_r2: float = Field(le=1)
    max_test_rmse: float = Field(gt=0)
    max_generalization_gap_pct: float = Field(ge=0)
    max_negative_prediction_pct: float = Field(ge=0, le=100)
    min_skill_pct: float = Field(le=100)
    max_slice_rmse_ratio: float = Field(ge=1)
    max_behaviour_violation_pct: float = Field(ge=0, le=100)
    max_coverage_error: float = Field(ge=0, le=100)
    max_model_mb: float = Field(gt=0)


@dataclass(frozen=True)
class Rule:
    """A metric, by its path in metrics/<model>.json, and how to speak of it.

    `min_` or `max_` in the rule's name says which side of the threshold passes.
    """

    metric: tuple[str, ...]
    text: str


RULES: dict[str, Rule] = {
    "min_test_r2": Rule(("test", "r2"), "test R²"),
    "max_test_rmse": Rule(("test", "rmse"), "test RMSE"),
    "max_generalization_gap_pct": Rule(("generalization_gap_pct",), "generalization gap in %"),
    "max_negative_prediction_pct": Rule(("negative_prediction_pct",), "negative predictions in %"),
    "min_skill_pct": Rule(("skill_pct",), "RMSE saved against the mean in %"),
    "max_slice_rmse_ratio": Rule(("slice_rmse_ratio",), "worst slice's RMSE against all"),
    "max_behaviour_violation_pct": Rule(
        ("behaviour_violation_pct",), "predictions that move the wrong way in %"
    ),
    "max_coverage_error": Rule(
        ("coverage_error",), "points between promised and measured coverage"
    ),
    "max_model_mb": Rule(("model_mb",), "model size in MB"),
}


def judge(metrics: Mapping[str, Any], params: GateParams) -> dict[str, Any]:
    """Return the verdict on a model: every rule with value, threshold, whether it holds and why.

    A metric that is missing, not a number, NaN or infinite fails its rule, and so does a missing,
    NaN or infinite RMSE on train or valid: the ranking and the gap stand on them. Of a model that
    learnt from a `sample` of the train rows the verdict says so.
    """
    rules = {name: _apply(name, rule, metrics, params) for name, rule in RULES.items()}
    for part in ("train", "valid"):
        value = _value(metrics, (part, "rmse"))
        if value is None:
            rules[f"{part}_rmse_known"] = {
                "value": None,
                "threshold": None,
                "passed": False,
                "why": f"{part} RMSE is missing or not finite",
            }
    failed = [name for name, rule in rules.items() if not rule["passed"]]
    judged = {"verdict": "refused" if failed else "passed", "failed": failed, "rules": rules}
    if "sampled_rows" in metrics:
        judged["sample"] = f"{metrics['sampled_rows']:,} of {metrics['train_rows']:,} train rows"
    return judged


def decide(metrics: Mapping[str, Mapping[str, Any]], params: GateParams) -> dict[str, Any]:
    """Return the content of gate.json: the verdicts, and the passing models ranked on **valid**.

    Ranking on the test rows would choose the model that suits them best, and the test score would
    no longer be an honest one. Equal RMSE ranks by name, so that the result is always the same.
    """
    models = {name: judge(metrics[name], params) for name in sorted(metrics)}
    passed = [name for name in models if models[name]["verdict"] == "passed"]
    ranking = sorted(passed, key=lambda name: (metrics[name]["valid"]["rmse"], name))
    return {"ranking": ranking, "models": models}


def _apply(name: str, rule: Rule, metrics: Mapping[str, Any], params: GateParams) -> dict[str, Any]:
    threshold = getattr(params, name)
    value = _value(metrics, rule.metric)
    if value is None:
        passed, why = False, f"{rule.text} is missing or not finite"
    elif name.startswith("min_"):
        passed = value >= threshold
        why = f"{rule.text} is {value:g}, {'at least' if passed else 'below'} {threshold:g}"
    else:
        passed = value <= threshold
        why = f"{rule.text} is {value:g}, {'at most' if passed else 'above'} {threshold:g}"
    return {"value": value, "threshold": threshold, "passed": passed, "why": why}


def _value(metrics: Mapping[str, Any], path: tuple[str, ...]) -> float | None:
    value: Any = metrics
    for key in path:
        if not isinstance(value, Mapping) or key not in value:
            return None
        value = value[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value
