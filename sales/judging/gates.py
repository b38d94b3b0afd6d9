"""The quality gates: a pure function from a model's metrics to a verdict, failing closed."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from sales.params import Group

GAP = "max_generalization_gap_pct"
# Without these nothing is known of a model, whichever rules are asked for.
PARTS = ("train", "valid", "test")


class GateParams(Group):
    """The thresholds; see `gate` in params.yaml. A rule that is null is not asked for."""

    RENAMED: ClassVar[Mapping[str, str]] = {"max_coverage_error": "max_coverage_shortfall_pct"}
    min_test_r2: float | None = Field(le=1)
    max_test_rmse: float | None = Field(gt=0)
    max_test_rmse_pct: float | None = Field(default=None, gt=0)
    max_generalization_gap_pct: float | None = Field(ge=0)
    max_negative_prediction_pct: float | None = Field(ge=0, le=100)
    min_skill_pct: float | None = Field(le=100)
    max_slice_rmse_ratio: float | None = Field(ge=1)
    max_inclusion_ratio: float | None = Field(default=None, ge=1)
    max_behaviour_violation_pct: float | None = Field(ge=0, le=100)
    max_coverage_shortfall_pct: float | None = Field(ge=0, le=100)
    max_model_mb: float | None = Field(gt=0)


def _may_be_negative(metrics: Mapping[str, Any]) -> str:
    return "the target may be negative" if metrics.get("target_may_be_negative") is True else ""


def _no_behaviour(metrics: Mapping[str, Any]) -> str:
    return "evaluate.behaviour asks for none" if metrics.get("behaviour") == {} else ""


def _no_inclusion(metrics: Mapping[str, Any]) -> str:
    return "evaluate.inclusion names no column" if metrics.get("inclusion") == {} else ""


@dataclass(frozen=True)
class Rule:
    """A metric, by its path in metrics/<model>.json, and how to speak of it.

    `min_` or `max_` in the rule's name says which side of the threshold passes. `needless` tells
    from the metrics why the rule does not apply to them; nothing, where it does.
    """

    metric: tuple[str, ...]
    text: str
    needless: Callable[[Mapping[str, Any]], str] = lambda _: ""


RULES: dict[str, Rule] = {
    "min_test_r2": Rule(("test", "r2"), "test R²"),
    "max_test_rmse": Rule(("test", "rmse"), "test RMSE"),
    "max_test_rmse_pct": Rule(("test_rmse_pct",), "test RMSE in % of the target's spread"),
    GAP: Rule(("generalization_gap_pct",), "generalization gap in %"),
    "max_negative_prediction_pct": Rule(
        ("negative_prediction_pct",), "negative predictions in %", _may_be_negative
    ),
    "min_skill_pct": Rule(("skill_pct",), "RMSE saved against the mean in %"),
    "max_slice_rmse_ratio": Rule(("slice_rmse_ratio",), "worst slice's RMSE against all"),
    "max_inclusion_ratio": Rule(
        ("inclusion", "ratio"), "worst level's RMSE against all, beyond chance", _no_inclusion
    ),
    "max_behaviour_violation_pct": Rule(
        ("behaviour_violation_pct",), "predictions that move the wrong way in %", _no_behaviour
    ),
    "max_coverage_shortfall_pct": Rule(
        ("coverage_shortfall",), "points of coverage below the promise, beyond chance"
    ),
    "max_model_mb": Rule(("model_mb",), "model size in MB"),
}


@dataclass(frozen=True)
class Steady:
    """The best of the models that pass with a gap within its limit, by its test RMSE."""

    model: str
    test_rmse: float


def judge(
    metrics: Mapping[str, Any], params: GateParams, steady: Steady | None = None
) -> dict[str, Any]:
    """Return the verdict on a model: every rule with value, threshold, whether it holds and why.

    A metric that is missing, not a number, NaN or infinite fails its rule, and so does a missing,
    NaN or infinite RMSE on train, valid or test: the ranking and the gap stand on them. A rule that
    is null, or does not apply, holds and says so. A gap above its limit fails only a model that a
    `steady` one beats. Of a model that learnt from a `sample` of the train rows the verdict says
    so.
    """
    rules = {name: _apply(name, rule, metrics, params) for name, rule in RULES.items()}
    gap = rules[GAP]
    if not gap["passed"] and gap["value"] is not None:
        rules[GAP] = {**gap, **_beaten(gap["why"], metrics, steady)}
    for part in PARTS:
        if _value(metrics, (part, "rmse")) is None:
            rules[f"{part}_rmse_known"] = {
                "value": None,
                "threshold": None,
                "applies": True,
                "passed": False,
                "why": f"{part} RMSE is missing or not finite",
            }
    failed = [name for name, rule in rules.items() if not rule["passed"]]
    judged = {"verdict": "refused" if failed else "passed", "failed": failed, "rules": rules}
    if "sampled_rows" in metrics:
        judged["sample"] = f"{metrics['sampled_rows']:,} of {metrics['train_rows']:,} train rows"
    return judged


def _beaten(why: str, metrics: Mapping[str, Any], steady: Steady | None) -> dict[str, Any]:
    """Return whether a model whose gap is too large is beaten on test, and how to say so."""
    rmse = _value(metrics, ("test", "rmse"))
    if steady is not None and (rmse is None or steady.test_rmse < rmse):
        return {"passed": False, "why": f"{why}, and {steady.model} is better on test"}
    return {"passed": True, "why": f"{why}, but no model within it is better on test"}


def decide(metrics: Mapping[str, Mapping[str, Any]], params: GateParams) -> dict[str, Any]:
    """Return the content of gate.json: the verdicts, and the passing models ranked on **valid**.

    Ranking on the test rows would choose the model that suits them best, and the test score would
    no longer be an honest one. Equal RMSE ranks by name, so that the result is always the same.
    `alike` names, for each, those that the test rows do not tell from it. `steady` is the model
    against which gaps were judged.
    """
    steady = _steady(metrics, params)
    models = {name: judge(metrics[name], params, steady) for name in sorted(metrics)}
    passed = [name for name in models if models[name]["verdict"] == "passed"]
    ranking = sorted(passed, key=lambda name: (metrics[name]["valid"]["rmse"], name))
    alike = {name: _alike(metrics[name], ranking) for name in ranking}
    told = None if steady is None else {"model": steady.model, "test_rmse": steady.test_rmse}
    return {"ranking": ranking, "alike": alike, "steady": told, "models": models}


def _steady(metrics: Mapping[str, Mapping[str, Any]], params: GateParams) -> Steady | None:
    strict = {name: judge(one, params) for name, one in metrics.items()}
    limit = params.max_generalization_gap_pct
    found = [
        Steady(name, metrics[name]["test"]["rmse"])
        for name, judged in sorted(strict.items())
        if judged["verdict"] == "passed"
        and (limit is None or judged["rules"][GAP]["value"] <= limit)
    ]
    return min(found, key=lambda one: one.test_rmse, default=None)


def _alike(metrics: Mapping[str, Any], ranking: list[str]) -> list[str]:
    told = metrics.get("not_told_apart_from")
    names = told.split(", ") if isinstance(told, str) else []
    return [name for name in ranking if name in names]


def _apply(name: str, rule: Rule, metrics: Mapping[str, Any], params: GateParams) -> dict[str, Any]:
    threshold = getattr(params, name)
    value = _value(metrics, rule.metric)
    needless = "it is null" if threshold is None else rule.needless(metrics)
    if needless:
        passed, why = True, f"{rule.text}: the rule does not apply, {needless}"
    elif value is None:
        passed, why = False, f"{rule.text} is missing or not finite"
    elif name.startswith("min_"):
        passed = value >= threshold
        why = f"{rule.text} is {value:g}, {'at least' if passed else 'below'} {threshold:g}"
    else:
        passed = value <= threshold
        why = f"{rule.text} is {value:g}, {'at most' if passed else 'above'} {threshold:g}"
    return {
        "value": value,
        "threshold": threshold,
        "applies": not needless,
        "passed": passed,
        "why": why,
    }


def _value(metrics: Mapping[str, Any], path: tuple[str, ...]) -> float | None:
    value: Any = metrics
    for key in path:
        if not isinstance(value, Mapping) or key not in value:
            return None
        value = value[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value
