"""One true run from end to end, by DVC's own commands, in a repository of its own."""

import io
import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest

from sales import model, scores
from tests import small_project
from tests.bento_server import serve, stop
from tests.examples import PUBLISHED_ORDER, set_params
from tests.small_project import PAGE, sh

pytestmark = pytest.mark.end_to_end

TRAINS = {
    f"train_{name}"
    for name in (
        *("linear_regression", "random_forest", "hist_gradient_boosting"),
        *("xgboost", "lightgbm"),
    )
}
AFTER_TRAINING = {"evaluate", "gate", "card", "register"}


def ran(printed):
    """Return the stages that a `dvc repro` ran."""
    return set(re.findall(r"Running stage '(\w+)'", printed))


@pytest.fixture(scope="module")
def repo(tmp_path_factory):
    """Return a repository with the working tree's files, small parameters, one run committed."""
    folder, printed = small_project.make(tmp_path_factory.mktemp("repo"))
    assert ran(printed) == {"ingest", "prepare", "featurize", *TRAINS, *AFTER_TRAINING}
    return folder


@pytest.fixture(autouse=True)
def inside(repo, monkeypatch):
    monkeypatch.chdir(repo)
    yield
    sh("git", "checkout", "--quiet", ".")


def test_the_run_leaves_a_champion_and_a_clean_tree():
    record = json.loads(Path("metrics/registry.json").read_text())
    assert record["champion"]["model"] == "linear_regression"
    assert record["challenger"]["model"] != "linear_regression"
    assert Path("models/promoted/champion/model.json").is_file()
    assert sh("git", "status", "--porcelain") == ""
    table = sh(sys.executable, "-m", "stages.scoreboard")
    assert re.search(r"linear_regression .* passed +champion", table)
    for name in TRAINS:
        assert name.removeprefix("train_") in table


def test_nothing_changed_runs_register_only_and_leaves_the_lock_alone():
    assert ran(sh("dvc", "repro")) == {"register"}
    assert sh("git", "status", "--porcelain") == ""
    assert "register" in sh("dvc", "status")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"train.xgboost.max_depth": 3}, {"train_xgboost", *AFTER_TRAINING}),
        ({"gate.max_model_mb": 99.0}, {"gate", "card", "register"}),
        ({"evaluate.plot_rows": 50}, {"evaluate", "register"}),  # same metrics, same gate
        ({"evaluate.seed": 1, "gate.min_skill_pct": 51.0}, AFTER_TRAINING),
        ({"register.top_k": 3}, {"register"}),
    ],
)
def test_a_parameter_runs_only_what_follows_from_it(changes, expected):
    set_params(changes)
    assert ran(sh("dvc", "repro")) == expected
    sh("git", "checkout", "--quiet", ".")
    sh("dvc", "repro")  # from the run cache


def test_models_trained_side_by_side_are_those_that_dvc_would_have_trained():
    set_params({"train.lightgbm.num_leaves": 7, "train.xgboost.max_depth": 2})
    assert "not trained" not in sh(sys.executable, "-m", "stages.side_by_side", "2")
    assert ran(sh("dvc", "repro")) == AFTER_TRAINING
    lock = Path("dvc.lock").read_bytes()
    models = {"train_lightgbm", "train_xgboost"}
    assert ran(sh("dvc", "repro", "--force", "--single-item", *sorted(models))) == models
    assert Path("dvc.lock").read_bytes() == lock


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("sales/generator.py", {"ingest", "register"}),
        ("sales/features.py", {"featurize", *TRAINS, "evaluate", "card", "register"}),
        (
            "sales/estimators/lightgbm.py",
            {"train_lightgbm", "evaluate", "gate", "card", "register"},
        ),
        ("sales/gates.py", {"gate", "register"}),
    ],
)
def test_a_changed_module_runs_the_stages_that_import_it(module, expected):
    with Path(module).open("a") as file:
        file.write("# changed\n")
    assert (
        ran(sh("dvc", "repro")) == expected
    )  # what they write is the same, the rest has nothing to do


