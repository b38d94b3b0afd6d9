"""register on a real MLflow SQLite registry: idempotent whatever happened in between."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import pandas as pd
import pytest

from sales import files
from sales.errors import PipelineError
from sales.judging import evaluation
from sales.models import saved
from stages import register
from tests import patience
from tests.examples import ROOT, make_orders, run_alone, set_params
from tests.trained_project import (
    NAME,
    NAMES,
    decision,
    gate,
    hashes,
    open_registry,
    refuse,
    state,
    train,
)

FIRST = "linear_regression is the first champion"


@pytest.fixture(autouse=True)
def own_path(monkeypatch):
    """Keep to this test what MLflow adds to the path with a model: the code of its folder."""
    monkeypatch.setattr(sys, "path", [*sys.path])


def test_first_run_registers_promotes_and_exports(gated):
    register.main()
    now, known = state(), hashes()
    assert [(v, h) for v, h, _ in now["versions"]] == [
        (1, known["linear_regression"]),
        (2, known["xgboost"]),
    ]
    assert now["aliases"] == {"champion": 1, "challenger": 2}
    assert now["exports"]["champion"] == known["linear_regression"]
    assert now["exports"]["challenger"] == known["xgboost"]
    assert decision()["outcome"] == "first"


def test_the_same_run_again_changes_nothing(registered):
    before, record = state(), Path("metrics/registry.json").read_bytes()
    register.main()
    assert state() == before
    assert Path("metrics/registry.json").read_bytes() == record
    assert before["runs"] == len(NAMES)


def test_the_same_run_again_by_the_long_way_changes_nothing(registered):
    before = state()
    Path("state/registry/settled").unlink()
    register.main()
    assert state() == before
    assert decision()["outcome"] == "unchanged"


def test_a_settled_registry_is_left_alone_without_loading_mlflow(registered):
    script = (
        "import sys; from stages import register; register.main(); print('mlflow' in sys.modules)"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    names = f"from sales import estimators; estimators.NAMES = {NAMES}; "
    done = subprocess.run(
        [sys.executable, "-c", names + script], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("False\n")


@pytest.mark.parametrize("touched", ["alias", "export", "metrics", "model"])
def test_whatever_changed_since_it_settled_is_put_right(registered, touched):
    before = state()
    if touched == "alias":  # by hand, in the MLflow UI say
        store = open_registry()
        store.client.delete_registered_model_alias(NAME, "challenger")
    elif touched == "export":
        shutil.rmtree("models/promoted/champion")
    elif touched == "metrics":
        Path("metrics/registry.json").unlink()
    else:
        Path("models/promoted/challenger/model.json").write_text("{}")
    register.main()
    assert state() == before
    assert Path("metrics/registry.json").is_file()


def test_a_deleted_registry_is_rebuilt(registered):
    def told():
        picture = files.read_json(Path("models/promoted/data.json"))
        for span in picture["spans"]:
            span.pop("first_seen")  # by the clock
        return picture

    before, data = state(), told()
    shutil.rmtree("state")
    register.main()
    after = state()
    assert told() == data
    assert after["aliases"] == before["aliases"]
    for now in (before, after):
        del now["exports"]["promoted.json"]  # it names the runs, which are new
        del now["exports"]["data.json"]
    assert after["exports"] == before["exports"]
    assert [v[:2] for v in after["versions"]] == [v[:2] for v in before["versions"]]


def test_models_restored_from_a_cache_are_not_registered_again(registered):
    before = state()
    for name in NAMES:
        shutil.copytree(f"models/{name}", "copy")
        shutil.rmtree(f"models/{name}")
        shutil.move("copy", f"models/{name}")
        for file in Path("models", name).iterdir():
            os.utime(file, (0, 0))
    register.main()
    assert state() == before


def test_an_older_commit_checked_out_and_back(registered):
    newest = state()
    shutil.copytree("models", "newest/models", ignore=shutil.ignore_patterns("promoted"))
    for name in ("metrics", "cards"):
        shutil.copytree(name, f"newest/{name}")
    # The older commit's best is worse: the champion stays, and what passed is registered once.
    train({"linear_regression": {}, "xgboost": {"n_estimators": 40}})
    refuse("linear_regression")
    register.main()
    older = state()
    assert older["aliases"]["champion"] == newest["aliases"]["champion"]
    assert decision()["outcome"] == "kept"
    assert decision()["incumbent_test_rmse"] < decision()["candidate_test_rmse"]
    register.main()
    assert state() == older
    shutil.copytree("newest", ".", dirs_exist_ok=True)
    register.main()
    assert state()["aliases"] == newest["aliases"]
    assert len(state()["versions"]) == len(older["versions"]) == 3


def test_an_experiment_tracks_in_the_real_repo_and_promotes_nothing(
    gated, tmp_path_factory, monkeypatch, capsys
):
    copy = tmp_path_factory.mktemp("queued")
    shutil.copytree(gated, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("state"))
    monkeypatch.setenv("DVC_ROOT", str(gated))
    monkeypatch.setenv("DVC_EXP_NAME", "brave-otter")
    monkeypatch.chdir(copy)
    register.main()
    assert "experiments never promote" in capsys.readouterr().out
    assert not (copy / "state").exists()
    assert not Path("models/promoted").exists()
    assert not Path("metrics/registry.json").exists()
    now = state()
    assert (now["runs"], now["versions"]) == (2, [])
    monkeypatch.delenv("DVC_EXP_NAME")
    monkeypatch.chdir(gated)
    register.main()  # applied and reproduced: the same runs, now registered
    assert state()["runs"] == 2
    assert state()["aliases"] == {"champion": 1, "challenger": 2}


def test_a_better_candidate_replaces_the_champion(gated):
    linear = files.read_json(Path("metrics/linear_regression.json"))
    refuse("linear_regression")
    register.main()
    assert json.loads(Path("metrics/registry.json").read_text())["champion"]["model"] == "xgboost"
    files.write_json(Path("metrics/linear_regression.json"), linear)
    gate()
    register.main()
    record = json.loads(Path("metrics/registry.json").read_text())
    assert record["champion"]["model"] == "linear_regression"
    assert record["challenger"]["model"] == "xgboost"
    assert decision()["outcome"] == "replaced"
    assert "% better: test RMSE" in decision()["reason"]
    store = open_registry()
    assert store.client.get_registered_model(NAME).tags["previous_champion"] == "1"
    champion = store.holder("champion")
    assert champion.tags["decision"] == "replaced"
    assert champion.tags["reason"] == decision()["reason"]


def test_the_exports_tell_the_service_all_it_needs(registered):
    exported = files.read_json(Path("models/promoted/promoted.json"))
    for alias, name in (("champion", "linear_regression"), ("challenger", "xgboost")):
        entry = exported[alias]
        assert entry["content_hash"] == hashes()[name]
        scored = files.read_json(Path(f"metrics/{name}.json"))
        assert entry["metrics"]["test.rmse"] == scored["test"]["rmse"]
        order = pd.DataFrame([entry["golden"]["order"]])
        order["OrderDate"] = pd.to_datetime(order["OrderDate"])
        again = saved.load(Path("models/promoted") / alias).predict(order)[0]
        assert again == entry["golden"]["prediction"]
        told = files.read_json(Path(f"models/promoted/evaluation/{alias}.json"))
        assert told["metrics"] == scored
        assert told["gate"] == files.read_json(Path("metrics/gate.json"))["models"][name]
        drawn = pd.read_csv("plots/predictions.csv").query("model == @name")
        assert told["predictions"]["predicted"] == drawn["predicted"].to_list()
    assert exported["fallback"] is None
    data = files.read_json(Path("models/promoted/data.json"))
    assert (data["rows_in"], sum(data["numeric"]["UnitPrice"]["rows"])) == (600, 600)


def test_the_fallback_is_the_champion_before_this_one(gated):
    refuse("linear_regression")
    register.main()
    before = files.read_json(Path("models/promoted/promoted.json"))
    train()
    register.main()
    exported = files.read_json(Path("models/promoted/promoted.json"))
    assert exported["champion"]["model"] == "linear_regression"
    assert exported["fallback"] == before["champion"]
    fallback = files.content_hash(Path("models/promoted/fallback"))
    assert fallback == exported["fallback"]["content_hash"] == hashes()["xgboost"]
    told = files.read_json(Path("models/promoted/evaluation/fallback.json"))
    assert told["metrics"] == files.read_json(Path("metrics/xgboost.json"))
    register.main()
    assert files.read_json(Path("models/promoted/promoted.json")) == exported
    Path("state/registry/settled").unlink()
    register.main()
    assert files.read_json(Path("models/promoted/promoted.json")) == exported


def linear_champion_against_a_booster(change=lambda: None):
    """`change` the linear champion, and leave xgboost as today's only candidate."""
    change()
    train({"linear_regression": {"digits": 5}, "xgboost": {}})
    refuse("linear_regression")


