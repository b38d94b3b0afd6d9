"""One true run from end to end, by DVC's own commands, in a repository of its own."""

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from sales.data import database
from sales.judging import scores
from sales.models import saved
from tests import small_project
from tests.bento_server import serve, stop
from tests.examples import PUBLISHED_ORDER, set_params
from tests.small_project import PAGE, sh
from tests.test_readme import lines

TRAINS = {
    f"train_{name}"
    for name in (
        *("linear_regression", "polynomial_regression", "random_forest"),
        *("hist_gradient_boosting", "xgboost", "lightgbm"),
    )
}
AFTER_TRAINING = {"train_ensemble", "evaluate", "gate", "card", "register"}


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


def put_back():
    """Bring the committed run's files back: the next run has register alone to run."""
    sh("git", "checkout", "--quiet", ".")
    sh("dvc", "checkout", "--quiet", "--force")  # over what a failed run has left


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


@pytest.mark.end_to_end
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"train.xgboost.max_depth": 3}, {"train_xgboost", *AFTER_TRAINING}),
        ({"gate.max_model_mb": 99.0}, {"train_ensemble", "gate", "card", "register"}),
        ({"evaluate.plot_rows": 50}, {"train_ensemble", "evaluate", "register"}),  # same metrics
        ({"evaluate.seed": 1, "gate.min_skill_pct": 51.0}, AFTER_TRAINING),
        ({"register.top_k": 3}, {"register"}),
    ],
)
def test_a_parameter_runs_only_what_follows_from_it(changes, expected):
    set_params(changes)
    assert ran(sh("dvc", "repro")) == expected
    put_back()


@pytest.mark.end_to_end
def test_models_trained_side_by_side_are_those_that_dvc_would_have_trained():
    set_params({"train.lightgbm.num_leaves": 7, "train.xgboost.max_depth": 2})
    assert "not trained" not in sh(sys.executable, "-m", "stages.side_by_side", "2")
    assert ran(sh("dvc", "repro")) == AFTER_TRAINING
    lock = Path("dvc.lock").read_bytes()
    models = {"train_lightgbm", "train_xgboost"}
    assert ran(sh("dvc", "repro", "--force", "--single-item", *sorted(models))) == models
    assert Path("dvc.lock").read_bytes() == lock
    put_back()


@pytest.mark.end_to_end
@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("sales/data/generator.py", {"ingest", "prepare", "card", "register"}),
        ("sales/models/features.py", {"featurize", *TRAINS, *AFTER_TRAINING} - {"gate"}),
        ("sales/estimators/lightgbm.py", {"train_lightgbm", *AFTER_TRAINING} - {"gate", "card"}),
        ("sales/judging/gates.py", AFTER_TRAINING),
        ("sales/serving/request.py", {"register"}),
        ("sales/registry/promotion.py", {"register"}),
        ("ui/app.py", {"register"}),
        ("service.py", {"register"}),
    ],
)
def test_a_changed_module_runs_the_stages_that_depend_on_it(module, expected):
    """What they write is the same, so the rest has nothing to do."""
    with Path(module).open("a") as file:
        file.write("# changed\n")
    assert ran(sh("dvc", "repro")) == expected


def linked(folder: Path) -> None:
    """Give a folder this very environment, in which `make setup` has nothing to do."""
    (folder / ".venv").symlink_to(sys.prefix)
    with (folder / ".git" / "info" / "exclude").open("a") as exclude:
        exclude.write(".venv\n")
    for name in ("uv.lock", "pyproject.toml"):
        os.utime(folder / name, (0, 0))


@pytest.mark.end_to_end
@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_a_fresh_clone_pulls_what_was_pushed_and_runs_register_only(kind, tmp_path, repo, request):
    if kind == "s3":
        request.getfixturevalue("s3")
    url = "s3://team/models" if kind == "s3" else str(tmp_path / "models")
    if not (repo / ".venv").exists():
        linked(repo)
    named = sh("make", "remote", f"URL={url}")
    assert f".dvc/config: {url}; commit it" in named
    assert f"url = {url}" in Path(".dvc/config").read_text()
    sh("make", "push")
    sh("git", "clone", "--quiet", ".", str(tmp_path / "clone"))
    linked(tmp_path / "clone")
    os.chdir(tmp_path / "clone")
    shutil.copytree(repo / ".dvc/plots", ".dvc/plots", dirs_exist_ok=True)
    # The commit does not name the remote: as in CI, this clone alone is told.
    code = sh("make", "pull", check=False)
    assert "error: no remote is named yet: make remote URL=s3://bucket/path" in code
    printed = sh("env", f"DVC_REMOTE_URL={url}", ".ci/pulled")
    assert ".dvc/config.local: " in printed
    assert ran(printed) == {"register"}
    assert json.loads(sh("dvc", "status", "--json", "dvc.yaml")).keys() == {"register"}
    assert sh("git", "status", "--porcelain") == ""
    assert Path("models/promoted/champion/model.json").is_file()


