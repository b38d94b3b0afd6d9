"""The promotion rule as a table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.registry.promotion import Candidate, Incumbent, decide

FIELDS = frozenset({"Quantity", "UnitPrice"})
CANDIDATE = Candidate("xgboost", "new", 90.0, FIELDS)


def incumbent(rmse=100.0, **changes):
    return Incumbent(
        **{
            "name": "old",
            "content_hash": "old",
            "test_rmse": rmse,
            "request_fields": FIELDS,
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("standing", "promote", "outcome", "reason"),
    [
        (None, True, "first", "xgboost is the first champion"),
        (incumbent(content_hash="new"), False, "unchanged", "is champion already"),
        (incumbent(100.0), True, "replaced", "10.00 % better: test RMSE 90 against 100"),
        (incumbent(90.91), True, "replaced", "1.00 % better"),
        (incumbent(90.5), False, "kept", "only 0.55 % better, 1 % are asked for"),
        (incumbent(90.0), False, "kept", "no better: test RMSE 90 against 90"),
        (incumbent(80.0), False, "kept", "no better: test RMSE 90 against 80"),
        (incumbent(80.0, failed_rules=("min_test_r2",)), True, "replaced", "gate: min_test_r2"),
        (incumbent(None), True, "replaced", "no score on today's test rows"),
        (
            incumbent(80.0, request_fields=FIELDS | {"Tax"}),
            True,
            "replaced",
            "asks for other fields: Tax",
        ),
        (
            incumbent(None, unloadable="file is gone"),
            True,
            "replaced",
            "cannot be loaded: file is gone",
        ),
    ],
)
def test_the_rule(standing, promote, outcome, reason):
    decision = decide(CANDIDATE, standing, 1.0)
    assert (decision.promote, decision.outcome) == (promote, outcome)
    assert reason in decision.reason


@given(rmse=st.floats(0, 1e6), standing=st.floats(0, 1e6), least=st.floats(0, 99))
def test_a_sound_incumbent_never_loses_to_a_worse_or_equal_candidate(rmse, standing, least):
    decision = decide(Candidate("c", "new", rmse, FIELDS), incumbent(standing), least)
    if decision.promote:
        assert rmse < standing
    elif rmse < standing:
        assert 100 * (1 - rmse / standing) < least


@given(rmse=st.floats(0, 1e6), least=st.floats(0, 99))
def test_after_a_promotion_the_same_candidate_changes_nothing(rmse, least):
    again = Incumbent("c", "new", rmse, FIELDS)
    assert not decide(Candidate("c", "new", rmse, FIELDS), again, least).promote
