"""The examples in docstrings run, and the functions that others call most have one."""

import ast
import doctest
import importlib
import os
import shutil
from collections import Counter

import pytest

from tests.examples import ROOT, project_files

MANY = 8  # calls from other modules; a reader meets such a function everywhere
SALES = [file for file in project_files("*.py") if file.startswith("sales/")]
EXAMPLES = [file for file in SALES if ">>> " in (ROOT / file).read_text()]


@pytest.mark.parametrize("file", EXAMPLES)
def test_the_examples_of_a_module_do_what_they_show(file, tmp_path, monkeypatch, capsys):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    module = importlib.import_module(dotted(file))
    for test in doctest.DocTestFinder().find(module):
        if test.examples:
            folder = tmp_path / test.name
            folder.mkdir()
            os.link(tmp_path / "params.yaml", folder / "params.yaml")
            monkeypatch.chdir(folder)
            runner = doctest.DocTestRunner()
            assert runner.run(test).failed == 0, capsys.readouterr().out


def dotted(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def defined(module: str, name: str) -> tuple[str, ast.FunctionDef] | None:
    """Return where a function of sales/ is defined, found through packages that hand it on."""
    path = module.replace(".", "/")
    file = next((f for f in (f"{path}.py", f"{path}/__init__.py") if (ROOT / f).is_file()), None)
    for node in ast.parse((ROOT / file).read_text()).body if file else ():
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return f"{module}.{name}", node
        if isinstance(node, ast.ImportFrom) and name in {alias.name for alias in node.names}:
            return defined(str(node.module), name)
    return None


def called(file: str) -> list[tuple[str, str]]:
    """Return the module and name of each function of sales/ that a file calls."""
    tree = ast.parse((ROOT / file).read_text())
    known = {
        alias.asname or alias.name: (str(node.module), alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("sales")
        for alias in node.names
    }
    found = []
    for node in (node.func for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if isinstance(node, ast.Name) and node.id in known:
            found.append(known[node.id])
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            package, name = known.get(node.value.id, ("", ""))
            found += [(f"{package}.{name}", node.attr)] if package else []
    return found


def test_the_functions_that_others_call_most_have_an_example():
    callers = [file for file in project_files("*.py") if not file.startswith("tests/")]
    calls = Counter(each for file in callers for each in called(file))
    much = {each: count for each, count in calls.items() if count >= MANY}
    found = [place for each in much if (place := defined(*each))]
    assert len(found) >= 10
    assert [name for name, node in found if ">>> " not in (ast.get_docstring(node) or "")] == []
