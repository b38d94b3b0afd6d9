"""XGBoost and LightGBM learn on a cluster what they learn on one machine, or end with a line."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading

import hypothesis
import numpy as np
import pandas as pd
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales import estimators, files, params
from sales.engine import partitions
from sales.errors import PipelineError
from sales.estimators import TrainingData, TrainingFiles, xgboost

if os.environ.get("CI") != "true":
    pytest.importorskip("distributed", reason="Dask is not installed: make setup-cluster")
from distributed import Client, Event
from tqdm import tqdm

from sales.engine.cluster import Cluster
from sales.estimators.fitting import shares, watch
from tests import patience
from tests.examples import run_alone

NAMES = ("xgboost", "lightgbm")
COLUMNS = ("UnitPrice", "Quantity", "Brand")
ROUNDS = 150  # the curve tells all of them


def settings(name, **changes):
    """Return the committed parameters of a model, made small for a test."""
    module = estimators.module(name)
    committed = params.read(f"train.{name}", module.Params)
    small = {"n_estimators": ROUNDS, "learning_rate": 0.2, "early_stopping_rounds": 10}
    return module.Params(**{**committed.model_dump(), **small, **changes})


def orders(rows, seed):
    """Return a price, a quantity, a brand of three, and the price of the order with some noise."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "UnitPrice": rng.uniform(5, 600, rows),
            "Quantity": rng.integers(1, 6, rows).astype(float),
            "Brand": rng.integers(0, 3, rows).astype(float),
        }
    )
    table["TotalAmount"] = table["UnitPrice"] * table["Quantity"] + rng.normal(0, 50, rows)
    return table


def holed(rows, seed):
    """Return orders of which one in five has no price, which costs, and one in ten no quantity.

    A brand that is missing has a code of its own, the last; one that is unseen has none.
    """
    rng = np.random.default_rng(seed + 100)
    table = orders(rows, seed)
    free = rng.random(rows) < 0.2
    table.loc[free, "TotalAmount"] = 3000 + 100 * table.loc[free, "Quantity"]
    table.loc[free, "UnitPrice"] = np.nan
    table.loc[rng.random(rows) < 0.1, "Quantity"] = np.nan
    table.loc[rng.random(rows) < 0.05, "Brand"] = np.nan
    return table


def listening(processes):
    """Return the ports on which these processes listen."""
    sockets = [found for each in processes for found in psutil.Process(each).net_connections("tcp")]
    return {found.laddr.port for found in sockets if found.status == psutil.CONN_LISTEN}


def cut(table, folder, *stops):
    """Write a table as partitions that end before the given rows; return their paths."""
    folder.mkdir(exist_ok=True)
    for number, (start, stop) in enumerate(zip((0, *stops), (*stops, len(table)), strict=True)):
        partitions.write(table.iloc[start:stop], partitions.name(folder, number))
    return tuple(partitions.of(folder))


@pytest.fixture(scope="module")
def tables():
    return {"train": orders(2000, 0), "valid": orders(500, 1), "test": orders(2000, 2)}


