"""params.yaml: an unknown or absurd value is a one-line error that names the key."""

from pathlib import Path

import pytest
import yaml
from pydantic import Field

from sales import estimators, files, params
from sales.contract import Contract
from sales.data.incoming import IngestParams
from sales.data.split import PrepareParams
from sales.engine import RunParams
from sales.errors import PipelineError
from sales.judging.gates import GateParams
from sales.judging.pruning import PruneParams
from sales.judging.scores import EvaluateParams
from sales.judging.staleness import BacktestParams
from sales.models.feature_sets import FeaturizeParams
from sales.models.tuning import TuneParams
from sales.registry.tracking import RegisterParams
from sales.registry.trials import TrialParams
from sales.retraining.triggers import RetrainParams
from sales.watching.windows.settings import WatchParams

MODELS = {
    "run": RunParams,
    "contract": Contract,
    "ingest": IngestParams,
    "prepare": PrepareParams,
    "featurize": FeaturizeParams,
    "evaluate": EvaluateParams,
    "gate": GateParams,
    "register": RegisterParams,
    "retrain": RetrainParams,
    "watch": WatchParams,
    "backtest": BacktestParams,
    "prune": PruneParams,
    "trial": TrialParams,
    **{f"train.{name}": estimators.module(name).Params for name in estimators.NAMES},
    **{f"tune.{name}": TuneParams for name in estimators.NAMES if name != "linear_regression"},
}


@pytest.fixture
def edited(tmp_path):
    """Return a function that writes params.yaml with one dotted key changed."""

    def edit(key, value):
        tree = yaml.safe_load(Path("params.yaml").read_text())
        inner = tree
        *parents, last = key.split(".")
        for part in parents:
            inner = inner[part]
        inner[last] = value
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(tree))
        return path

    return edit


@pytest.mark.parametrize("group", MODELS)
def test_the_committed_file_is_valid(group):
    assert params.read(group, MODELS[group])


def test_every_group_is_checked_here():
    assert {group.split(".")[0] for group in MODELS} == set(params.GROUPS)


