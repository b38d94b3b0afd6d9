"""The rules of ARCHITECTURE.md, held against the imports."""

import re
import shutil

import pytest

from sales import estimators
from tests.examples import ROOT, project_files
from tests.import_graph import imports, is_empty, libraries

Graph = dict[str, set[str]]
# The rooms of sales/, from the ground up, and which others each may import: whole, or one module.
# ARCHITECTURE.md shows this table.
ROOMS: dict[str, tuple[str, ...]] = {
    "ground": (),
    "contract": ("ground",),
    "engine": ("ground",),
    "estimators": ("ground", "engine"),
    "models": ("ground", "contract", "engine", "estimators"),
    "judging": ("ground", "contract", "engine", "estimators", "models"),
    "data": ("ground", "contract", "engine", "judging/charts"),
    "drafting": (*("ground", "contract", "data", "models/many_levels", "models/target_encoding"),),
    "serving": ("ground", "contract", "engine", "estimators", "models", "data"),
    "watching": (
        *("ground", "contract", "engine", "estimators", "models", "judging", "data", "serving"),
    ),
    "registry": (
        *("ground", "contract", "engine", "estimators", "models", "judging", "data", "serving"),
    ),
    "retraining": ("ground", "registry"),
    "trials": ("ground", "judging", "watching", "registry"),
}
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
    *("sales/models/saved.py", "sales/estimators/", "sales/judging/"),
    *("sales/serving/answering.py", "sales/registry/"),
)
# The generator knows this data set only; what the registry does is a side effect.
RECORDING = {f"stages/{n}.py" for n in ("register", "champion", "retrain", "trial", "watch")}
DECIDING = {"stages/register.py", "stages/champion.py"}
READING = {"stages/where.py", "stages/data.py"}  # where it is, and what data it knew
ONLY = {
    "sales/data/generator.py": {"stages/ingest.py"},
    "sales/registry/tracking.py": {*RECORDING, *READING, "stages/study.py"},
    "sales/registry/standing.py": {*RECORDING, *READING, "stages/study.py"},
    "sales/registry/changing.py": {*RECORDING, "stages/study.py", "stages/data.py"},
    "sales/registry/studies.py": {"stages/study.py"},
    "sales/registry/restoration.py": DECIDING,
}
DASK = (
    "sales/engine/cluster.py",
    "sales/estimators/fitting/shares.py",
    "sales/estimators/fitting/watch.py",
    *(f"sales/estimators/{name}_on_cluster.py" for name in estimators.ON_CLUSTER),
)


def code() -> list[str]:
    """Return the project's Python files, but the tests."""
    return [file for file in project_files("*.py") if not file.startswith("tests/")]


FILES = code()
GRAPH: Graph = {file: imports(file) for file in FILES}


def room(file: str) -> str:
    """Return the room of a module of sales/."""
    parts = file.split("/")
    return parts[1] if len(parts) > 2 else "ground"


def reached(graph: Graph, start: str) -> set[str]:
    seen: set[str] = set()
    todo = {start}
    while todo:
        file = todo.pop()
        seen.add(file)
        todo |= graph.get(file, set()) - seen
    return seen


def forbidden(file: str, target: str) -> str:
    """Return the rule that an import breaks, empty where it breaks none."""
    if target.split("/")[0] not in MAY[file.split("/")[0]]:
        return "never sideways or back"
    own, other = room(file), room(target)
    ours = file.startswith("sales/")
    allowed = {own, *ROOMS[own]} if ours else {other}
    module = target.removeprefix("sales/").removesuffix(".py")
    if not {other, module} & allowed and not is_empty(target):
        return f"{own} may not import {other}"
    if not (ours and own == other == "registry") and file not in ONLY.get(target, {file}):
        return f"reserved for {', '.join(sorted(ONLY[target]))}"
    return ""


