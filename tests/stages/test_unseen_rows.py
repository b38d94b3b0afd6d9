"""register compares two models on rows that neither learnt from, or says that it cannot.

The champion learnt from the rows 0 to 300, and from 300 to 400 when to stop.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import stages.champion
from sales import files
from sales.data.preparation import GROUPS
from sales.models import saved
from sales.registry import provenance
from stages import register
from tests import trained_project
from tests.examples import make_orders, set_params
from tests.trained_project import boosted, decision, open_registry

OLD, NEW = 10, 60  # rounds of xgboost: the second is far better


@pytest.fixture
def champion(gated):
    """Let a small xgboost be champion; forget that nothing has changed since."""
    boosted(OLD)
    register.main()
    return gated


def other_rows(monkeypatch, test, train=slice(300, 600), valid=slice(200, 300)):
    """Let the candidate learn from other rows, and test rows be others, as after another draw."""
    monkeypatch.setattr(trained_project, "PARTS", {"train": train, "valid": valid, "test": test})
    boosted(NEW)
    register.main()
    return decision()


def rmse(model, rows):
    orders = make_orders(600)[rows]
    return float(np.sqrt(np.mean((model.predict(orders) - orders["TotalAmount"]) ** 2)))


def test_a_version_carries_what_it_was_split_by(champion):
    [event] = [
        json.loads(line)
        for line in Path("state/registry/history.jsonl").read_text().splitlines()
        if json.loads(line)["what"] == "registered"
    ]
    told = event["entry"]["learnt_from"]
    assert told["rows"] == {"train": 300, "valid": 100, "test": 200}
    assert told["train_rows_sha256"] == files.content_hash(Path("data/prepared/train.parquet"))
    assert files.read_json(Path("models/promoted/promoted.json"))["champion"]["learnt_from"] == told
    tags = open_registry().holder("champion").tags
    assert tags["split"].endswith("seed 42, test 0.2, valid 0.1")
    assert tags["train_rows_sha256"] == told["train_rows_sha256"]


def test_models_of_the_same_rows_need_no_record(champion):
    boosted(NEW)
    register.main()
    told = decision()
    assert told["outcome"] == "replaced"
    assert told["compared_rows"] == 200
    assert 0 < told["improvement_low"] < told["improvement_pct"] < told["improvement_high"]


def test_where_rows_were_drawn_anew_the_record_finds_those_that_are_new(champion, monkeypatch):
    set_params({"prepare.split": "random"})
    old = saved.load(Path("models/promoted/champion").resolve())
    told = other_rows(monkeypatch, test=slice(250, 450))
    assert told["outcome"] == "replaced"
    assert "on 50 rows that neither learnt from (by the record of" in told["reason"]
    new = saved.load(Path("models/xgboost"))
    assert told["compared_rows"] == 50
    assert told["incumbent_test_rmse"] == pytest.approx(rmse(old, slice(400, 450)), 1e-5)
    assert told["candidate_test_rmse"] == pytest.approx(rmse(new, slice(400, 450)), 1e-5)


def test_where_too_few_are_new_all_are_taken_and_it_says_so(champion, monkeypatch):
    set_params({"prepare.split": "random", "register.min_unseen_rows": 51})
    told = other_rows(monkeypatch, test=slice(250, 450))
    assert told["compared_rows"] == 200
    assert "on all 200 test rows; the champion has learnt from some: only 50" in told["reason"]
    assert told["outcome"] == "replaced"  # better even so


@pytest.mark.parametrize("lost", ["entry", "record"])
def test_of_a_version_of_before_nothing_is_known_and_all_rows_are_taken(
    champion, monkeypatch, lost
):
    set_params({"prepare.split": "random"})
    if lost == "record":
        for path in Path("state/artifacts").rglob("learnt_from.parquet"):
            path.unlink()
    else:
        for path in (
            Path("state/registry/history.jsonl"),
            Path("state/registry/promoted/promoted.json"),
        ):
            forget(path)
    told = other_rows(monkeypatch, test=slice(250, 450))
    assert told["compared_rows"] == 200
    assert "the champion may have learnt from some: it" in told["reason"]
    assert told["outcome"] == "replaced"


@pytest.mark.parametrize("kept", ["with its run", "in DVC's cache", "nowhere"])
def test_a_rebuilt_registry_knows_which_rows_a_version_learnt_from_or_says_that_it_does_not(
    gated, monkeypatch, capsys, kept
):
    set_params({"prepare.split": "random"})
    boosted(OLD)
    cache = Path("cache").resolve()
    if kept == "in DVC's cache":
        into_a_cache(Path("data/prepared"), cache)
    monkeypatch.setattr(provenance, "cache_folder", lambda: cache)
    register.main()
    for file in Path("state/registry").glob("mlflow.db*"):
        file.unlink()
    if kept != "with its run":
        shutil.rmtree("state/artifacts")
    shutil.rmtree("data/prepared")
    capsys.readouterr()
    monkeypatch.setattr("sys.argv", ["champion", "rebuild"])
    stages.champion.main()
    lost = kept == "nowhere"
    assert ("which rows it learnt from is lost" in capsys.readouterr().out) == lost
    told = other_rows(monkeypatch, test=slice(250, 450))
    assert told["compared_rows"] == (200 if lost else 50)
    assert ("its run in MLflow has lost the record" in told["reason"]) == lost


def into_a_cache(folder, cache):
    """Keep a folder as DVC keeps an output, and name it in dvc.lock."""
    listing = [
        {"md5": f"{n:032d}", "relpath": path.name} for n, path in enumerate(folder.iterdir())
    ]
    for one in listing:
        put_into(cache, one["md5"], (folder / one["relpath"]).read_bytes())
    md5 = "ab" + "0" * 30 + ".dir"
    put_into(cache, md5, json.dumps(listing).encode())
    out = {"path": folder.as_posix(), "md5": md5}
    Path("dvc.lock").write_text(json.dumps({"stages": {"prepare": {"outs": [out]}}}))


def put_into(cache, md5, content):
    place = cache / "files" / "md5" / md5[:2] / md5[2:]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)


def forget(path):
    """Leave out what was not noted before."""
    lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
    kept = [json.loads(line) for line in lines]
    for each in kept:
        for entry in (each.get("entry"), each.get("champion"), each.get("challenger")):
            for key in ("learnt_from", "data"):
                (entry or {}).pop(key, None)
    path.write_text("".join(json.dumps(each) + "\n" for each in kept))


def test_an_overfitted_champion_is_not_saved_by_the_rows_that_it_knows(gated, monkeypatch):
    """It knows 300 of 400 rows by heart; on the 80 that are new to it the candidate is better."""
    set_params({"prepare.split": "random", "gate.max_generalization_gap_pct": 1000.0})
    parts = {"train": slice(0, 300), "valid": slice(300, 320), "test": slice(320, 400)}
    monkeypatch.setattr(trained_project, "PARTS", parts)
    deep = {"n_estimators": 300, "learning_rate": 1.0, "max_depth": 12, "min_child_weight": 0.0}
    deep |= {"colsample_bytree": 0.3, "colsample_bynode": 0.3, "reg_lambda": 0.0}
    trained_project.train(
        {"linear_regression": {}, "xgboost": {**deep, "early_stopping_rounds": None}}
    )
    trained_project.refuse("linear_regression")
    register.main()
    set_params({"register.min_unseen_rows": 81})
    few = other_rows(monkeypatch, slice(0, 400), train=slice(430, 600), valid=slice(400, 430))
    assert (few["outcome"], few["compared_rows"]) == ("kept", 400)
    set_params({"register.min_unseen_rows": 80})
    register.main()
    assert (decision()["outcome"], decision()["compared_rows"]) == ("replaced", 80)


def test_the_record_is_no_longer_asked_for_where_both_are_of_one_hash_split(gated, monkeypatch):
    set_params({"prepare.split": "hash"})
    boosted(OLD)
    register.main()
    for path in Path("state/artifacts").rglob("learnt_from.parquet"):
        path.unlink()
    told = other_rows(monkeypatch, test=slice(400, 600), train=slice(0, 310), valid=slice(310, 400))
    assert told["outcome"] == "replaced"
    assert "200 rows that neither learnt from (by the same hash split" in told["reason"]


def test_rows_of_one_group_count_once(champion):
    """Of the same two models ten groups tell less than two hundred rows."""
    boosted(NEW)
    set_params({"prepare.group": "CustomerID", "register.min_improvement_pct": 98.0})
    groups = {"rows": np.arange(200), "tens": np.arange(200) // 20, "one": np.zeros(200)}
    width = {}
    for kind, names in groups.items():
        table = pd.DataFrame({"group": names.astype(np.uint64)})
        table.to_parquet(Path("data/prepared") / GROUPS)
        register_again()
        told = decision()
        assert (told["outcome"], told["compared_rows"]) == ("kept", 200)
        ends = told["improvement_low"], told["improvement_high"]
        width[kind] = None if None in ends else ends[1] - ends[0]
    assert width["one"] is None  # one group tells nothing of another
    assert width["rows"] < width["tens"]


def register_again():
    """Bring hashes in line with the prepared folder, which has one file more, and register."""
    data = Path("metrics/data.json")
    sha256 = files.content_hash(Path("data/prepared"))
    files.write_json(data, {**files.read_json(data), "sha256": sha256})
    for name in trained_project.NAMES:
        path = Path(f"metrics/{name}.json")
        told = files.read_json(path)
        told["made_of"]["data"] = sha256[:12]
        files.write_json(path, told)
    trained_project.gate()
    register.main()
