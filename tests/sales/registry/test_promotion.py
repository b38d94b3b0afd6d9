"""The promotion rule as a table."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.errors import PipelineError
from sales.registry import promotion
from sales.registry.history import Who
from sales.registry.promotion import Candidate, Compared, Decision, Incumbent, Move, decide, moves

FIELDS = frozenset({"Quantity", "UnitPrice"})
CANDIDATE = Candidate("xgboost", "new", 90.0, FIELDS)


def against(rmse, candidate=90.0, low=0.1, high=20.0, **changes):
    """Return a comparison with an incumbent of that RMSE, beyond chance if nothing else is said."""
    given = {"rows": 200, "on": "200 rows that neither learnt from", **changes}
    return Compared(candidate, rmse, low, high, **given)


def incumbent(rmse=100.0, candidate=90.0, **changes):
    return Incumbent(
        **{
            "name": "old",
            "content_hash": "old",
            "compared": None if rmse is None else against(rmse, candidate),
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
        (
            incumbent(compared=against(100.0, low=0.0)),
            False,
            "kept",
            "10.00 % better, which may be chance: test RMSE 90 against 100 (0.00 to 20.00 % "
            "better, 95 % sure) on 200 rows that neither learnt from; such rows tell 18.6 % from "
            "chance 19 times of 20, 10.00 % takes some 760",
        ),
        (
            incumbent(compared=against(100.0, low=-math.inf, high=100.0)),
            False,
            "kept",
            "may be chance: test RMSE 90 against 100 (any % worse to 100.00 % better",
        ),
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


@given(
    rmse=st.floats(0, 1e6),
    standing=st.floats(0, 1e6),
    least=st.floats(0, 99),
    low=st.floats(-100, 100),
)
def test_a_sound_incumbent_loses_to_no_worse_equal_or_doubtful_candidate(
    rmse, standing, least, low
):
    stands = incumbent(compared=against(standing, rmse, low))
    decision = decide(Candidate("c", "new", rmse, FIELDS), stands, least)
    if decision.promote:
        assert rmse < standing
        assert low > 0
    elif rmse < standing and low > 0:
        assert 100 * (1 - rmse / standing) < least


@given(rmse=st.floats(0, 1e6), least=st.floats(0, 99))
def test_after_a_promotion_the_same_candidate_changes_nothing(rmse, least):
    again = Incumbent("c", "new", against(rmse, rmse), FIELDS)
    assert not decide(Candidate("c", "new", rmse, FIELDS), again, least).promote


HASHES = {"a": "hash a", "b": "hash b", "c": "hash c"}


@pytest.mark.parametrize(
    ("barred", "top_k", "names"),
    [
        ((), 2, ["c", "a"]),
        ((), 5, ["c", "a", "b"]),
        (("hash c",), 1, ["a"]),
        (("hash c", "hash b"), 3, ["a"]),
        (tuple(HASHES.values()), 3, []),
    ],
)
def test_a_barred_model_leaves_its_place_to_the_next(barred, top_k, names):
    assert promotion.contenders(["c", "a", "b"], HASHES, barred, top_k) == names


def test_where_all_are_barred_the_champion_stays():
    kept = Decision(False, "kept", "every model that passed is barred")
    assert promotion.without_candidate(incumbent()) == kept


@pytest.mark.parametrize("stands", [None, incumbent(None, unloadable="file is gone")])
def test_where_all_are_barred_and_nobody_can_stay_a_person_is_asked(stands):
    with pytest.raises(PipelineError, match="barred, and there is no champion: `make lift VERSION"):
        promotion.without_candidate(stands)


def test_the_figures_of_a_decision():
    decision = decide(CANDIDATE, incumbent(100.0), 1.0)
    assert promotion.figures(CANDIDATE, incumbent(100.0), decision) == {
        "candidate_test_rmse": 90.0,
        "incumbent_test_rmse": 100.0,
        "improvement_pct": pytest.approx(10.0),
        "improvement_low": 0.1,
        "improvement_high": 20.0,
        "compared_rows": 200,
    }
    one_row = incumbent(compared=against(100.0, low=-math.inf, high=100.0))
    doubtful = promotion.figures(CANDIDATE, one_row, decide(CANDIDATE, one_row, 1.0))
    assert (doubtful["improvement_low"], doubtful["improvement_high"]) == (None, 100.0)
    nobody = Decision(False, "kept", "every model that passed is barred")
    assert set(promotion.figures(None, None, nobody).values()) == {None}


ONE, TWO, THREE = (Who(model=f"m{i}", version=i, content_hash=f"h{i}") for i in (1, 2, 3))
FIRST = Decision(True, "first", "is first")
BETTER = Decision(True, "replaced", "is better")
HELD = Decision(False, "proposed", "is better")
WORSE = Decision(False, "kept", "is no better")
SAME = Decision(False, "unchanged", "is champion already")
NEXT = "the best after it"


@pytest.mark.parametrize(
    ("decision", "ranked", "holders", "expected"),
    [
        (
            FIRST,
            [ONE, TWO],
            (None, None),
            [
                Move("promoted", ONE, None, ONE, None, "is first"),
                Move("challenger", TWO, ONE, ONE, TWO, NEXT),
            ],
        ),
        (FIRST, [ONE], (None, None), [Move("promoted", ONE, None, ONE, None, "is first")]),
        (  # who was challenger becomes champion, and the champion is not today's
            BETTER,
            [TWO],
            (ONE, TWO),
            [Move("promoted", TWO, ONE, TWO, None, "is better")],
        ),
        (  # the old champion is today's second
            BETTER,
            [THREE, ONE],
            (ONE, TWO),
            [
                Move("promoted", THREE, ONE, THREE, TWO, "is better"),
                Move("challenger", ONE, THREE, THREE, ONE, NEXT),
            ],
        ),
        (SAME, [ONE, TWO], (ONE, TWO), []),
        (SAME, [ONE], (ONE, TWO), [Move("challenger", None, ONE, ONE, None, NEXT)]),
        (
            WORSE,
            [TWO],
            (ONE, None),
            [
                Move("refused", TWO, ONE, ONE, None, "is no better"),
                Move("challenger", TWO, ONE, ONE, TWO, NEXT),
            ],
        ),
        (WORSE, [TWO], (ONE, TWO), [Move("refused", TWO, ONE, ONE, TWO, "is no better")]),
        (
            HELD,
            [THREE, TWO],
            (ONE, TWO),
            [
                Move("proposed", THREE, ONE, ONE, TWO, "is better"),
                Move("challenger", THREE, ONE, ONE, THREE, NEXT),
            ],
        ),
        (WORSE, [], (ONE, None), []),  # all are barred
        (WORSE, [], (ONE, TWO), [Move("challenger", None, ONE, ONE, None, NEXT)]),
    ],
)
def test_what_a_decision_does_to_the_aliases(decision, ranked, holders, expected):
    assert moves(decision, ranked, *holders) == expected


def test_why_nobody_passed_is_told_model_by_model():
    rules = {"r2": {"why": "R² is 0, 0.9 is asked for"}, "skill": {"why": "no skill"}}
    gate = {
        "models": {
            "one": {"failed": ["r2", "skill"], "rules": rules},
            "two": {"failed": ["skill"], "rules": rules},
        }
    }
    assert promotion.nobody_passed(gate) == (
        "no model passed the gate, nothing is promoted. "
        "one: R² is 0, 0.9 is asked for; no skill. two: no skill"
    )


def test_a_record_in_words():
    decision = {"outcome": "kept", "reason": "xgboost is no better"}
    record = {
        "champion": {"model": "linear_regression", "version": 3},
        "challenger": {"model": "xgboost", "version": 4},
        "decision": decision,
    }
    said = "champion: linear_regression, version 3 (kept: xgboost is no better)\n"
    assert promotion.as_text(record) == f"{said}challenger: xgboost, version 4"
    assert promotion.as_text({**record, "challenger": None}) == f"{said}challenger: none"
    told = {**record, "decision": {**decision, "data": "july.csv is new"}}
    assert promotion.as_text(told).endswith("version 4\ndata: july.csv is new")
    waits = {**record, "decision": {"outcome": "proposed", "reason": "xgboost is better"}}
    assert "version 3 (make approve takes the proposal: xgboost is" in promotion.as_text(waits)