def test_an_unloadable_champion_is_replaced(registered):
    def damage():
        for file in Path().rglob("linear_regression.json"):
            if "promoted" in file.parts or "state" in file.parts:
                file.write_text("{")

    linear_champion_against_a_booster(damage)
    register.main()
    assert decision()["outcome"] == "replaced"
    assert "cannot be loaded" in decision()["reason"]


def test_a_champion_whose_exported_copy_is_damaged_is_loaded_from_mlflow(registered):
    def damage():
        Path("models/promoted/champion/linear_regression.json").write_text("{")

    linear_champion_against_a_booster(damage)
    register.main()
    assert decision()["outcome"] == "kept"
    exported = files.content_hash(Path("models/promoted/champion"))
    record = json.loads(Path("metrics/registry.json").read_text())
    assert exported == record["champion"]["content_hash"]


def test_a_champion_that_asks_for_other_fields_is_replaced(registered):
    train(feature_set="quote")
    register.main()
    assert decision()["outcome"] == "replaced"
    assert "asks for other fields: OrderStatus, ShippingCost, Tax" in decision()["reason"]


def test_a_champion_that_fails_todays_gate_is_replaced(registered):
    linear_champion_against_a_booster()
    set_params({"gate.max_test_rmse": 1e-9})  # after the gate stage: it binds the incumbent only
    register.main()
    assert decision()["outcome"] == "replaced"
    assert "fails today's gate: max_test_rmse" in decision()["reason"]