@pytest.fixture(scope="module")
def parts(tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    return {
        "train": cut(tables["train"], folder / "train.parquet", 300, 301, 1500),
        "valid": cut(tables["valid"], folder / "valid.parquet", 450),
    }


@pytest.fixture(scope="module")
def client(small_cluster):
    with Client(small_cluster) as client:
        yield client


def test_its_workers_are_known_though_the_client_looks_at_the_scheduler_meanwhile(client, parts):
    ended = threading.Event()

    def looking():
        while not ended.is_set():
            client.sync(client._update_scheduler_info)  # as it does by itself, each two seconds

    looker = threading.Thread(target=looking)
    looker.start()
    try:
        found = [shares.workers(client, parts["train"]) for _ in range(300)]
    finally:
        ended.set()
        looker.join()
    assert {len(addresses) for addresses in found} == {2}


def fit_on(client, name, parts, **changes):
    rows = TrainingFiles(COLUMNS, (0, 0, 3), "TotalAmount", parts["train"], parts["valid"])
    return estimators.on_cluster(name).fit_on(
        Cluster(client, 1000), settings(name, **changes), rows
    )


def rmse(estimator, table):
    predicted = estimator.predict(table[list(COLUMNS)].to_numpy())
    return np.sqrt(np.mean((predicted - table["TotalAmount"]) ** 2))


def rounds(estimator):
    booster = estimator.booster
    return (
        booster.num_boosted_rounds()
        if hasattr(booster, "num_boosted_rounds")
        else booster.num_trees()
    )


def saved(estimator, folder):
    folder.mkdir()
    estimator.save(folder)
    return files.content_hash(folder)


@pytest.fixture(scope="module", params=NAMES)
def fitted(request, client, parts):
    return request.param, *fit_on(client, request.param, parts)


def test_it_learns_what_one_machine_learns(fitted, tables):
    name, estimator, curve = fitted
    X, y, X_valid, y_valid = (
        part
        for split in ("train", "valid")
        for part in (
            tables[split][list(COLUMNS)].to_numpy(),
            tables[split]["TotalAmount"].to_numpy(),
        )
    )
    data = TrainingData(COLUMNS, (0, 0, 3), X, y, X_valid, y_valid)
    local, local_curve = estimators.module(name).fit(settings(name), data)
    assert rmse(estimator, tables["test"]) == pytest.approx(rmse(local, tables["test"]), rel=0.05)
    assert list(curve.columns) == list(local_curve.columns)
    assert set(curve["split"]) == {"train", "valid"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("way", ["native", "measured"])
def test_levels_are_parted_into_sets_there_too(name, way, client, tmp_path):
    """On codes that say nothing by their order: a few rounds learn them as one machine does."""
    effect = np.random.default_rng(4).permutation(np.repeat([500.0, -500.0], 20))

    def streets(rows, seed):
        codes = np.random.default_rng(seed).integers(0, 40, rows)
        table = orders(rows, seed).assign(Brand=codes.astype(float))
        return table.assign(TotalAmount=table["TotalAmount"] + effect[codes])

    train, valid, test = streets(2000, 0), streets(500, 1), streets(1000, 2)
    rows = TrainingFiles(
        *(COLUMNS, (0, 0, 40), "TotalAmount"),
        *(cut(train, tmp_path / "train.parquet", 300), cut(valid, tmp_path / "valid.parquet", 450)),
    )
    few = {"n_estimators": 20, "early_stopping_rounds": None}
    estimator, _ = estimators.on_cluster(name).fit_on(
        Cluster(client, 1000), settings(name, categories=way, **few), rows
    )
    data = TrainingData(
        *(COLUMNS, (0, 0, 40)),
        *(train[list(COLUMNS)].to_numpy(), train["TotalAmount"].to_numpy()),
        *(valid[list(COLUMNS)].to_numpy(), valid["TotalAmount"].to_numpy()),
    )
    local, _ = estimators.module(name).fit(settings(name, categories="native", **few), data)
    assert estimator.native
    assert rmse(estimator, test) == pytest.approx(rmse(local, test), rel=0.1)


@pytest.mark.parametrize("name", NAMES)
def test_it_learns_of_holes_what_one_machine_learns(name, client, tmp_path):
    """And the same bytes however the table is cut, with a partition of nothing but holes too."""
    train, valid, test = holed(2000, 0), holed(500, 1), holed(2000, 2)
    train = pd.concat([train[train["UnitPrice"].notna()], train[train["UnitPrice"].isna()]])
    rows = len(train["UnitPrice"].dropna())
    parts = {
        "train": cut(train, tmp_path / "train.parquet", 300, rows),
        "valid": cut(valid, tmp_path / "valid.parquet", 450),
    }
    estimator, curve = fit_on(client, name, parts)
    data = TrainingData(
        *(COLUMNS, (0, 0, 3)),
        *(train[list(COLUMNS)].to_numpy(), train["TotalAmount"].to_numpy()),
        *(valid[list(COLUMNS)].to_numpy(), valid["TotalAmount"].to_numpy()),
    )
    local, _ = estimators.module(name).fit(settings(name), data)
    free = test["UnitPrice"].isna()
    for some in (test, test[free], test[~free]):
        assert rmse(estimator, some) == pytest.approx(rmse(local, some), rel=0.1)
    assert rmse(estimator, test[free]) < 100  # of 3,000: it knows what a missing price means
    last = curve.loc[curve["split"] == "valid", "rmse"].reset_index(drop=True)
    assert last[rounds(estimator) - 1] == pytest.approx(rmse(estimator, valid), rel=1e-5)
    whole = {
        split: cut(table, tmp_path / split)
        for split, table in {"train": train, "valid": valid}.items()
    }
    again, _ = fit_on(client, name, whole)
    assert saved(again, tmp_path / "again") == saved(estimator, tmp_path / "first")


def test_it_stops_early_by_all_valid_rows_and_is_cut_back_to_its_best_round(fitted, tables):
    name, estimator, curve = fitted
    valid = curve.loc[curve["split"] == "valid", "rmse"].reset_index(drop=True)
    assert len(valid) < ROUNDS
    assert len(valid) - rounds(estimator) == 10
    assert valid[rounds(estimator) - 1] == pytest.approx(rmse(estimator, tables["valid"]), rel=1e-5)
    gain = settings(name).early_stopping_min_delta * tables["train"]["TotalAmount"].std(ddof=0)
    assert valid[rounds(estimator) :].min() >= valid[rounds(estimator) - 1] - gain - 1e-3


def test_the_train_curve_is_of_the_rows_that_it_says(fitted, tables):
    name, estimator, curve = fitted
    train = curve.loc[curve["split"] == "train", "rmse"].reset_index(drop=True)
    rows = tables["train"] if name == "xgboost" else tables["train"].iloc[:1000]
    assert train[rounds(estimator) - 1] == pytest.approx(rmse(estimator, rows), rel=1e-5)


def test_it_is_the_same_bytes_again_however_the_table_is_cut(fitted, client, tables, tmp_path):
    name, estimator, curve = fitted
    other = {
        "train": cut(tables["train"], tmp_path / "train.parquet"),
        "valid": cut(tables["valid"], tmp_path / "valid.parquet", 100, 200, 300),
    }
    again, same_curve = fit_on(client, name, other)
    assert saved(again, tmp_path / "again") == saved(estimator, tmp_path / "first")
    assert same_curve.equals(curve)


def test_its_file_is_one_that_the_service_reads(fitted, tables, tmp_path):
    name, estimator, _ = fitted
    saved(estimator, tmp_path / "saved")
    loaded = estimators.module(name).load(tmp_path / "saved")
    assert rmse(loaded, tables["test"]) == rmse(estimator, tables["test"])
    [file] = (tmp_path / "saved").iterdir()
    assert b"127.0.0.1" not in file.read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_without_early_stopping_all_rounds_are_kept(name, client, parts):
    estimator, curve = fit_on(client, name, parts, n_estimators=30, early_stopping_rounds=None)
    assert rounds(estimator) == curve["step"].max() == 30


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_a_person_at_a_terminal_sees_the_rounds(name, client, parts, capsys, monkeypatch, terminal):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    _, curve = fit_on(client, name, parts, n_estimators=40, early_stopping_rounds=None)
    assert curve["step"].max() == 40
    seen = re.findall(rf"{name}: [^\r]* (\d+)/40 ", capsys.readouterr().err)
    assert (seen[0], seen[-1]) == ("0", "40") if terminal else seen == []


@pytest.mark.parametrize("name", NAMES)
def test_a_few_rows_are_one_workers(name, client, tmp_path):
    few = {
        split: cut(orders(rows, seed), tmp_path / f"{split}.parquet", rows // 2)
        for seed, (split, rows) in enumerate({"train": 199, "valid": 7}.items())
    }
    estimator, _ = fit_on(client, name, few)
    assert rmse(estimator, orders(500, 3)) < orders(500, 3)["TotalAmount"].std()


def test_lightgbm_scores_no_more_valid_rows_than_every_worker_can_hold(
    client, parts, tables, monkeypatch
):
    monkeypatch.setattr(estimators.on_cluster("lightgbm"), "MOST", 120)
    estimator, curve = fit_on(client, "lightgbm", parts)
    valid = curve.loc[curve["split"] == "valid", "rmse"].reset_index(drop=True)
    rows = np.sort(np.random.default_rng(42).choice(500, 120, replace=False))
    expected = rmse(estimator, tables["valid"].iloc[rows])
    assert valid[rounds(estimator) - 1] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_worker_ends_it_with_a_line_and_the_next_run_is_as_ever(
    name, client, parts, tmp_path, monkeypatch
):
    before, _ = fit_on(client, name, parts)
    processes = client.run(os.getpid)
    address, victim = min(processes.items())

    begun = threading.Event()

    class Bar(tqdm):
        def update(self, *_):
            begun.set()

    monkeypatch.setattr(watch, "tqdm", Bar)
    monkeypatch.setattr(watch, "GRACE", patience.SECONDS)

    def kill():
        assert begun.wait(patience.SECONDS)
        os.kill(victim, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    lost = rf"^a worker was lost while {name} trained \({re.escape(address)}\): run `dvc repro`"
    with pytest.raises(PipelineError, match=lost):
        fit_on(client, name, parts, n_estimators=100_000, early_stopping_rounds=None)
    killer.join()
    # The nanny starts another.
    patience.until(lambda: len(set(client.run(os.getpid).values()) - {victim}) == 2)
    again, _ = fit_on(client, name, parts)
    assert saved(again, tmp_path / "again") == saved(before, tmp_path / "before")


def test_a_stranger_at_its_workers_ports_does_not_end_a_training(
    client, parts, tmp_path, monkeypatch, caplog
):
    """XGBoost's workers listen for one another; another's connection ends what one of them hears.

    It is seen when they part, all trees grown: `Failed to connect to the error socket`.
    """
    before, _ = fit_on(client, "xgboost", parts)
    workers = list(client.run(os.getpid).values())
    usual, begun = listening(workers), threading.Event()

    class Bar(tqdm):
        def update(self, *_):
            begun.set()

    class Waiting(xgboost.Progress):
        def after_iteration(self, *given):
            done = super().after_iteration(*given)
            Event("visited").wait()
            return done

    monkeypatch.setattr(watch, "tqdm", Bar)
    monkeypatch.setattr(watch, "GRACE", 0.5)
    monkeypatch.setattr(estimators.on_cluster("xgboost"), "Progress", Waiting)

    def visit():
        assert begun.wait(patience.SECONDS)
        for port in listening(workers) - usual:
            socket.create_connection(("127.0.0.1", port)).close()
        Event("visited", client=client).set()

    stranger = threading.Thread(target=visit)
    stranger.start()
    after, _ = fit_on(client, "xgboost", parts)
    stranger.join()
    assert "xgboost: its workers lost touch, and all are there" in caplog.text
    assert saved(after, tmp_path / "after") == saved(before, tmp_path / "before")


def test_a_worker_that_another_keeps_busy_is_named(client, monkeypatch):
    monkeypatch.setattr(watch, "PATIENCE", 0.3)
    address = min(client.run(os.getpid))
    other = client.submit(Event("over").wait, workers=[address], pure=False)
    patience.until(lambda: client.processing()[address])
    with pytest.raises(PipelineError, match=f"did nothing for us: {re.escape(address)}"):
        watch.watched(client, [address], "xgboost", 1, lambda _: 1)
    Event("over", client=client).set()
    other.result()


@pytest.fixture
def scheduler(tmp_path):
    """Yield the process of a scheduler with one worker, and the file with its address."""
    file = tmp_path / "scheduler.json"
    commands = [
        ["scheduler", "--no-dashboard", "--host", "127.0.0.1", "--port", "0"],
        ["worker", "--no-dashboard", "--no-nanny", "--nthreads", "1"],
    ]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{name}", "--scheduler-file", file, *rest],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name, *rest in commands
    ]
    yield running[0], file
    for process in running:
        process.kill()
        process.wait()


def test_a_killed_scheduler_is_told(scheduler):
    process, file = scheduler
    client = Client(scheduler_file=str(file), set_as_default=False, timeout=patience.SECONDS)
    client.wait_for_workers(1, timeout=patience.SECONDS)

    over = threading.Event()

    def train(_):
        process.kill()
        over.wait()

    with pytest.raises(PipelineError, match="the scheduler was lost while xgboost trained"):
        watch.watched(client, list(client.scheduler_info()["workers"]), "xgboost", 1, train)
    over.set()
    client.close()


def test_any_other_error_of_a_training_is_its_own(client, monkeypatch):
    monkeypatch.setattr(watch, "GRACE", 0.0)
    with pytest.raises(ZeroDivisionError):
        watch.watched(client, list(client.run(os.getpid)), "xgboost", 1, lambda _: 1 / 0)


@hypothesis.settings(max_examples=50)  # reads files
@given(
    sizes=st.lists(st.integers(0, 7), min_size=1, max_size=6),
    count=st.integers(1, 5),
    data=st.data(),
)
def test_shares_are_all_rows_in_order_and_equal(sizes, count, data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shares")
    table = pd.DataFrame({"row": np.arange(sum(sizes), dtype=float)})
    files_of = cut(table, folder, *np.cumsum(sizes)[:-1])
    found = [shares.column(share, "row") for share in shares.equal(files_of, count)]
    assert np.concatenate(found).tolist() == table["row"].tolist()
    assert max(map(len, found)) - min(map(len, found)) <= 1
    most = data.draw(st.integers(1, max(1, sum(sizes))))
    drawn = shares.column(shares.drawn(files_of, most, 0), "row")
    assert len(drawn) == min(most, sum(sizes))
    assert (np.diff(drawn) > 0).all()
    assert shares.load(shares.drawn(files_of, most, 0), ["row", "row"]).dtype == np.float32


def test_the_forests_have_no_form_for_a_cluster():
    found = [name for name in estimators.NAMES if estimators.on_cluster(name)]
    assert found == ["linear_regression", "polynomial_regression", "xgboost", "lightgbm"]


def test_lightgbm_ranks_the_workers_in_the_order_of_their_shares(client):
    """Dask's own answer has any of 40,320 orders."""
    asked = client.map(str, range(8))
    inorder = estimators.on_cluster("lightgbm").InOrder(client)
    assert list(inorder.who_has(asked)) == [future.key for future in asked]
    assert inorder.scheduler_info == client.scheduler_info


def test_one_machine_imports_no_dask():
    program = "import sales.estimators as e; [e.module(name) for name in e.NAMES]"
    assert run_alone(program, "dask", "distributed") == ([], [])
