"""backtest/dvc.yaml names all code that its results depend on, and leaves all else alone."""

import pytest
import yaml

from sales import estimators
from tests.examples import ROOT, project_files
from tests.import_graph import is_empty, reached
from tests.test_dvc_yaml import PACE, code, outputs, within

TREE = yaml.safe_load((ROOT / "backtest/dvc.yaml").read_text())
FOREACH = "train"
STAGES = {name: stage["do"] if name == FOREACH else stage for name, stage in TREE["stages"].items()}
# A month's model is trained by the pipeline's own stages, as programs of their own.
RUN = {FOREACH: ["stages/prepare.py", "stages/featurize.py", "stages/train.py"]}
# Where estimators are imported by name, at run time; there with a cluster's form.
BY_NAME = "sales/models/saved.py"


def entry_points(name: str) -> set[str]:
    words = STAGES[name]["cmd"].split()
    assert words[:2] == ["python", "-m"]
    start = {words[2].replace(".", "/") + ".py", *RUN.get(name, ())}
    if BY_NAME in reached(start):
        start |= {f"sales/estimators/{each}.py" for each in estimators.NAMES}
    return start


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_all_code_that_it_imports_and_on_no_other(name):
    needed = {file for file in reached(entry_points(name)) if not is_empty(file)} - {PACE}
    declared = code(STAGES[name])
    assert {file for file in needed if not any(within(file, dep) for dep in declared)} == set()
    assert [dep for dep in declared if not any(within(file, dep) for file in needed)] == []


def test_each_month_has_a_stage_of_its_own_that_waits_for_its_own_rows_only():
    assert TREE["stages"][FOREACH]["foreach"] == "${months}"
    assert TREE["vars"] == ["plan.yaml"]
    data = [dep for dep in STAGES[FOREACH]["deps"] if dep not in code(STAGES[FOREACH])]
    assert data == ["backtest/windows/${item}.json"]
    assert list(outputs(STAGES[FOREACH])) == ["backtest/models/${item}"]


def test_nothing_of_it_is_in_dvcs_cache_and_what_is_large_is_not_in_git():
    """In the cache, a backtest that never ran would fail `dvc pull`."""
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    for stage in STAGES.values():
        assert stage["wdir"] == ".."
        for path, cached in outputs(stage).items():
            assert not cached
            small = path in ("backtest/result.json", "backtest/plots")
            assert small != (f"/{path.removesuffix('/${item}')}/" in ignored)


def test_nothing_is_named_twice_and_every_parameter_exists():
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    plan = yaml.safe_load((ROOT / "backtest/plan.yaml").read_text())
    for stage in STAGES.values():
        assert len(set(stage["deps"])) == len(stage["deps"])
        for asked in stage["params"]:
            if isinstance(asked, dict):
                assert set(asked["backtest/plan.yaml"]) <= set(plan)
                continue
            inner = params
            for part in asked.split("."):
                inner = inner[part]


def test_the_plots_are_there_before_a_backtest_has_run():
    """Else `dvc plots show` would say of every run that it failed to load some."""
    listed = project_files("backtest/plots/*.csv")
    assert listed == ["backtest/plots/months.csv", "backtest/plots/staleness.csv"]
    drawn = [file for plot in TREE["plots"] for each in plot.values() for file in each["y"]]
    assert sorted(f"backtest/{file}" for file in drawn) == listed
