"""Each step of one order's way in ARCHITECTURE.md is a function that is there."""

import ast
import re

import pytest

from tests.examples import ROOT

STEPS = re.findall(
    r"^\| [^|]+ \| `([\w/]+\.py)` \| `([\w.]+)` \|$", (ROOT / "ARCHITECTURE.md").read_text(), re.M
)


def test_the_way_goes_from_a_file_to_an_answer():
    assert len(STEPS) > 10
    assert STEPS[0][0].startswith("sales/data/")
    assert STEPS[-1][0].startswith("sales/serving/")


@pytest.mark.parametrize(("file", "name"), STEPS)
def test_a_step_is_a_function_of_its_file(file, name):
    body = ast.parse((ROOT / file).read_text()).body
    for part in name.split("."):
        [found] = [node for node in body if getattr(node, "name", "") == part]
        body = getattr(found, "body", [])
    assert isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef)
    assert ast.get_docstring(found)
