"""The gates: a table of verdicts, and what must hold of any metrics."""

import copy
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.judging import gates

PARAMS = gates.GateParams(
    min_test_r2=0.9,
    max_test_rmse=250.0,
    max_generalization_gap_pct=2.0,
    max_negative_prediction_pct=0.1,
    min_skill_pct=50.0,
    max_slice_rmse_ratio=2.0,
    max_behaviour_violation_pct=5.0,
    max_coverage_error=2.0,
    max_model_mb=100.0,
)
GOOD = {
    "train": {"rmse": 4.0},
    "valid": {"rmse": 5.0},
    "test": {"rmse": 5.5, "r2": 0.99},
    "skill_pct": 99.0,
    "generalization_gap_pct": 0.2,
    "negative_prediction_pct": 0.0,
    "slice_rmse_ratio": 1.5,
    "behaviour_violation_pct": 1.0,
    "coverage_error": 0.4,
    "model_mb": 3.5,
}
# rule -> the path of its metric, a value on the threshold, one just beyond it
EDGES = {
    "min_test_r2": (("test", "r2"), 0.9, 0.8999),
    "max_test_rmse": (("test", "rmse"), 250.0, 250.1),
    "max_generalization_gap_pct": (("generalization_gap_pct",), 2.0, 2.001),
    "max_negative_prediction_pct": (("negative_prediction_pct",), 0.1, 0.11),
    "min_skill_pct": (("skill_pct",), 50.0, 49.9),
    "max_slice_rmse_ratio": (("slice_rmse_ratio",), 2.0, 2.01),
    "max_behaviour_violation_pct": (("behaviour_violation_pct",), 5.0, 5.01),
    "max_coverage_error": (("coverage_error",), 2.0, 2.1),
    "max_model_mb": (("model_mb",), 100.0, 100.1),
}


def changed(path, value):
    """Return GOOD with one metric set, or removed where the value is `...`."""
    metrics = copy.deepcopy(GOOD)
    inner = metrics
    for key in path[:-1]:
        inner = inner[key]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return metrics


def test_good_metrics_pass_every_rule():
    judged = gates.judge(GOOD, PARAMS)
    assert judged["verdict"] == "passed"
    assert judged["failed"] == []
    assert set(judged["rules"]) == set(gates.RULES) == set(EDGES)


@pytest.mark.parametrize("rule", EDGES)
def test_the_threshold_itself_passes_and_beyond_it_fails(rule):
    path, on, beyond = EDGES[rule]
    assert gates.judge(changed(path, on), PARAMS)["failed"] == []
    judged = gates.judge(changed(path, beyond), PARAMS)
    assert judged["verdict"] == "refused"
    assert judged["failed"] == [rule]
    assert judged["rules"][rule]["value"] == beyond


@pytest.mark.parametrize("bad", [..., None, math.nan, math.inf, -math.inf, "5.5", True, [], {}])
@pytest.mark.parametrize("rule", EDGES)
def test_a_missing_or_non_finite_metric_refuses_by_name(rule, bad):
    judged = gates.judge(changed(EDGES[rule][0], bad), PARAMS)
    assert judged["verdict"] == "refused"
    assert rule in judged["failed"]
    assert judged["rules"][rule]["why"].endswith("is missing or not finite")


@pytest.mark.parametrize("part", ["train", "valid"])
@pytest.mark.parametrize("bad", [..., math.nan])
def test_ranking_and_gap_need_finite_train_and_valid_errors(part, bad):
    judged = gates.judge(changed((part, "rmse"), bad), PARAMS)
    assert judged["failed"] == [f"{part}_rmse_known"]


def test_nothing_known_is_refused():
    judged = gates.judge({}, PARAMS)
    assert set(judged["failed"]) == {*gates.RULES, "train_rmse_known", "valid_rmse_known"}


def test_why_says_the_value_and_the_threshold():
    judged = gates.judge(changed(("test", "rmse"), 300.0), PARAMS)
    assert judged["rules"]["max_test_rmse"]["why"] == "test RMSE is 300, above 250"


def test_ranks_the_passing_models_on_valid_not_on_test():
    better_on_test = changed(("valid", "rmse"), 6.0)
    better_on_test["test"]["rmse"] = 1.0
    refused = changed(("valid", "rmse"), 0.1)
    refused["test"]["r2"] = 0.0
    decision = gates.decide({"a": better_on_test, "b": GOOD, "c": refused, "d": GOOD}, PARAMS)
    assert decision["ranking"] == ["b", "d", "a"]
    assert decision["models"]["c"]["failed"] == ["min_test_r2"]


finite = st.floats(allow_nan=False, allow_infinity=False, width=32)


@given(rule=st.sampled_from(list(EDGES)), value=finite, worse_by=st.floats(0, 1e6))
def test_a_worse_metric_never_turns_refused_into_passed(rule, value, worse_by):
    path = EDGES[rule][0]
    worse = value - worse_by if rule.startswith("min_") else value + worse_by
    if gates.judge(changed(path, worse), PARAMS)["verdict"] == "passed":
        assert gates.judge(changed(path, value), PARAMS)["verdict"] == "passed"


KEYS = ["train", "valid", "test", "rmse", "r2", "skill_pct", "model_mb"]


@given(
    metrics=st.recursive(
        st.none() | finite | st.text(),
        lambda inner: st.dictionaries(st.sampled_from(KEYS), inner),
    )
)
def test_metrics_of_any_shape_with_gaps_are_refused(metrics):
    judged = gates.judge(metrics if isinstance(metrics, dict) else {}, PARAMS)
    assert judged["verdict"] == "refused"
