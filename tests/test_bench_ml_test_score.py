"""The ML Test Score: what shows a point is there, and no point is given for less than it asks."""

import shutil

import pytest
import yaml

from bench import ml_test_score
from sales.errors import PipelineError
from tests.examples import ROOT

TEXT = (ROOT / ml_test_score.TABLE).read_text()


@pytest.fixture
def changed(tmp_path):
    """Return a function from changes of a section's point to a project whose table has them."""
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "Makefile", tmp_path)
    for folder in ("tests", "deploy", ".github"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    for page in (ROOT / "docs").glob("*.md"):
        (tmp_path / "docs" / page.name).symlink_to(page)

    def write(section, number, **changes):
        tree = yaml.safe_load(TEXT)
        [found] = [one for one in tree if one["section"] == section]
        point = found["points"][number - 1]
        point |= changes
        found["points"][number - 1] = {k: v for k, v in point.items() if v is not ...}
        (tmp_path / ml_test_score.TABLE).write_text(yaml.safe_dump(tree))
        return tmp_path

    return write


def test_the_papers_28_tests_stand_there_once_each():
    sections = yaml.safe_load(TEXT)
    assert [one["section"] for one in sections] == ["Data", "Model", "Infrastructure", "Monitoring"]
    tests = [point["test"] for one in sections for point in one["points"]]
    assert len(tests) == len(set(tests)) == 28


def test_the_lowest_section_comes_first_and_is_the_score():
    found = ml_test_score.read(ROOT)
    scores = [section.score for section in found]
    assert scores == sorted(scores)
    page = ml_test_score.page(ROOT)
    assert f"| **the lowest: the score** | **{scores[0]:g}** |" in page
    headings = [line for line in page.splitlines() if line.startswith("### ")]
    assert headings == [f"### {one.section}: {one.score:g}" for one in found]
    assert ml_test_score.sums(ROOT) == {one.section: one.score for one in found}


def test_raising_a_point_is_an_edit_of_the_table(changed):
    before = ml_test_score.sums(ROOT)
    [low] = [p for p in ml_test_score.read(ROOT)[0].points if p.score < 1][:1]
    section = ml_test_score.read(ROOT)[0]
    number = section.points.index(low) + 1
    root = changed(
        section.section,
        number,
        score=1,
        missing=...,
        shown_by=["tests/test_ci.py::test_every_job_ends"],
    )
    after = ml_test_score.sums(root)
    assert after == {**before, section.section: before[section.section] + 1 - low.score}
    assert "[test_every_job_ends](../tests/test_ci.py)" in ml_test_score.page(root)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"shown_by": ["tests/test_ci.py::test_nobody"]}, "tests/test_ci.py has no test_nobody"),
        ({"shown_by": ["tests/test_gone.py::test_a"]}, "tests/test_gone.py is gone"),
        (
            {"shown_by": ["tests/test_ci.py::test_every_job_ends", "docs/no.md"]},
            "docs/no.md is gone",
        ),
        ({"shown_by": ["tests/test_ci.py::test_every_job_ends", "make no"]}, "no target `make no`"),
        ({"shown_by": []}, "a score needs what shows it"),
        ({"shown_by": ["docs/contract.md"]}, "by hand it is 0.5"),
        ({"score": 0.5}, "what is missing is said of all below 1"),
        ({"missing": "much"}, "what is missing is said of all below 1"),
        ({"score": 2}, "a score is 0, 0.5 or 1"),
        ({"proof": "none"}, "Extra inputs are not permitted"),
    ],
)
def test_a_point_that_its_evidence_does_not_carry_is_refused(changed, changes, told):
    with pytest.raises(PipelineError, match=r"^docs/ml_test_score\.yaml") as caught:
        ml_test_score.page(changed("Data", 1, **changes))
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("scores", "words"), [(5.5, "exceptional"), (5, "strong"), (0, "more of a research")]
)
def test_what_a_score_means(monkeypatch, scores, words):
    point = {"test": "t", "shown_by": ["tests/test_ci.py::test_every_job_ends"], "told": "x"}

    def section(total):
        points, left = [], total
        for _ in range(7):
            score = min(1, left)
            left -= score
            points.append({**point, "score": score, **({} if score == 1 else {"missing": "m"})})
        return ml_test_score.Section(section="S", points=points)

    monkeypatch.setattr(ml_test_score, "read", lambda _: (section(scores), *[section(7)] * 3))
    assert f"By the paper's own words: {words}" in ml_test_score.page(ROOT)