def test_nobody_passes_nothing_changes_and_the_reasons_are_given(registered):
    before, record = state(), Path("metrics/registry.json").read_bytes()
    gate(min_skill_pct=100.0)
    with pytest.raises(PipelineError, match="no model passed the gate, nothing is promoted") as why:
        register.main()
    for name in NAMES:
        assert f"{name}: RMSE saved against the mean in %" in str(why.value)
    assert state() == before
    assert Path("metrics/registry.json").read_bytes() == record


def test_nobody_passes_and_there_was_no_champion(gated):
    gate(min_skill_pct=100.0)
    with pytest.raises(PipelineError):
        register.main()
    now = state()
    assert (now["runs"], now["versions"], now["exports"]) == (2, [], {})


def test_the_challenger_leaves_when_only_one_model_passes(registered):
    refuse("xgboost")
    register.main()
    assert state()["aliases"] == {"champion": 1, "challenger": None}
    assert not Path("models/promoted/challenger").exists()


def test_a_run_cut_short_is_not_counted(gated):
    store = open_registry()
    known = hashes()["linear_regression"]
    evaluation = files.content_hash(Path("metrics/linear_regression.json"))
    tags = {"content_hash": known, "evaluation_hash": evaluation}
    store.client.create_run(store.experiment, tags=tags)  # still RUNNING
    assert store.find_run(known, evaluation) is None
    register.main()
    assert open_registry().find_run(known, evaluation)