def test_an_experiment_is_tracked_shown_and_promotes_nothing():
    before = Path("metrics/registry.json").read_bytes()
    printed = sh("dvc", "exp", "run", "-n", "small-order", "-S", "featurize.feature_set=order")
    assert "experiments never promote" in printed
    assert Path("metrics/registry.json").read_bytes() == before
    difference = sh("dvc", "metrics", "diff")
    assert re.search(r"metrics/linear_regression\.json +test\.rmse", difference)
    assert "small-order" in sh("dvc", "exp", "show", "--csv")
    assert "featurize.feature_set" in sh("dvc", "params", "diff")
    assert "file://" in sh("dvc", "plots", "diff", "HEAD")
    sh("git", "checkout", "--quiet", ".")
    sh("dvc", "checkout")


def test_an_experiment_in_a_copy_without_the_users_files_says_so():
    printed = sh("dvc", "exp", "run", "--temp", "-S", "ingest.source=files", check=False)
    assert "ingest.source is files, but data/incoming holds none" in printed


def test_a_sweep_is_compared_and_its_best_applied_for_the_rule_to_judge():
    """As docs/experiments.md has it."""
    depths = "train.xgboost.max_depth=3,8"
    sh("dvc", "exp", "run", "--queue", "-n", "depth", "-S", depths)
    assert "depth-1" in sh("dvc", "queue", "remove", "depth-1")  # one is enough here
    printed = sh("dvc", "exp", "run", "--run-all")
    assert "experiment depth-2: tracked in MLflow; experiments never promote" in printed
    assert sh("git", "status", "--porcelain") == ""

    keep = "Experiment|.*feature_set$|.*xgboost.max_depth|.*xgboost.json:valid.rmse"
    order = ("--sort-by", "metrics/xgboost.json:valid.rmse")
    shown = sh("dvc", "exp", "show", "--csv", "--drop", ".*", "--keep", keep, *order)
    table = pd.read_csv(io.StringIO(shown)).set_index("Experiment")
    assert list(table) == [order[1], "featurize.feature_set", "train.xgboost.max_depth"]
    before = table[table.index.isna()]  # the working folder and the commit
    assert before["train.xgboost.max_depth"].tolist() == [7, 7]
    assert table.loc["depth-2", "train.xgboost.max_depth"] == 8
    assert table.loc["depth-2", order[1]] not in before[order[1]].tolist()
    assert "file://" in sh("dvc", "plots", "diff", "HEAD", "depth-2")
    page = Path("dvc_plots/index.html").read_text()
    assert '"HEAD"' in page
    assert '"depth-2"' in page

    sh("dvc", "exp", "apply", "depth-2")
    difference = sh("git", "diff", "--unified=0", "params.yaml").splitlines()
    assert [line for line in difference if line.startswith("+ ")] == ["+    max_depth: 8"]
    printed = sh("dvc", "repro")
    assert ran(printed) == {"register"}
    assert "champion: linear_regression, version 1 (unchanged" in printed
    sh("git", "checkout", "--quiet", ".")
    sh("dvc", "checkout")
    sh("dvc", "repro")


def test_a_study_runs_once_beside_the_pipeline_and_its_best_can_be_tried():
    make = ("make", "-o", "setup", "tune", "MODEL=xgboost")
    printed = sh(*make, "TRIALS=3")
    assert "Running stage 'tune/dvc.yaml:xgboost'" in printed
    assert len(json.loads(Path("tune/xgboost.json").read_text())["trials"]) == 4
    run = re.findall("in MLflow beneath run ([0-9a-f]+)", printed)
    assert len(run) == 1

    sh("git", "add", "--all")  # as the user does
    sh("git", "commit", "--quiet", "--message", "study")
    again = sh(*make)
    assert "Stage 'tune/dvc.yaml:xgboost' didn't change, skipping" in again
    assert re.findall("in MLflow beneath run ([0-9a-f]+)", again) == run
    Path("tune/xgboost.json").unlink()
    sh("dvc", "repro", "tune/dvc.yaml:xgboost")
    assert sh("git", "status", "--porcelain") == ""  # the same bytes again
    sh("dvc", "checkout")  # the other studies never ran, and nothing misses them

    (line,) = re.findall("^  (dvc exp run -S .*)$", again, re.MULTILINE)
    assert "Queued experiment" in sh(*shlex.split(line), "--queue")
    sh("dvc", "queue", "remove", "--all")


