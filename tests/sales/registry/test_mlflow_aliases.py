"""Aliases and tags follow from the history alone."""

from sales.registry import mlflow_aliases
from sales.registry.history import Event, Who

ONE, TWO = (Who(model="xgboost", version=n, content_hash=str(n) * 64) for n in (1, 2))

SPLIT = {
    **{"split": "hash", "group": None, "seed": 42, "test_size": 0.2, "valid_size": 0.1},
    "train_rows_sha256": "ab12",
}


def event(what, **facts):
    return Event(when="2026-11-26T00:00:00+00:00", what=what, **facts)


def test_the_last_decision_and_the_bar_of_each_version():
    told = [
        event("registered", to=ONE),
        event("registered", to=TWO, entry={"learnt_from": SPLIT}),
        event("promoted", to=ONE, candidate_test_rmse=3.0, reason="the first"),
        event(
            "promoted",
            to=TWO,
            from_=ONE,
            candidate_test_rmse=2.0,
            incumbent_test_rmse=3.0,
            improvement_pct=33.3,
            reason="better",
        ),
        event("rolled back", by="person", to=ONE, from_=TWO, reason="too low"),
        event("refused", to=TWO, from_=ONE, reason="barred since then"),
    ]
    found = mlflow_aliases.tags(told)
    assert found[ONE.content_hash] == {
        "decision": "first",
        "reason": "the first",
        "candidate_test_rmse": "3.0",
    }
    assert found[TWO.content_hash] == {
        "decision": "replaced",
        "reason": "better",
        "candidate_test_rmse": "2.0",
        "incumbent_test_rmse": "3.0",
        "improvement_pct": "33.3",
        "split": "hash, seed 42, test 0.2, valid 0.1",
        "train_rows_sha256": "ab12",
        "barred": "2026-11-26T00:00:00+00:00",
        "bar_reason": "too low",
    }
    found = mlflow_aliases.tags([*told, event("lifted", by="person", to=TWO)])
    assert (found[TWO.content_hash]["barred"], found[TWO.content_hash]["bar_reason"]) == ("", "")
    refused = event("refused", to=TWO, candidate_test_rmse=2.0, reason="no better")
    assert mlflow_aliases.tags([*told, refused])[TWO.content_hash]["decision"] == "kept"


def test_a_version_that_waits_for_approval_says_until_when():
    about = {"candidate_test_rmse": 2.0, "incumbent_test_rmse": 3.0, "improvement_pct": 33.3}
    told = [
        event("promoted", to=ONE, candidate_test_rmse=3.0, reason="the first"),
        event("proposed", to=TWO, from_=ONE, reason="better", until="2026-12-10", **about),
    ]
    found = mlflow_aliases.tags(told)[TWO.content_hash]
    assert found == {
        "decision": "proposed",
        "reason": "better",
        **{key: str(value) for key, value in about.items()},
        "proposed": "2026-11-26T00:00:00+00:00",
        "proposed_until": "2026-12-10",
    }
    over = {**found, "proposed": "", "proposed_until": ""}
    assert mlflow_aliases.tags([*told, event("expired", to=TWO)])[TWO.content_hash] == over
    looked_at = event("promoted", by="person", to=TWO, from_=ONE, reason="looked at")
    approved = mlflow_aliases.tags([*told, looked_at])[TWO.content_hash]
    assert approved == {**over, "decision": "approved", "reason": "looked at"}