def test_the_run_holds_all_that_is_asked_for(registered):
    store = open_registry()
    run = store.client.get_run(store.holder("champion").run_id)
    metrics = files.read_json(Path("metrics/linear_regression.json"))
    assert run.data.metrics["test.rmse"] == metrics["test"]["rmse"]
    assert run.data.metrics["behaviour.higher_price"] == metrics["behaviour"]["higher_price"]
    assert run.data.params == {
        "model": "linear_regression",
        "feature_set": "priced",
        "digits": "9",
    }
    assert run.data.tags["content_hash"] == hashes()["linear_regression"]
    assert run.data.tags["data_hash"] == files.content_hash(Path("data/prepared"))
    for tag in ("params_hash", "code_hash"):
        assert len(run.data.tags[tag]) == 64
    assert run.data.tags["verdict"] == "passed"
    [dataset] = run.inputs.dataset_inputs
    assert dataset.dataset.name == "train"
    artifacts = {a.path for a in store.client.list_artifacts(run.info.run_id, "plots")}
    tables = {"plots/rmse.csv", *(f"plots/{table}.csv" for table in evaluation.TABLES)}
    pictures = ("learning_curve", "predicted", "residuals", "importance")
    assert artifacts == tables | {f"plots/{name}.png" for name in pictures}
    assert len(store.client.get_metric_history(run.info.run_id, "curve.valid_rmse")) > 1


def test_every_run_holds_its_model_with_signature_and_input_example(gated):
    import mlflow

    refuse("xgboost")  # what is refused is tracked all the same
    register.main()
    store = open_registry()
    runs = {run.data.tags["model"]: run for run in store.client.search_runs([store.experiment])}
    assert set(runs) == set(NAMES)
    for name, run in runs.items():
        uri = run.data.tags["model_uri"]
        loaded = mlflow.pyfunc.load_model(uri)
        example = loaded.input_example
        assert list(example.columns) == loaded.metadata.signature.inputs.input_names()
        assert loaded.metadata.signature.outputs is not None
        expected = saved.load(Path("models") / name).predict(
            pd.read_parquet("data/prepared/test.parquet").head(5)
        )
        assert np.asarray(loaded.predict(example)).tobytes() == expected.tobytes()


def test_mlflow_loads_the_champion_and_it_predicts_the_same_bits(gated):
    import mlflow

    register.main()
    champion = mlflow.pyfunc.load_model(f"models:/{NAME}@champion")
    loaded = saved.load(Path("models/linear_regression"))
    orders = make_orders(50, seed=9)
    sent = orders[list(loaded.featuriser.request_fields)]
    sent = sent.astype(dict.fromkeys(sent.select_dtypes("category"), str)).astype(
        {"Quantity": float}
    )
    assert np.asarray(champion.predict(sent)).tobytes() == loaded.predict(orders).tobytes()
    assert champion.metadata.signature.inputs.input_names() == list(sent.columns)
    files_there = {p.suffix for p in Path("state/artifacts").rglob("*") if p.is_file()}
    assert not files_there & {".pkl", ".pickle", ".joblib"}


def test_the_registered_model_brings_its_own_code_along(registered):
    """Whoever has MLflow's database and artifacts needs nothing else of this project."""
    orders = make_orders(5, seed=9)
    fields = files.read_json(Path("models/linear_regression/model.json"))["request_fields"]
    sent = orders[fields].astype(dict.fromkeys(orders[fields].select_dtypes("category"), str))
    sent.astype({"Quantity": float}).to_parquet("sent.parquet")
    program = (
        "import mlflow, pandas; mlflow.set_tracking_uri('sqlite:///state/registry/mlflow.db'); "
        f"model = mlflow.pyfunc.load_model('models:/{NAME}@champion'); "
        "print(model.predict(pandas.read_parquet('sent.parquet')).tolist())"
    )
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    expected = saved.load(Path("models/linear_regression")).predict(orders)
    assert json.loads(done.stdout.splitlines()[-1]) == expected.tolist()


def inside(folder):
    """Return whether all that MLflow has of the project lies in the folder, and is there."""
    store, here = open_registry(), (folder / "state/artifacts").resolve()
    places = [run.info.artifact_uri for run in store.client.search_runs([store.experiment])]
    places += [store.folder(version).as_uri() for version in store.versions().values()]
    return all(place.startswith(f"{here.as_uri()}/") for place in places) and all(
        Path(url2pathname(urlsplit(place).path)).is_dir() for place in places
    )