@pytest.mark.end_to_end
@pytest.mark.pages
def test_the_lines_of_docs_team_md_work(repo, tmp_path, postgres, s3):
    """In the page's order: rows from a database, scored into one, pushed, pulled by a clone."""
    if not (repo / ".venv").exists():
        linked(repo)
    page = (repo / "docs/team.md").read_text()
    page = page.partition("## Rows from a database")[2].partition("## Kubernetes")[0]
    shown = {"ann@db.example.org/shop": postgres.url.removeprefix("postgresql://")}
    rows = pq.read_table("data/raw/synthetic.parquet")
    with database.writing(postgres.url) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("orders", rows, mode="replace")
    [told] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    for key, value in yaml.safe_load(said(told, shown))["ingest"].items():
        for name, inner in value.items() if isinstance(value, dict) else [(None, value)]:
            set_params({f"ingest.{key}.{name}" if name else f"ingest.{key}": inner})
    data, remote = page.split("## A DVC remote")
    pushing, pulling = remote.split("In a fresh clone")
    before = json.loads(Path("metrics/data.json").read_text())
    printed = [paste(said(line, shown)) for line in lines(data)]
    found = json.loads(Path("metrics/data.json").read_text())
    assert found.pop("sql")["rows"] == len(rows)
    assert found == before  # the generator's rows, through a database and back
    assert "sql: 5,000 rows" in printed[2]
    assert ran(printed[2]) <= {"ingest", "prepare", "card", "register"}
    assert ran(printed[3]) == {"ingest"}  # forced, and the rows are the same
    assert "#orders_scored, run " in printed[-1]
    with database.writing(postgres.url) as connection, connection.cursor() as cursor:
        cursor.execute("TRUNCATE orders")
    assert ran(sh("dvc", "repro")) == {"register"}  # DVC does not see a table change
    with pytest.raises(AssertionError, match="orders gives no rows"):
        sh("dvc", "repro", "--force", "ingest")
    sh("dvc", "checkout", "--quiet", "ingest")  # what it held before
    for line in lines(pushing):
        paste(line)
    sh("git", "add", "--all")
    sh("git", "commit", "--quiet", "--message", "rows from the database")
    sh("git", "clone", "--quiet", ".", str(tmp_path / "clone"))
    sh("git", "reset", "--quiet", "--hard", "HEAD~1")
    linked(tmp_path / "clone")
    os.chdir(tmp_path / "clone")
    shutil.copytree(repo / ".dvc/plots", ".dvc/plots", dirs_exist_ok=True)
    assert [ran(paste(line)) for line in lines(pulling)] == [set(), {"register"}]


def said(text: str, shown: dict[str, str]) -> str:
    for example, real in shown.items():
        text = text.replace(example, real)
    return text


def paste(line: str) -> str:
    """Run a line as a person's Bash does; a variable that it sets stays for those that follow."""
    if line.startswith("export "):
        name, _, value = line.removeprefix("export ").split("#")[0].strip().partition("=")
        os.environ[name] = value
        return ""
    return sh("bash", "-euo", "pipefail", "-c", line)


