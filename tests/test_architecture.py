"""The rules of ARCHITECTURE.md, held against the imports."""

import shutil

import pytest

from tests.examples import ROOT, project_files
from tests.import_graph import imports, libraries

Graph = dict[str, set[str]]
# Who may import what of the project, by top level; a stage no other stage, a view of the page
# the page's modules.
MAY = {
    "sales": {"sales"},
    "stages": {"sales"},
    "service.py": {"sales"},
    "ui": {"sales", "ui"},
    "bench": {"sales", "bench"},
}
# What the page may not reach, however indirectly: models and what trains, serves or registers them.
NO_PAGE = (
    "sales/models/saved.py",
    "sales/estimators/",
    "sales/serving/answering.py",
    "sales/registry/tracking.py",
)
# The generator knows this data set only; MLflow is a side effect: nothing up to the gate has one.
ONLY = {
    "sales/data/generator.py": {"stages/ingest.py"},
    "sales/registry/tracking.py": {
        *(
            "sales/registry/standing.py",
            "sales/registry/restoration.py",
            "sales/registry/studies.py",
        ),
        *("stages/register.py", "stages/champion.py", "stages/study.py"),
    },
    "sales/registry/standing.py": {
        *("sales/registry/restoration.py", "sales/registry/studies.py"),
        *("stages/register.py", "stages/champion.py", "stages/study.py"),
    },
    "sales/registry/studies.py": {"stages/study.py"},
    "sales/registry/restoration.py": {"stages/register.py", "stages/champion.py"},
}
MLFLOW = {
    *(
        "sales/registry/tracking.py",
        "sales/registry/standing.py",
        "sales/registry/mlflow_model.py",
        "sales/registry/studies.py",
    ),
}

DASK = {
    "sales/engine/cluster.py",
    *(f"sales/estimators/{n}.py" for n in ("lightgbm", "shares", "watch")),
}


def code() -> list[str]:
    """Return the project's Python files, but the tests."""
    return [file for file in project_files("*.py") if not file.startswith("tests/")]


FILES = code()
GRAPH: Graph = {file: imports(file) for file in FILES}


def reached(graph: Graph, start: str) -> set[str]:
    seen: set[str] = set()
    todo = {start}
    while todo:
        file = todo.pop()
        seen.add(file)
        todo |= graph.get(file, set()) - seen
    return seen


def broken(graph: Graph) -> list[str]:
    """Return each import that breaks a rule, as `importer -> imported: rule`."""
    found = []
    for file, targets in graph.items():
        for target in sorted(targets):
            if target.split("/")[0] not in MAY[file.split("/")[0]]:
                found.append(f"{file} -> {target}: never sideways or back")
            if file not in ONLY.get(target, {file}):
                found.append(f"{file} -> {target}: reserved for {', '.join(sorted(ONLY[target]))}")
        if file.startswith("ui/"):
            strange = sorted(f for f in reached(graph, file) if f.startswith(NO_PAGE))
            found += [f"{file} -> {other}: the page knows no model" for other in strange]
        if file in reached({**graph, "": targets}, ""):
            found.append(f"{file} -> {file}: no circles")
    return found


def test_the_project_keeps_them():
    assert broken(GRAPH) == []


def test_every_file_stands_under_a_rule():
    assert {file.split("/")[0] for file in FILES} == set(MAY)
    assert set(ONLY) | MLFLOW <= set(FILES)


@pytest.mark.parametrize(
    ("file", "line", "rule"),
    [
        ("sales/judging/gates.py", "from stages import gate", "sideways or back"),
        ("sales/judging/gates.py", "from bench import meter", "sideways or back"),
        ("sales/judging/gates.py", "def late():\n    from sales import generator", "reserved for"),
        ("sales/judging/scores.py", "from sales.generator import generate", "reserved for"),
        ("sales/judging/scores.py", "from . import generator", "reserved for"),
        ("sales/judging/evaluation.py", "import sales.registry", "reserved for"),
        ("sales/models/saved.py", "from sales import evaluation", "no circles"),
        ("stages/gate.py", "from stages import register", "sideways or back"),
        ("stages/gate.py", "from . import register", "sideways or back"),
        ("stages/train.py", "import service", "sideways or back"),
        ("stages/train.py", "from sales import standing", "reserved for"),
        ("service.py", "from stages import register", "sideways or back"),
        ("service.py", "from ui import form", "sideways or back"),
        ("ui/form.py", "from stages import prepare", "sideways or back"),
        ("ui/client.py", "import service", "sideways or back"),
        ("ui/client.py", "from sales.model import load", "knows no model"),
        ("ui/views/predict.py", "from sales import serving", "knows no model"),
        ("sales/contract/definition.py", "from sales.estimators import xgboost", "knows no model"),
    ],
)
def test_an_import_that_breaks_one_is_named(file, line, rule, tmp_path):
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    with (tmp_path / file).open("a") as module:
        module.write(f"\n{line}\n")
    found = broken({**GRAPH, file: imports(file, tmp_path)})
    assert any(rule in each for each in found), found


def test_only_the_registry_knows_mlflow():
    ours = [file for file in FILES if not file.startswith("bench/")]
    assert {file for file in ours if "mlflow" in libraries({file})} == MLFLOW


def test_only_the_cluster_knows_dask():
    ours = [file for file in FILES if not file.startswith("bench/")]
    assert {file for file in ours if {"dask", "distributed"} & libraries({file})} == DASK


def test_only_register_a_study_and_a_persons_decision_reach_the_registry():
    stages = [file for file in FILES if file.startswith("stages/")]
    reaching = {file for file in stages if "sales/registry/tracking.py" in reached(GRAPH, file)}
    assert reaching == {"stages/register.py", "stages/champion.py", "stages/study.py"}
