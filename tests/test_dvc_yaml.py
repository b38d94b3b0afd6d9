"""dvc.yaml and tune/dvc.yaml name all code that a result depends on: DVC sees no imports."""

import shutil

import pytest
import yaml
from dvc.utils.hydra import apply_overrides

from sales import estimators, params
from tests.examples import ROOT
from tests.import_graph import is_empty, reached

PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())
STAGES = PIPELINE["stages"]
STUDIES = yaml.safe_load((ROOT / "tune/dvc.yaml").read_text())["stages"]
ALL = {**STAGES, **{f"tune/dvc.yaml:{name}": stage for name, stage in STUDIES.items()}}
# Where estimators are imported by name, at run time.
BY_NAME = "sales/models/saved.py"
ON_CLUSTER = "stages/train.py"
PACE = "stages/__init__.py"  # how often garbage is collected: no result depends on it
MOST = 12  # a list that a person reads


def entry_points(stage: dict) -> set[str]:
    """Return the files a stage's command runs, with the estimators it imports by name."""
    words = stage["cmd"].split()
    assert words[:2] == ["python", "-m"]
    start = {words[2].replace(".", "/") + ".py"}
    if words[3:]:
        start.add(f"sales/estimators/{words[3]}.py")
        if ON_CLUSTER in start and words[3] in estimators.ON_CLUSTER:
            start.add(f"sales/estimators/{words[3]}_on_cluster.py")
    elif BY_NAME in reached(start):
        names = (*estimators.NAMES, estimators.ENSEMBLE)
        start |= {f"sales/estimators/{name}.py" for name in names}
    return start


def code(stage: dict) -> list[str]:
    """Return the dependencies of a stage that are code: rooms and single modules."""
    return [dep for dep in stage["deps"] if dep.split("/")[0] in ("sales", "stages")]


def within(file: str, dep: str) -> bool:
    return file == dep or file.startswith(f"{dep}/")


@pytest.mark.parametrize("name", [name for name in ALL if name != "register"])
def test_a_stage_depends_on_all_code_that_it_imports_and_on_no_other(name):
    needed = {file for file in reached(entry_points(ALL[name])) if not is_empty(file)} - {PACE}
    declared = code(ALL[name])
    assert {file for file in needed if not any(within(file, dep) for dep in declared)} == set()
    assert [dep for dep in declared if not any(within(file, dep) for file in needed)] == []
    assert len(declared) <= MOST


def test_register_names_no_code_as_it_runs_whatever_it_depends_on():
    assert code(STAGES["register"]) == []


def test_nothing_is_named_twice():
    for stage in ALL.values():
        for names in (stage["deps"], stage["params"]):
            assert len(set(names)) == len(names)


def outputs(stage: dict) -> dict[str, bool]:
    """Return each output, and whether DVC's cache keeps it."""
    found = {}
    for out in [*stage.get("outs", ()), *stage.get("metrics", ())]:
        [(path, settings)] = out.items() if isinstance(out, dict) else [(out, {})]
        found[path] = settings.get("cache", True)
    return found


def test_git_keeps_metrics_and_plots_and_dvc_the_rest():
    for name, stage in STAGES.items():
        for path, cached in outputs(stage).items():
            assert cached != path.startswith(("metrics/", "plots/")), (name, path)


def test_a_training_has_no_uncached_output():
    """One would switch DVC's run cache off for it, and it would train again needlessly."""
    trainings = [stage for name, stage in STAGES.items() if name.startswith("train_")]
    assert len(trainings) == len([*estimators.NAMES, estimators.ENSEMBLE])
    assert all(all(outputs(stage).values()) for stage in trainings)


def test_the_stages_are_those_of_the_design():
    trains = [f"train_{name}" for name in estimators.NAMES]
    trains.append(f"train_{estimators.ENSEMBLE}")
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
    # Commands of their own are no stages; of backtest/dvc.yaml: test_backtest_yaml.py.
    others = {"retrain", "watch", "backtest", "prune", "trial"}
    assert used | others == set(params.GROUPS) == set(tree)


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
    assert study["params"] == [f"train.{name}", "train.target", f"tune.{name}"]
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
