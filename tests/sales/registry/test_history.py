"""Who is champion, barred or before it, by the history alone."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.errors import PipelineError
from sales.registry import history
from sales.registry.history import Event, Who


def who(number):
    return Who(model="xgboost", version=number, content_hash=f"hash{number}")


def event(what, to=None, from_=None, **facts):
    return Event(
        when="2026-01-02T03:04:05+00:00",
        what=what,
        to=who(to) if to else None,
        from_=who(from_) if from_ else None,
        **facts,
    )


def promoted(to, from_=None, by="rule", **facts):
    return event("promoted", to, from_, by=by, champion=who(to), **facts)


def back(to, from_):
    return event("rolled back", to, from_, by="person", champion=who(to))


THREE = [promoted(1), promoted(2, 1), promoted(3, 2)]


@pytest.mark.parametrize(
    ("events", "lineage", "before", "barred"),
    [
        ([], [], None, []),
        ([promoted(1)], [1], None, []),
        (THREE, [1, 2, 3], 2, []),
        ([*THREE, back(2, 3)], [1, 2], 1, [3]),
        ([*THREE, back(2, 3), back(1, 2)], [1], None, [2, 3]),
        ([*THREE, back(2, 3), event("lifted", 3)], [1, 2], 1, []),
        ([*THREE, back(2, 3), promoted(4, 2)], [1, 2, 4], 2, [3]),
        # who came back stands where they came back, and is nobody's fallback twice
        ([*THREE, promoted(1, 3, by="person")], [2, 3, 1], 3, []),
        # a barred one in between is passed over
        ([*THREE, back(2, 3), promoted(3, 2, by="person"), promoted(4, 3)], [1, 2, 3, 4], 2, [3]),
        ([*THREE, event("refused", 4, 3, champion=who(3))], [1, 2, 3], 2, []),
    ],
)
def test_lineage_previous_and_bars(events, lineage, before, barred):
    assert [one.version for one in history.lineage(events)] == lineage
    assert history.previous(events) == (who(before) if before else None)
    assert sorted(history.barred(events)) == [f"hash{number}" for number in barred]


@given(st.lists(st.sampled_from(["promote", "roll back"]), max_size=30))
def test_rollbacks_retrace_the_promotions(steps):
    events, stack, made = [], [], 0
    for step in steps:
        if step == "promote":
            made += 1
            events.append(promoted(made, stack[-1] if stack else None))
            stack.append(made)
        elif history.previous(events):
            left = stack.pop()
            assert history.previous(events) == who(stack[-1])
            events.append(back(stack[-1], left))
        assert [one.version for one in history.lineage(events)] == stack
        assert history.champion(events) == (who(stack[-1]) if stack else None)
        assert not set(history.barred(events)) & {f"hash{number}" for number in stack}


@pytest.mark.parametrize(
    ("events", "overruled"),
    [
        ([], {}),
        (THREE, {}),
        ([*THREE, promoted(2, 3, by="person")], {"hash3": "a person"}),
        ([*THREE, promoted(2, 3, by="person"), event("refused", 3, 2)], {"hash3": "a person"}),
        ([*THREE, promoted(2, 3, by="person"), promoted(4, 2)], {}),
        ([*THREE, promoted(2, 3, by="person"), back(3, 2)], {}),
        ([*THREE, promoted(2, 3, trial={"name": "spring"})], {"hash3": "the trial 'spring'"}),
    ],
)
def test_a_persons_or_a_trials_choice_stands_until_the_next_change(events, overruled):
    assert history.overruled(events) == overruled


def test_a_refusal_is_told_once_until_something_about_it_changes():
    first = event("refused", 2, 1, champion=who(1), reason="no better", git_commit="a")
    again = first.model_copy(update={"when": "later", "git_commit": "b"})
    assert history.told_before(again, [first])
    assert history.told_before(again, [first, event("challenger", 3)])
    assert not history.told_before(again, [])
    assert not history.told_before(again.model_copy(update={"reason": "barred"}), [first])


def test_what_is_appended_is_read_again(tmp_path):
    path = tmp_path / "history.jsonl"
    assert history.read(path) == []
    told = [
        event("registered", 1, dvc_md5="a.dir", entry={"metrics": {"test.rmse": 1.5}}),
        promoted(1).model_copy(update={"reason": 'said "so", in Zürich,\nand twice'}),
    ]
    history.append(path, told[:1])
    first = path.read_bytes()
    history.append(path, told[1:])
    assert path.read_bytes().startswith(first)
    assert len(path.read_bytes().splitlines()) == 2
    assert history.read(path) == told


@pytest.mark.parametrize("damage", ["{", '{"when": "now"}', '{"what": "promoted", "so": 1}', ""])
def test_a_damaged_line_is_named(tmp_path, damage):
    path = tmp_path / "history.jsonl"
    history.append(path, [promoted(1)])
    with path.open("a") as file:
        file.write(damage + "\n")
    with pytest.raises(PipelineError, match=r"history\.jsonl, line 2 is damaged: "):
        history.read(path)


def test_the_table_tells_a_person():
    told = promoted(2, 1).model_copy(
        update={
            "candidate_test_rmse": 1234.5,
            "incumbent_test_rmse": 1300.0,
            "improvement_pct": 5.0385,
            "git_commit": "0123456789",
            "data_hash": "abcdef0123",
            "reason": "5.04 % better",
        }
    )
    (row,) = history.table([told])
    assert dict(zip(history.HEADER, row, strict=True)) == {
        "when": "2026-01-02 03:04:05",
        "what": "promoted",
        "to": "xgboost, version 2",
        "from": "xgboost, version 1",
        "test RMSE": "1,234.5000",
        "against": "1,300.0000",
        "compared": "5.04 % better",
        "commit": "0123456",
        "data": "abcdef0",
        "reason": "5.04 % better",
    }


def test_the_table_tells_how_sure_a_difference_is():
    ends = {"improvement_pct": 5.0385, "improvement_low": 1.2, "improvement_high": 9.87}
    (row,) = history.table([promoted(2, 1).model_copy(update=ends)])
    at = history.HEADER.index("compared")
    assert row[at] == "5.04 % better (1.20 to 9.87 % better)"
    ends = {"improvement_pct": -0.05, "improvement_low": -0.3, "improvement_high": 0.21}
    (row,) = history.table([promoted(2, 1).model_copy(update=ends)])
    assert row[at] == "0.05 % worse (0.30 % worse to 0.21 % better)"


def test_the_last_decision_on_a_model_is_found_among_others():
    told = [
        event("refused", 2, 1, candidate_test_rmse=3.0),
        event("promoted", 2, 1, candidate_test_rmse=2.0),
        event("promoted", 2, 3, by="person"),
        event("refused", 2, 3, reason="barred"),  # nothing was compared
        event("refused", 4, 2, candidate_test_rmse=9.0),
    ]
    assert history.decision(told, "hash2") is told[1]
    assert history.decision(told, "hash5") is None


def test_the_table_for_a_terminal_has_aligned_columns():
    first = promoted(1).model_copy(update={"reason": "first"})
    header, one, two = history.as_text([first, promoted(2, 1)]).splitlines()
    assert header.split() == " ".join(history.HEADER).split()
    for column, cells in (("to", ("xgboost, version 1", "xgboost, version 2")),):
        at = header.index(f"{column} ")
        assert (one[at:].startswith(cells[0]), two[at:].startswith(cells[1])) == (True, True)
    assert one[header.index("reason") :] == "first"
    assert two == two.rstrip()


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("too low in Texas", "too low in Texas"),
        ("two\nlines\r\n\tand\u2028three", "two lines and three"),
        ("\x1b[2K\x1b[1Aforged", "\\x1b[2K\\x1b[1Aforged"),
        ("right to left: \u202eDEBAR", "right to left: \\u202eDEBAR"),
        ("zu niedrig in Zürich", "zu niedrig in Zürich"),
        (os.fsdecode("Zürich".encode("latin-1")), "Zürich"),
        (" \n ", ""),
    ],
)
def test_a_reason_is_one_line_of_text_whatever_was_typed(typed, line):
    assert history.as_line(typed) == line


def test_a_history_with_a_reason_of_before_forges_no_line():
    forged = promoted(1).model_copy(update={"reason": "fine\n2026-01-01  promoted\x1b[1A"})
    _, row = history.as_text([forged]).splitlines()
    assert row.endswith("fine\\n2026-01-01  promoted\\x1b[1A")


def test_the_table_tells_how_a_retraining_ended():
    told = event("retrained", outcome="kept", reason="no better", due=("new_rows",))
    (row,) = history.table([told])
    assert (row[1], row[-1]) == ("retrained", "kept: no better")
