"""The ML Test Score of the project: docs/ml_test_score.yaml as the table of docs/ml_test_score.md.

(Breck, Cai, Nielsen, Salib, Sculley 2017.) A point is given for what shows it, and what shows it
must be there: a test function that is gone, a file, a target of make, ends `make docs`.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, model_validator

from sales.errors import PipelineError
from sales.params import Group

TABLE = "docs/ml_test_score.yaml"
# What a final score means, by the paper's table: above so much.
MEANS = (
    (5, "exceptional levels of automated testing and monitoring"),
    (3, "strong levels of automated testing and monitoring, fit for what must not fail"),
    (2, "reasonably tested, but more of it may be automated"),
    (1, "a first pass at what production needs; more may be needed"),
    (0, "not untested, but serious holes are likely"),
    (-1, "more of a research project than a system for production"),
)
SCORES = (0, 0.5, 1)
# What runs by itself, again and again: a test of the suite, or a workflow.
AUTOMATIC = re.compile(r"tests/\S+\.py::\w+|\.github/workflows/\S+\.yml")


class Point(Group):
    """One of the seven tests of a section: what shows it, and what is missing for a full point.

    `shown_by` are tests (`tests/test_x.py::test_y`), files, and commands (`make x`).
    """

    test: str
    score: float
    shown_by: tuple[str, ...]
    told: str
    missing: str | None = None

    @model_validator(mode="after")
    def _honest(self) -> "Point":
        if self.score not in SCORES:
            raise ValueError("a score is 0, 0.5 or 1")
        if self.score and not self.shown_by:
            raise ValueError("a score needs what shows it")
        if self.score == 1 and not any(AUTOMATIC.fullmatch(one) for one in self.shown_by):
            raise ValueError("1 is for what a test or a workflow runs by itself; by hand it is 0.5")
        if (self.score < 1) != bool(self.missing):
            raise ValueError("what is missing is said of all below 1, and of no other")
        return self


class Section(Group):
    """A section of the rubric."""

    section: str
    points: tuple[Point, ...] = Field(min_length=7, max_length=7)

    @property
    def score(self) -> float:
        """The sum of its points."""
        return sum(point.score for point in self.points)


class Rubric(Group):
    """All four of them."""

    sections: tuple[Section, ...] = Field(min_length=4, max_length=4)


def read(root: Path) -> tuple[Section, ...]:
    """Return the sections, lowest first; of equals the one that the paper has first.

    Raises PipelineError for a score that its evidence does not allow, and for one that is gone.
    """
    path = root / TABLE
    try:
        found = Rubric(sections=yaml.safe_load(path.read_text("utf-8"))).sections
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise PipelineError(f"{TABLE}: {place}: {first['msg']}") from None
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text("utf-8"), re.M))
    for section in found:
        for number, point in enumerate(section.points, 1):
            for one in point.shown_by:
                if gone := _gone(root, one, targets):
                    raise PipelineError(f"{TABLE}: {section.section} {number}: {gone}")
    return tuple(sorted(found, key=lambda section: section.score))


def _gone(root: Path, shown: str, targets: set[str]) -> str:
    """Return why something shows nothing any more; empty where it is there."""
    if shown.startswith("make "):
        return "" if shown.split()[1] in targets else f"there is no target `{shown}`"
    name, _, test = shown.partition("::")
    path = root / name
    if not path.is_file():
        return f"{name} is gone"
    if test and test not in tests_of(path.read_text("utf-8")):
        return f"{name} has no {test}"
    return ""


def tests_of(text: str) -> set[str]:
    """Return the names of a module's test functions.

    >>> sorted(tests_of("async def test_a(): pass; b = 1"))
    ['test_a']
    """
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    names = {node.name for node in ast.parse(text).body if isinstance(node, functions)}
    return {name for name in names if name.startswith("test_")}


def page(root: Path) -> str:
    """Return the table: the sums, and each section with its points."""
    return "\n".join(_lines(read(root))) + "\n"


def _lines(sections: tuple[Section, ...]) -> Iterator[str]:
    final = min(section.score for section in sections)
    means = next(text for above, text in MEANS if final > above)
    yield "| section | of 7 |"
    yield "| --- | ---: |"
    yield from (f"| {section.section} | {section.score:g} |" for section in sections)
    yield f"| **the lowest: the score** | **{final:g}** |"
    yield ""
    yield f"By the paper's own words: {means}."
    for section in sections:
        yield ""
        yield f"### {section.section}: {section.score:g}"
        yield ""
        yield "| | test | score | how, and what shows it | missing |"
        yield "| ---: | --- | ---: | --- | --- |"
        for number, point in enumerate(section.points, 1):
            shown = ", ".join(_shown(one) for one in point.shown_by)
            told = f"{point.told}{': ' if shown else ''}{shown}"
            yield f"| {number} | {point.test} | {point.score:g} | {told} | {point.missing or ''} |"


def _shown(one: str) -> str:
    """Return something that shows a point, as a link where it is a file."""
    if one.startswith("make "):
        return f"`{one}`"
    name, _, test = one.partition("::")
    return f"[{test or Path(name).name}](../{name})"


def sums(root: Path) -> Mapping[str, Any]:
    """Return the sum of each section, by its name."""
    return {section.section: section.score for section in read(root)}
