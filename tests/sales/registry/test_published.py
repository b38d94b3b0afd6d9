"""What followers are told of a version follows from the history alone."""

import json

from hypothesis import given
from hypothesis import strategies as st

from sales.registry import published
from sales.registry.history import Event, Who
from sales.serving import version_tags

ONE, TWO = (Who(model="xgboost", version=n, content_hash=str(n) * 64) for n in (1, 2))
MAY, JUNE = ({"name": f"{m}.csv", "sha256": m, "rows": 9} for m in ("may", "june"))


def event(when, what, **facts):
    return Event(when=when, what=what, **facts)


def test_a_version_is_told_with_its_last_decision_and_its_files():
    told = [
        event("monday", "registered", to=ONE, entry={"data": [MAY]}),
        event("monday", "promoted", to=ONE, candidate_test_rmse=3.0, reason="the first"),
        event("tuesday", "registered", to=TWO, entry={"data": [MAY, JUNE]}),
    ]
    found = json.loads(published.text(told, TWO.content_hash))
    assert found["decision"] is None
    assert [(span["name"], span["first_seen"]) for span in found["spans"]] == [
        ("may.csv", "monday"),
        ("june.csv", "tuesday"),
    ]
    refused = event("friday", "refused", to=TWO, candidate_test_rmse=3.5, reason="no better")
    decision = published.decision([*told, refused], TWO.content_hash)
    assert (decision["what"], decision["reason"]) == ("refused", "no better")
    assert decision["improvement_pct"] is None


def test_of_a_version_of_before_there_is_nothing_to_tell():
    told = [event("monday", "registered", to=ONE)]
    assert json.loads(published.text(told, ONE.content_hash)) == {"decision": None, "spans": None}


def test_the_edition_changes_with_what_is_told_of_anyone():
    assert published.edition(["a", "b"]) == published.edition(["b", "a"])
    assert published.edition(["a", "b"]) != published.edition(["a", "c"])


@given(st.lists(st.text(), max_size=3), st.integers(0, 20_000))
def test_whatever_is_told_comes_back_from_its_tags(words, much):
    before = version_tags.apart(json.dumps("x" * much), {})
    text = json.dumps({"words": words, "much": "é" * (much // 3)}, ensure_ascii=False)
    tags = {**before, **version_tags.apart(text, before)}
    assert version_tags.together(tags) == text
    assert all(len(value) <= version_tags.PIECE for value in tags.values())
