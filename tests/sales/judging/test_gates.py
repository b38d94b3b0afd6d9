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
    max_test_rmse_pct=30.0,
    max_generalization_gap_pct=2.0,
    max_negative_prediction_pct=0.1,
    min_skill_pct=50.0,
    max_slice_rmse_ratio=2.0,
    max_inclusion_ratio=1.25,
    max_behaviour_violation_pct=5.0,
    max_coverage_shortfall_pct=2.0,
    max_model_mb=100.0,
)
GOOD = {
    "train": {"rmse": 4.0},
    "valid": {"rmse": 5.0},
    "test": {"rmse": 5.5, "r2": 0.99},
    "test_rmse_pct": 0.8,
    "skill_pct": 99.0,
    "generalization_gap_pct": 0.2,
    "negative_prediction_pct": 0.0,
    "slice_rmse_ratio": 1.5,
    "inclusion": {"ratio": 1.02, "level": "City=Austin"},
    "behaviour_violation_pct": 1.0,
    "coverage_shortfall": 0.0,
    "target_may_be_negative": False,
    "behaviour": {"higher_price": 1.0},
    "model_mb": 3.5,
}
# One that passes with a small gap, and is better on test.
STEADY = gates.Steady("steady", 5.0)
# rule -> the path of its metric, a value on the threshold, one just beyond it
EDGES = {
    "min_test_r2": (("test", "r2"), 0.9, 0.8999),
    "max_test_rmse": (("test", "rmse"), 250.0, 250.1),
    "max_test_rmse_pct": (("test_rmse_pct",), 30.0, 30.01),
    "max_generalization_gap_pct": (("generalization_gap_pct",), 2.0, 2.001),
    "max_negative_prediction_pct": (("negative_prediction_pct",), 0.1, 0.11),
    "min_skill_pct": (("skill_pct",), 50.0, 49.9),
    "max_slice_rmse_ratio": (("slice_rmse_ratio",), 2.0, 2.01),
    "max_inclusion_ratio": (("inclusion", "ratio"), 1.25, 1.251),
    "max_behaviour_violation_pct": (("behaviour_violation_pct",), 5.0, 5.01),
    "max_coverage_shortfall_pct": (("coverage_shortfall",), 2.0, 2.1),
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
    assert gates.judge(changed(path, on), PARAMS, STEADY)["failed"] == []
    judged = gates.judge(changed(path, beyond), PARAMS, STEADY)
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
    assert set(judged["failed"]) == {
        *gates.RULES,
        *(f"{part}_rmse_known" for part in ("train", "valid", "test")),
    }


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


@pytest.mark.parametrize("rule", EDGES)
def test_a_rule_that_is_null_is_not_asked_for_and_says_so(rule):
    loose = PARAMS.model_copy(update={rule: None})
    path, _, beyond = EDGES[rule]
    told = gates.judge(changed(path, beyond), loose, STEADY)
    assert told["verdict"] == "passed"
    assert (told["rules"][rule]["threshold"], told["rules"][rule]["applies"]) == (None, False)
    assert told["rules"][rule]["value"] == beyond
    assert told["rules"][rule]["why"].endswith("does not apply, it is null")


def test_where_nothing_is_asked_for_a_diverged_model_is_refused_all_the_same():
    nothing = gates.GateParams(**dict.fromkeys(gates.GateParams.model_fields))
    assert gates.judge(GOOD, nothing)["verdict"] == "passed"
    for part in ("train", "valid", "test"):
        judged = gates.judge(changed((part, "rmse"), math.nan), nothing)
        assert judged["failed"] == [f"{part}_rmse_known"]


def test_a_target_that_may_be_negative_may_be_predicted_so():
    negative = changed(("negative_prediction_pct",), 40.0)
    assert gates.judge(negative, PARAMS)["failed"] == ["max_negative_prediction_pct"]
    rule = gates.judge({**negative, "target_may_be_negative": True}, PARAMS)["rules"]
    told = rule["max_negative_prediction_pct"]
    assert (told["passed"], told["applies"], told["value"]) == (True, False, 40.0)
    assert told["why"].endswith("the rule does not apply, the target may be negative")


def test_where_no_behaviour_is_asked_for_its_rule_does_not_apply():
    told = gates.judge({**GOOD, "behaviour": {}}, PARAMS)["rules"]["max_behaviour_violation_pct"]
    assert (told["passed"], told["applies"]) == (True, False)


def test_where_no_column_is_named_inclusion_does_not_apply():
    told = gates.judge({**GOOD, "inclusion": {}}, PARAMS)["rules"]["max_inclusion_ratio"]
    assert (told["passed"], told["applies"]) == (True, False)
    assert told["why"].endswith("the rule does not apply, evaluate.inclusion names no column")


def model(train, valid, test, **changes):
    """Return metrics of three errors, of a target whose spread is 100."""
    return {
        **GOOD,
        "train": {"rmse": train},
        "valid": {"rmse": valid},
        "test": {"rmse": test, "r2": 0.99},
        "generalization_gap_pct": test - train,
        **changes,
    }


def test_a_gap_refuses_only_a_model_that_a_steadier_one_beats_on_test():
    # As it was on a small table: 5.53 refused, 6.68 promoted.
    decision = gates.decide({"best": model(2, 5, 5.53), "worse": model(6, 7, 6.68)}, PARAMS)
    assert decision["ranking"] == ["best", "worse"]
    assert decision["steady"] == {"model": "worse", "test_rmse": 6.68}
    why = decision["models"]["best"]["rules"][gates.GAP]["why"]
    assert (
        why == "generalization gap in % is 3.53, above 2, but no model within it is better on test"
    )
    # As it is on `quote`: the trees know their train rows by heart, and are worse for it.
    decision = gates.decide({"trees": model(20.9, 50, 55.8), "plain": model(50, 52, 50.6)}, PARAMS)
    assert decision["ranking"] == ["plain"]
    why = decision["models"]["trees"]["rules"][gates.GAP]["why"]
    assert why == "generalization gap in % is 34.9, above 2, and plain is better on test"


def test_a_model_that_is_refused_for_something_else_is_no_reason_to_refuse():
    broken = model(5, 5, 5, model_mb=1e6)
    decision = gates.decide({"broken": broken, "deep": model(1, 5, 6)}, PARAMS)
    assert decision["ranking"] == ["deep"]
    assert decision["steady"] is None


errors = st.floats(0.1, 100)


@given(found=st.lists(st.tuples(errors, errors, errors), min_size=1, max_size=6))
def test_the_gap_never_refuses_the_best_on_test(found):
    metrics = {f"m{i}": model(*three) for i, three in enumerate(found)}
    decision = gates.decide(metrics, PARAMS)
    best = min(metrics, key=lambda name: (metrics[name]["test"]["rmse"], name))
    assert decision["models"][best]["failed"] == []
    for name, judged in decision["models"].items():
        if judged["failed"]:
            steady = decision["steady"]["model"]
            assert metrics[steady]["generalization_gap_pct"] <= 2
            assert metrics[steady]["test"]["rmse"] < metrics[name]["test"]["rmse"]


def test_the_ranking_says_which_models_are_not_told_apart():
    found = {
        "a": model(5, 5, 5, not_told_apart_from="b, c"),
        "b": model(5, 5.1, 5, not_told_apart_from="a"),
        "c": model(5, 5.2, 5, model_mb=1e6, not_told_apart_from="a"),
        "d": model(8, 9, 9),
    }
    decision = gates.decide(found, PARAMS)
    assert decision["alike"] == {"a": ["b"], "b": ["a"], "d": []}


finite = st.floats(allow_nan=False, allow_infinity=False, width=32)


@given(rule=st.sampled_from(list(EDGES)), value=finite, worse_by=st.floats(0, 1e6))
def test_a_worse_metric_never_turns_refused_into_passed(rule, value, worse_by):
    path = EDGES[rule][0]
    worse = value - worse_by if rule.startswith("min_") else value + worse_by
    if gates.judge(changed(path, worse), PARAMS, STEADY)["verdict"] == "passed":
        assert gates.judge(changed(path, value), PARAMS, STEADY)["verdict"] == "passed"


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