@pytest.mark.end_to_end
def test_a_fresh_clone_shows_the_results_with_nothing_run_or_pulled(tmp_path):
    set_params({"train.xgboost.max_depth": 2})
    sh("dvc", "repro")
    sh("git", "commit", "--quiet", "--all", "--message", "shallower")
    sh("git", "clone", "--quiet", ".", str(tmp_path / "clone"))
    shutil.copy(PAGE, tmp_path / "clone" / PAGE)
    sh("git", "reset", "--quiet", "--hard", "HEAD~1")
    put_back()
    os.chdir(tmp_path / "clone")
    assert not Path(".dvc/cache").exists()
    shown = sh("dvc", "metrics", "show")
    assert "failed" not in shown
    assert re.search(r"^metrics/xgboost\.json .*\d\.\d", shown, re.M)
    difference = sh("dvc", "metrics", "diff", "HEAD~1")
    assert re.search(r"^metrics/xgboost\.json +test\.rmse( +-?\d+\.\d+){3}$", difference, re.M)
    assert "metrics/lightgbm.json" not in difference
    assert "file://" in sh("dvc", "plots", "show")
    printed = sh("dvc", "plots", "diff", "HEAD~1", "--out", "both")
    assert "file://" in printed
    page = Path("both/index.html").read_text()
    titles = [
        name for plot in yaml.safe_load(Path("dvc.yaml").read_text())["plots"] for name in plot
    ]
    for title in titles:
        assert f'"{title}"' in page
    assert page.count('"HEAD~1"') >= len(titles)
    assert sh("git", "status", "--porcelain") == "?? both/\n"


def test_an_experiment_in_a_copy_without_the_users_files_says_so():
    printed = sh("dvc", "exp", "run", "--temp", "-S", "ingest.source=files", check=False)
    assert "ingest.source is files, but data/incoming holds none" in printed


@pytest.mark.end_to_end
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
    with contextlib.chdir(repo):  # what is exported is of the models that stand there
        sh(sys.executable, "-m", "stages.register")
    process, url = serve(repo / "models/promoted", tmp_path_factory.mktemp("served"))
    with httpx.Client(base_url=url) as client:
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
    expected = saved.load(Path("models") / name).predict(test)
    evaluated = json.loads(Path(f"metrics/{name}.json").read_text())
    assert expected[0] == evaluated["golden_prediction"]
    within = {key: evaluated["test"].pop(key) for key in ("rmse_low", "rmse_high")}
    assert scores.tally(test, "TotalAmount", expected, None).errors() == evaluated["test"]
    assert within["rmse_low"] < evaluated["test"]["rmse"] < within["rmse_high"]

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


def make_repro():
    """Return the exit code of `make repro` by a person, and what it printed."""
    if not Path(".venv").exists():
        Path(".venv").symlink_to(sys.prefix)
        for name in ("uv.lock", "pyproject.toml"):
            os.utime(name, (0, 0))  # there is nothing to install
    env = {k: v for k, v in os.environ.items() if not k.startswith(("DVC_", "GIT_", "MAKE"))}
    done = subprocess.run(["make", "repro"], env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.end_to_end
@pytest.mark.parametrize(
    ("changes", "before", "fails"),
    [
        ({"prepare.max_rejected_pct": 0.0, "contract.columns.Quantity.max": 1}, set(), "prepare"),
        # The models are all there, and no ensemble is asked for.
        ({"evaluate.plot_rows": "many"}, {"train_ensemble"}, "evaluate"),
        # What only evaluate would need is told by the first stage that runs, before it trains.
        ({"evaluate.slices": {"Colour": {}}, "train.xgboost.max_depth": 9}, set(), "train_xgboost"),
    ],
)
def test_a_run_that_fails_before_its_gate_prints_no_table(changes, before, fails):
    set_params(changes)
    code, printed = make_repro()
    assert code != 0
    assert f"failed to reproduce '{fails}'" in printed
    assert ran(printed) == {*before, fails}
    assert printed.count("error: ") == 1
    for told in ("R² test", "Traceback", "make repro`"):
        assert told not in printed
    put_back()


@pytest.mark.end_to_end
def test_a_run_that_got_past_its_gate_prints_its_table_whatever_register_does():
    code, printed = make_repro()
    assert code == 0
    assert re.search(r"linear_regression .* passed +champion", printed)
    set_params({"gate.max_test_rmse": 1e-9})
    code, printed = make_repro()
    assert code != 0
    assert "failed to reproduce 'register'" in printed
    rows = re.findall(r"^\w+ +[\d.]+ .* refused: max_test_rmse", printed, re.M)
    assert len(rows) == len(TRAINS)


def test_nobody_passes_exits_non_zero_with_the_reasons_and_keeps_the_champion():
    before = Path("metrics/registry.json").read_bytes()
    set_params({"gate.max_test_rmse": 1e-9})
    printed = sh("dvc", "repro", check=False)
    assert "error: no model passed the gate, nothing is promoted" in printed
    assert "linear_regression: test RMSE is" in printed
    assert "failed to reproduce 'register'" in printed
    assert Path("metrics/registry.json").read_bytes() == before
