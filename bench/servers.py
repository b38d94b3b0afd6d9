"""The servers that `make bench-serving` compares: how each is made, started and ended."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import httpx
import joblib
import pandas as pd
import psutil

from bench import published, reference_server
from sales import estimators, files, params
from sales.contract import Contract
from sales.estimators import xgboost
from sales.models import features, saved
from sales.models.feature_sets import FeaturizeParams
from sales.serving.fields import DAYS

ROOT = Path(__file__).resolve().parents[1]
STATE = ROOT / os.environ.get("SALES_STATE", "state")
WORK = STATE / "bench"
PROMOTED = ROOT / "models" / "promoted"
BENTO = ["bentoml", "serve", "--host", "127.0.0.1", "--port", "{port}"]
OURS = [*BENTO, "service:AmazonSales"]
UVICORN = ["uvicorn", "--port", "{port}", "--no-access-log"]
MLFLOW = ["mlflow", "models", "serve", "--env-manager", "local", "--port", "{port}"]


class Server(NamedTuple):
    """A command that serves, its settings, and where it is asked."""

    command: list[str]
    variables: dict[str, str]
    health: str = "/health"
    one: str = "/predict"  # the route of one order
    many: str = ""  # and of a list; none: it has no such route


def compared() -> dict[str, Server]:
    """Return the servers of a comparison, by name; of nothing kept before."""
    kept = WORK / "rows_kept"
    shutil.rmtree(kept, ignore_errors=True)
    promoted = files.read_json(PROMOTED / "promoted.json")
    if not promoted.get("challenger"):
        raise SystemExit("error: there is no challenger, to answer in the shadow")
    name = promoted["model_name"]
    champion = {"PROMOTED": str(PROMOTED)}
    batches = "/predict_batch"
    registry = {"MLFLOW_TRACKING_URI": f"sqlite:///{STATE}/registry/mlflow.db"}
    return {
        "reference": Server(
            [*UVICORN, "bench.reference_server:app"],
            {"REFERENCE": str(WORK / "reference.joblib")},
            many=batches,
        ),
        "xgboost": Server(OURS, {"PROMOTED": str(WORK / "promoted")}, many=batches),
        "champion": Server(OURS, champion, many=batches),
        **{
            server: Server(
                OURS,
                {**champion, "SERVED": str(kept / server), "SHADOW_SHARE": share},
                many=batches,
            )
            for server, share in (("kept", "0"), ("shadow", "1"))
        },
        "two": Server(OURS, {**champion, "WORKERS": "2"}),
        "mlflow": Server(
            [*MLFLOW, "-m", f"models:/{name}@champion"],
            registry,
            "/ping",
            "/invocations",
            "/invocations",
        ),
        "empty": Server([*BENTO, "bench.empty_service:Empty"], {}),
        "empty_two": Server([*BENTO, "bench.empty_service:Empty"], {"WORKERS": "2"}),
        "fastapi": Server([*UVICORN, "bench.empty_fastapi:app"], {}),
    }


def raw_orders(table: pd.DataFrame) -> pd.DataFrame:
    """Return prepared orders as the published API takes them: parts of the date in its place."""
    when = table["OrderDate"].dt
    parts = {"OrderYear": when.year, "OrderMonth": when.month}
    days = when.day_of_week.map(dict(enumerate(DAYS)))
    raw = table.assign(**parts, OrderDayOfWeek=days)
    raw = raw[reference_server.NUMERIC + reference_server.CATEGORICAL]
    return raw.astype(dict.fromkeys(reference_server.CATEGORICAL, str))


def make_models() -> None:
    """Train both XGBoosts on the prepared train rows into WORK, unless they stand there."""
    train = pd.read_parquet(ROOT / "data/prepared/train.parquet")
    stamp, now = WORK / "made_from", files.content_hash(ROOT / "data/prepared/train.parquet")
    if stamp.is_file() and stamp.read_text() == now:
        return
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    print("training XGBoost in the published way and in ours ...", flush=True)
    target = train["TotalAmount"]
    pipeline = reference_server.fitted(raw_orders(train), target, {**published.XGBOOST, "seed": 42})
    joblib.dump(pipeline, WORK / "reference.joblib")
    _promote_xgboost(train)
    stamp.write_text(now)


def _promote_xgboost(train: pd.DataFrame) -> None:
    """Write an export whose champion is XGBoost as published, on the same 15 fields."""
    contract = params.read("contract", Contract)
    wanted = params.read("featurize", FeaturizeParams).model_copy(update={"feature_set": "order"})
    seen = features.seen(train, wanted, contract)
    featuriser = features.fit([seen], wanted, contract)
    X, y = featuriser.transform(train), train[contract.target].to_numpy()
    levels = featuriser.sizes()
    data = estimators.TrainingData(featuriser.columns, levels, X, y, X[:100], y[:100])
    committed = params.read("train.xgboost", xgboost.Params)
    booster, _ = xgboost.fit(committed.model_copy(update=published.OUR_XGBOOST), data)
    folder = WORK / "promoted" / "champion"
    folder.mkdir(parents=True)
    about = {"feature_set": "order", "train_sha256": ""}
    saved.save(folder, "xgboost", booster, featuriser, about)
    order = json.loads(
        train[list(featuriser.request_fields)][:1].to_json(orient="records", date_format="iso")
    )[0]
    golden = {"order": order, "prediction": float(booster.predict(X[:1])[0])}
    entry = {"model": "xgboost", "version": 1, "run_id": "", "metrics": {}, "golden": golden}
    entry["content_hash"] = files.content_hash(folder)
    files.write_json(
        WORK / "promoted" / "promoted.json", {"model_name": "bench", "champion": entry}
    )


@contextmanager
def served(name: str, server: Server, tree: Path = ROOT) -> Iterator[tuple[str, int]]:
    """Start a server of `tree`, and yield its address and process id once it is healthy.

    `{port}` in its command is a free port.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    env = {**os.environ, "OTEL_SDK_DISABLED": "true", "BENTOML_DO_NOT_TRACK": "True"}
    env |= {"ACCESS_LOG": "0", "WORKERS": "1", "SERVING_STATE": str(WORK), "SERVED": ""}
    env |= server.variables
    python = str(tree / ".venv/bin/python")
    command = [python, "-m", *(word.replace("{port}", port) for word in server.command)]
    with (WORK / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=tree, env=env, stdout=log, stderr=log, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                if httpx.get(url + server.health).status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.2)
        else:
            raise SystemExit(f"error: {name} did not start: see {WORK / name}.log")
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(30)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)  # MLflow leaves its worker behind


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a server's processes have taken."""
    server = psutil.Process(pid)
    each = [process.cpu_times() for process in (server, *server.children(recursive=True))]
    return sum(times.user + times.system for times in each)