def broken(graph: Graph) -> list[str]:
    """Return each import that breaks a rule, as `importer -> imported: rule`."""
    found = []
    for file, targets in graph.items():
        rules = {target: forbidden(file, target) for target in sorted(targets)}
        found += [f"{file} -> {target}: {rule}" for target, rule in rules.items() if rule]
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
    assert {room(file) for file in FILES if file.startswith("sales/")} == set(ROOMS)
    assert {*ONLY, *DASK} <= set(FILES)


def test_the_rooms_stand_from_the_ground_up():
    names = list(ROOMS)
    for number, (name, allowed) in enumerate(ROOMS.items()):
        below = {*names[:number]}
        assert {each.split("/")[0] for each in allowed} <= below, name


def test_architecture_md_shows_the_table():
    page = (ROOT / "ARCHITECTURE.md").read_text()
    shown = dict(re.findall(r"^\| `(\w+)/?` \| [^|]+ \| ([^|]+) \|$", page, re.M))
    told = {name: tuple(re.findall(r"`([\w/.]+)`", allowed)) for name, allowed in shown.items()}
    assert told == ROOMS


@pytest.mark.parametrize(
    ("file", "line", "rule"),
    [
        ("sales/judging/gates.py", "from stages import gate", "sideways or back"),
        ("sales/judging/gates.py", "from bench import meter", "sideways or back"),
        (
            "sales/judging/gates.py",
            "def late():\n    from sales.data import generator",
            "judging may not import data",
        ),
        ("sales/data/sources.py", "from sales.data.generator import generate", "reserved for"),
        ("sales/data/sources.py", "from . import generator", "reserved for"),
        ("sales/data/sources.py", "from sales.judging import gates", "data may not import judging"),
        (
            "sales/judging/evaluation.py",
            "from sales.registry import history",
            "judging may not import registry",
        ),
        ("sales/models/saved.py", "from sales.judging import evaluation", "no circles"),
        ("sales/errors.py", "from sales.contract import cells", "ground may not import contract"),
        ("sales/engine/cluster.py", "from sales.contract import cells", "engine may not import"),
        ("sales/estimators/xgboost.py", "from sales.models import saved", "may not import models"),
        ("stages/gate.py", "from stages import register", "sideways or back"),
        ("stages/gate.py", "from . import register", "sideways or back"),
        ("stages/train.py", "import service", "sideways or back"),
        ("stages/train.py", "from sales.registry import standing", "reserved for"),
        ("service.py", "from stages import register", "sideways or back"),
        ("service.py", "from ui import form", "sideways or back"),
        ("service.py", "from sales.registry import standing", "reserved for"),
        ("ui/form.py", "from stages import prepare", "sideways or back"),
        ("ui/client.py", "import service", "sideways or back"),
        ("ui/client.py", "from sales.models.saved import load", "knows no model"),
        ("ui/views/predict.py", "from sales.serving import answering", "knows no model"),
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


def test_only_the_registry_and_who_follows_one_know_mlflow():
    ours = [file for file in FILES if not file.startswith("bench/")]
    found = {file for file in ours if "mlflow" in libraries({file})}
    elsewhere = {file for file in found if not file.startswith("sales/registry/")}
    assert elsewhere == {"sales/serving/mlflow_server.py"}
    assert found != elsewhere


def test_only_the_cluster_knows_dask():
    ours = [file for file in FILES if not file.startswith("bench/")]
    found = {file for file in ours if {"dask", "distributed"} & libraries({file})}
    assert "sales/engine/cluster.py" in found
    assert found <= set(DASK)


def test_only_register_a_study_and_a_persons_decision_reach_the_registry():
    stages = [file for file in FILES if file.startswith("stages/")]
    reaching = {file for file in stages if "sales/registry/tracking.py" in reached(GRAPH, file)}
    assert reaching == {*RECORDING, *READING, "stages/study.py"}


def test_no_file_is_too_long_to_read():
    lengths = {file: len((ROOT / file).read_text().splitlines()) for file in FILES}
    assert {file: lines for file, lines in lengths.items() if lines > 310} == {}
