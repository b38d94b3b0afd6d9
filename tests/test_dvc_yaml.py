"""dvc.yaml and tune/dvc.yaml name every file a stage's result depends on: DVC sees no imports."""

import shutil

import pytest
import yaml
from dvc.utils.hydra import apply_overrides

from sales import estimators, params
from tests.examples import ROOT
from tests.import_graph import reached

PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())
STAGES = PIPELINE["stages"]
STUDIES = yaml.safe_load((ROOT / "tune/dvc.yaml").read_text())["stages"]
ALL = {**STAGES, **{f"tune/dvc.yaml:{name}": stage for name, stage in STUDIES.items()}}
# What stages/train.py and sales/models/saved.py import by name, at run time.
BY_NAME = "sales/estimators/__init__.py"
ON_CLUSTER = "sales/estimators/__init__.py"


def entry_points(stage: dict) -> set[str]:
    """Return the files a stage's command runs, with the estimators it imports by name."""
    words = stage["cmd"].split()
    assert words[:2] == ["python", "-m"]
    start = {words[2].replace(".", "/") + ".py"}
    if words[3:]:
        start.add(f"sales/estimators/{words[3]}.py")
        if ON_CLUSTER in reached(start) and words[3] in cluster_training.NAMES:
            start.add(f"sales/estimators/{words[3]}.py")
    elif BY_NAME in reached(start):
        start |= {f"sales/estimators/{name}.py" for name in estimators.NAMES}
    return start


@pytest.mark.parametrize("name", ALL)
def test_a_stage_depends_on_exactly_the_modules_it_imports(name):
    stage = ALL[name]
    if stage.get("always_changed"):  # it runs whatever it depends on
        assert not [dep for dep in stage["deps"] if dep.startswith(("sales", "stages"))]
        return
    needed = reached(entry_points(stage))
    needed = {f for f in needed if not f.endswith(("sales/__init__.py", "stages/__init__.py"))}
    declared = {dep for dep in stage["deps"] if dep.endswith(".py")}
    if "sales/estimators" in stage["deps"]:
        declared |= {f"sales/estimators/{f.name}" for f in (ROOT / "sales/estimators").glob("*.py")}
        needed |= {f for f in declared if f.startswith("sales/estimators/")}
    assert declared == needed


def test_the_stages_are_those_of_the_design():
    trains = [f"train_{name}" for name in estimators.NAMES]
    expected = ["ingest", "prepare", "featurize", *trains, "evaluate", "gate", "card", "register"]
    assert list(STAGES) == expected


def test_every_params_entry_exists_and_every_group_is_used():
    tree = yaml.safe_load((ROOT / "params.yaml").read_text())
    used = set()
    for stage in ALL.values():
        for key in stage.get("params", []):
            used.add(key.split(".")[0])
            inner = tree
            for part in key.split("."):
                inner = inner[part]
    assert used == set(params.GROUPS) == set(tree)


def test_only_register_is_always_changed_and_has_no_tracked_outputs():
    assert [name for name, stage in STAGES.items() if stage.get("always_changed")] == ["register"]
    assert not {"outs", "metrics", "plots"} & set(STAGES["register"])


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_runs_from_the_root_on_its_models_params_and_belongs_to_git(name):
    """With an output in DVC's cache, a study that never ran would fail `dvc pull`."""
    study = STUDIES[name]
    assert study["cmd"] == f"python -m stages.tune {name}"
    assert study["wdir"] == ".."
    assert "data/features" in study["deps"]
    assert study["params"] == [f"train.{name}", f"tune.{name}"]
    assert study["outs"] == [{f"tune/{name}.json": {"cache": False}}]


def test_there_is_a_study_for_each_space():
    tree = yaml.safe_load((ROOT / "params.yaml").read_text())
    assert set(STUDIES) == set(tree["tune"])


def test_a_parameter_set_by_dvc_is_one_changed_line(tmp_path):
    """`dvc exp run -S` writes the file anew: lists in blocks, lines broken, some comments lost."""
    copy = tmp_path / "params.yaml"
    shutil.copy(ROOT / "params.yaml", copy)
    apply_overrides(copy, ["ingest.rows=5"])
    before, after = (path.read_text().splitlines() for path in (ROOT / "params.yaml", copy))
    changed = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    assert [after.split()[:3] for _, after in changed] == [["rows:", "5", "#"]]