@pytest.mark.parametrize("way", ["copied", "moved"])
def test_a_project_in_another_place_keeps_all_its_state_inside(
    registered, tmp_path_factory, monkeypatch, way
):
    shutil.copytree(registered, copy := tmp_path_factory.mktemp("other") / "my copy", symlinks=True)
    before = files.content_hash(registered)
    aliases = state()["aliases"]
    monkeypatch.chdir(copy)
    if way == "moved":
        shutil.rmtree(registered)
    register.main()  # nothing new, but in another place
    assert state()["aliases"] == aliases
    assert inside(copy)
    train({"linear_regression": {"digits": 5}, "xgboost": {"n_estimators": 40}})
    register.main()
    assert state()["runs"] == 4
    assert inside(copy)
    if way == "copied":
        assert files.content_hash(registered) == before
    else:
        assert not registered.exists()


@pytest.mark.parametrize("name", ["two words", "100% mine", "a#b", "O'Neill", "Zürich; & more"])
def test_a_project_in_a_folder_of_any_name(gated, tmp_path_factory, monkeypatch, name):
    folder = tmp_path_factory.mktemp("named") / name
    shutil.copytree(gated, folder, ignore=shutil.ignore_patterns("state"))
    monkeypatch.chdir(folder)
    register.main()
    assert state()["aliases"] == {"champion": 1, "challenger": 2}
    assert inside(folder)


@pytest.mark.parametrize("name", ["what?", "a%2Fb"])
def test_a_folder_that_mlflow_cannot_work_in_is_told_at_once(
    gated, tmp_path_factory, monkeypatch, name
):
    folder = tmp_path_factory.mktemp("named") / name
    shutil.copytree(gated, folder, ignore=shutil.ignore_patterns("state"))
    monkeypatch.chdir(folder)
    with pytest.raises(PipelineError, match="rename the folder"):
        register.main()
    assert {path.name for path in folder.parent.iterdir()} == {name}
    assert not Path("state/registry").exists()


def test_an_experiment_deleted_in_the_mlflow_ui_comes_back(registered):
    store = open_registry()
    store.client.delete_experiment(store.experiment)
    train({"linear_regression": {"digits": 5}, "xgboost": {}})
    register.main()
    store = open_registry()
    assert store.client.get_experiment(store.experiment).lifecycle_stage == "active"
    assert state()["runs"] == 4  # those of before too
    assert inside(registered)


def test_two_registers_at_once_register_each_model_once(gated):
    script = (
        "from sales import estimators; estimators.NAMES = ('linear_regression', 'xgboost'); "
        "from stages import register; register.main()"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = [
        subprocess.Popen([sys.executable, "-c", script], env=env, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    assert [process.wait(patience.SECONDS) for process in running] == [0, 0]
    now = state()
    assert (now["runs"], len(now["versions"])) == (2, 2)
    assert now["aliases"] == {"champion": 1, "challenger": 2}


def test_the_champions_card_is_exported_and_linked_from_mlflow(registered):
    store = open_registry()
    for alias, name in (("champion", "linear_regression"), ("challenger", "xgboost")):
        version = store.holder(alias)
        card = Path(f"cards/{name}.md").read_text()
        assert version.description == card
        assert version.tags["model_card"] == f"runs:/{version.run_id}/card.html"
        for kind in ("md", "html"):
            written = Path(f"cards/{name}.{kind}").read_text()
            assert store.text(version.run_id, f"card.{kind}") == written
        exported = Path(f"models/promoted/cards/{alias}.md").read_text()
        decided = [] if alias == "challenger" else ["## The decision", "", f"{FIRST}."]
        assert exported.splitlines() == [*card.splitlines(), *([""] if decided else []), *decided]
        page = Path(f"models/promoted/cards/{alias}.html").read_text()
        assert (f"<p>{FIRST}.</p>" in page) == (alias == "champion")


def test_a_run_without_news_starts_without_what_models_and_mlflow_need():
    """It ends there: register runs every time, and mostly finds all as it left it."""
    heavy = ("numpy", "scipy", "pandas", "mlflow", "sklearn")
    assert run_alone("import stages.register", *heavy) == ([], [])