def test_an_unknown_study_is_named_with_those_that_are_there():
    printed = sh("make", "-o", "setup", "tune", "MODEL=linear_regression", check=False)
    told = "MODEL=linear_regression: no such study; there are random_forest hist_gradient_boosting"
    assert f"{told} xgboost lightgbm\n" in printed


def test_dag_metrics_and_a_remote(tmp_path):
    assert "train_xgboost" in sh("dvc", "dag")
    shown = sh("dvc", "metrics", "show")
    assert "metrics/data.json" in shown
    assert "metrics/xgboost.json" in shown
    sh("dvc", "remote", "add", "--local", "--default", "--force", "here", str(tmp_path))
    sh("dvc", "push")
    clone = tmp_path / "clone"
    sh("git", "clone", "--quiet", ".", str(clone))
    shutil.copy(PAGE, clone / PAGE)
    os.chdir(clone)
    sh("dvc", "remote", "add", "--local", "--default", "here", str(tmp_path))
    sh("dvc", "pull")
    assert Path("models/xgboost/model.json").is_file()
    assert "file://" in sh("dvc", "plots", "show")
    assert ran(sh("dvc", "repro")) == {"register"}
    assert sh("git", "status", "--porcelain") == ""


@pytest.fixture(scope="module")
def served(repo, tmp_path_factory):
    process, url = serve(repo / "models/promoted", tmp_path_factory.mktemp("served"))
    with httpx.Client(base_url=url, timeout=60) as client:
        yield client
    stop(process)


def test_the_service_prices_the_published_order_as_published(served):
    answered = served.post("/predict", json=PUBLISHED_ORDER).json()
    record = json.loads(Path("metrics/registry.json").read_text())
    assert answered["predicted_total_amount"] == pytest.approx(593.97, abs=0.01)
    assert answered["model"]["content_hash"] == record["champion"]["content_hash"]
    assert answered["warnings"] == []


@pytest.mark.parametrize("alias", ["champion", "challenger"])
def test_training_and_serving_agree_to_the_last_bit(served, alias):
    served.post("/models/load", params={"alias": alias})
    name = served.get("/model-info").json()["model"]
    test = pd.read_parquet("data/prepared/test.parquet")
    assert len(test) == 1000
    expected = model.load(Path("models") / name).predict(test)
    evaluated = json.loads(Path(f"metrics/{name}.json").read_text())
    assert expected[0] == evaluated["golden_prediction"]
    assert scores.errors(test["TotalAmount"].to_numpy(), expected) == evaluated["test"]

    sent = json.loads(test.to_json(orient="records", date_format="iso", double_precision=15))
    one_by_one = [
        served.post("/predict", json=order).json()["predicted_total_amount"] for order in sent
    ]
    assert np.array(one_by_one).tobytes() == expected.tobytes()
    batches = [served.post("/predict_batch", json=part).json() for part in (sent[:500], sent[500:])]
    together = [price for answered in batches for price in answered["predictions"]]
    assert np.array(together).tobytes() == expected.tobytes()
    file = io.BytesIO()
    test.to_parquet(file)
    priced = served.post("/predict_file", content=file.getvalue()).content
    in_file = pd.read_parquet(io.BytesIO(priced))["PredictedTotalAmount"].to_numpy()
    assert in_file.tobytes() == expected.tobytes()


def test_nobody_passes_exits_non_zero_with_the_reasons_and_keeps_the_champion():
    before = Path("metrics/registry.json").read_bytes()
    set_params({"gate.max_test_rmse": 1e-9})
    printed = sh("dvc", "repro", check=False)
    assert "error: no model passed the gate, nothing is promoted" in printed
    assert "linear_regression: test RMSE is" in printed
    assert "failed to reproduce 'register'" in printed
    assert Path("metrics/registry.json").read_bytes() == before