@pytest.mark.parametrize(
    ("group", "key", "value", "message"),
    [
        ("ingest", "ingest.rows", 0, "ingest.rows: Input should be greater than"),
        ("ingest", "ingest.rows", "many", "ingest.rows: Input should be a valid integer"),
        ("ingest", "ingest.source", "kaggle", "ingest.source: Input should be 'synthetic', "),
        ("ingest", "ingest.rowz", 5, "ingest.rowz: unknown key"),
        ("prepare", "prepare.test_size", 1.5, "prepare.test_size: "),
        ("prepare", "prepare.max_rejected_pct", -1, "prepare.max_rejected_pct: "),
        ("prepare", "prepare.split", "magic", "prepare.split: "),
        ("featurize", "featurize.feature_set", "all", "featurize: Value error, unknown feature"),
        ("train.xgboost", "train.xgboost.max_depth", 0, "train.xgboost.max_depth: "),
        ("train.xgboost", "train.xgboost.learning_rate", float("nan"), "learning_rate: "),
        ("train.xgboost", "train.xgboost.eta", 0.1, "train.xgboost.eta: unknown key"),
        ("tune.xgboost", "tune.xgboost.trials", 501, "tune.xgboost.trials: "),
        ("tune.xgboost", "tune.xgboost.space", {}, "tune.xgboost.space: "),
        ("tune.xgboost", "tune.xgboost.space.max_depth", {}, "tune.xgboost.space.max_depth: "),
        ("gate", "gate.min_test_r2", 2, "gate.min_test_r2: Input should be less than or equal"),
        ("gate", "gate.max_test_rmse", float("inf"), "gate.max_test_rmse: "),
        ("gate", "gate.max_everything", 1, "gate.max_everything: unknown key"),
        ("run", "run.worker_memory", "3 pounds", "run.worker_memory: "),
        ("run", "run.engine", "spark", "run.engine: "),
        ("register", "register.top_k", 0, "register.top_k: "),
        ("register", "register.min_improvement_pct", -1, "register.min_improvement_pct: "),
        ("register", "register.approval", "maybe", "register.approval: "),
        ("register", "register.proposal_days", 0, "register.proposal_days: "),
        ("retrain", "retrain.new_rows", 0, "retrain.new_rows: "),
        ("retrain", "retrain.age_days", -1, "retrain.age_days: "),
        ("retrain", "retrain.cooldown_days", None, "retrain.cooldown_days: "),
        ("retrain", "retrain.every_days", 7, "retrain.every_days: unknown key"),
        ("backtest", "backtest.horizon_months", 1, "backtest.horizon_months: "),
        ("backtest", "backtest.window_months", 0, "backtest.window_months: "),
        ("watch", "watch.window", "month", "watch.window: "),
        ("watch", "watch.large.number", 0, "watch.large.number: "),
        ("watch", "watch.of_last", 2, "watch.of_last: "),
        ("watch", "watch.false_alarm_pct", 50, "watch.false_alarm_pct: "),
        ("evaluate", "evaluate.min_slice_rows", 0, "evaluate.min_slice_rows: "),
        ("contract", "contract.columns.Brand.role", "colour", "contract.columns.Brand.role: "),
        ("gate", "gates", {}, "unknown group 'gates'; known: run, contract, ingest"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_key(edited, group, key, value, message):
    with pytest.raises(PipelineError) as caught:
        params.read(group, MODELS[group], edited(key, value))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_key_with_another_name_today_is_answered_with_that_name(tmp_path):
    tree = yaml.safe_load(Path("params.yaml").read_text())
    limit = tree["gate"].pop("max_coverage_shortfall_pct")
    tree["gate"]["max_coverage_error"] = limit
    path = tmp_path / "params.yaml"

    def told():
        path.write_text(yaml.safe_dump(tree))
        with pytest.raises(PipelineError) as caught:
            params.read("gate", GateParams, path)
        return str(caught.value).removeprefix(f"{path}: ")

    now = "gate.max_coverage_error: it is called max_coverage_shortfall_pct now"
    assert told() == now
    tree["gate"]["min_test_r2"] = 2
    assert told() == f"{now}; and 1 more"
    tree["gate"]["max_coverage_shortfall_pct"] = limit  # both
    assert told() == f"{now}; and 1 more"


def test_a_missing_key_is_named(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("register: {model_name: m, experiment: e, top_k: 1}\n")
    with pytest.raises(PipelineError, match=r"register\.min_improvement_pct: Field required"):
        params.read("register", RegisterParams, path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "is not valid YAML"),
        ("just text", "must hold the groups run, contract"),
        ("ingest: {}", "group 'gate' is missing"),
    ],
)
def test_a_broken_file_is_one_line(tmp_path, text, message):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(PipelineError, match=message) as caught:
        params.read("gate", GateParams, path)
    assert "\n" not in str(caught.value)


def test_no_file_says_where_to_run(tmp_path):
    with pytest.raises(PipelineError, match="run from the project's folder"):
        params.read("gate", GateParams, tmp_path / "params.yaml")


class Named(params.Group):
    values: tuple[str, ...] = ()
    columns: dict[str, int] = Field(default_factory=dict)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "values: [yes]",
            "n.values.0: YAML reads yes, on or true as a truth value: put it in quotes",
        ),
        (
            "values: [a, no]",
            "n.values.1: YAML reads no, off or false as a truth value: put it in q",
        ),
        ("values: [1e5]", "n.values.0: YAML reads 100000.0 as a number: put it in quotes"),
        ("values: [7]", "n.values.0: YAML reads 7 as a number: put it in quotes, as in '7'"),
        ("values: [2024-06-03]", "n.values.0: YAML reads 2024-06-03 as a date: put it in quotes"),
        ("columns: {no: 1}", "YAML reads no, off or false as a truth value: put it in quotes"),
        ("columns: {2024: 1}", "YAML reads 2024 as a number: put it in quotes"),
    ],
)
def test_what_yaml_makes_of_names_is_told(tmp_path, text, told):
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(PipelineError) as caught:
        params.validate(files.read_yaml(path), Named, "n")
    assert told in str(caught.value)
    quoted = text.replace("yes", "'yes'").replace("no", "'no'")
    if quoted != text:
        path.write_text(quoted)
        params.validate(files.read_yaml(path), Named, "n")
