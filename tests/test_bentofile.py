"""The Bento holds what the service imports, and no more."""

import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import yaml
from pathspec import PathSpec

from sales import estimators
from tests.examples import ROOT, project_files, run_alone
from tests.import_graph import libraries, reached

BENTO = yaml.safe_load((ROOT / "bentofile.yaml").read_text())
MODELS = (*estimators.NAMES, estimators.ENSEMBLE)
SERVED = reached({"service.py", *(f"sales/estimators/{name}.py" for name in MODELS)})
# Imported inside `fit` only: a Bento loads and predicts.
TRAINING = {"sklearn"}
# Imported only where a registry is followed: the image has it if it is asked for.
FOLLOWING = {"mlflow", "requests"}
# Not imported, but found by uvicorn.
FASTER = {"httptools", "uvloop"}


def test_it_packs_exactly_the_modules_that_the_service_imports():
    """By BentoML's own reading of the patterns: those of .gitignore."""
    wanted, unwanted = (
        PathSpec.from_lines("gitignore", BENTO[key]) for key in ("include", "exclude")
    )
    packed = {file for file in wanted.match_files(project_files()) if not unwanted.match_file(file)}
    assert packed == SERVED
    assert "/models/promoted/**" in BENTO["include"]
    assert len(BENTO["include"]) + len(BENTO["exclude"]) <= 25


def test_its_requirements_are_exactly_what_those_modules_import():
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    listed = {line.split(";")[0].strip() for line in groups["serving"]} - {"xgboost-cpu"}
    by_module = packages_distributions()
    # A namespace package belongs to several distributions; ours are named like their module.
    names = {
        module: next((d for d in by_module[module] if d.lower() == module), by_module[module][0])
        for module in libraries(SERVED) - TRAINING - FOLLOWING
    }
    needed = {name.lower().replace("_", "-") for name in names.values()} - {"xgboost-cpu"}
    assert needed | {"xgboost"} | FASTER == listed


def test_following_a_registry_needs_mlflows_client_alone():
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    assert [line.partition(">")[0] for line in groups["following"]] == ["mlflow-skinny"]
    client = {line.partition(" ")[0].partition(">")[0] for line in requires("mlflow-skinny") or []}
    assert "requests" in {name.partition("<")[0] for name in client}


def test_a_service_that_follows_none_imports_nothing_of_it():
    program = f"""
import os, sys
os.environ["PROMOTED"] = {str(ROOT / "nowhere")!r}
os.environ.pop("MODEL_URI", None)
import service
print(*sorted(name for name in sys.modules if name.startswith("sales.serving.")))
"""
    [ours], others = run_alone(program, "mlflow", "mlflow_skinny", "databricks", "sqlalchemy")
    assert others == []
    following = {"asking", "downloads", "mlflow_server", "registry_follower", "loading_check"}
    assert following <= {Path(file).stem for file in SERVED}
    assert not following & {name.rpartition(".")[2] for name in ours.split()}
