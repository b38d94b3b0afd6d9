"""The service against the published way of serving, side by side in one run: `make bench`.

Six servers with one worker each, all on this machine: the reference (bench/reference_server.py),
ours with the same XGBoost settings, ours with the promoted champion, the same with what it answers
kept (SERVED), that with the challenger in the shadow of each request (SHADOW_SHARE), and an empty
route in the same BentoML set-up. They are measured in turn, several
rounds, and the median of each round's ratios counts: the machine's moods hit them alike. Processor
time a request, of all processes of a server, is told beside: what else the machine does changes it
least. Needs `make repro` first, and wrk (Debian: apt install wrk); BENCH_ROUNDS, BENCH_SECONDS.
"""

import io
import json
import os
import shutil
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import joblib
import numpy as np
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
WORK = ROOT / os.environ.get("SALES_STATE", "state") / "bench"
PROMOTED = ROOT / "models" / "promoted"
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "4"))
BATCH, FILE_ROWS = 10_000, 1_000_000
REPORT = """
done = function(summary, latency)
  io.write(string.format('{"requests_a_second": %f, "p50_ms": %f, "p99_ms": %f, "failed": %d}\\n',
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
"""


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
def served(
    name: str, command: list[str], health: str = "/health", tree: Path = ROOT, **variables: str
) -> Iterator[tuple[str, int]]:
    """Start a server of `tree` and yield its address and process id, once `health` answers.

    `{port}` in the command is a free port.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    env = {**os.environ, "OTEL_SDK_DISABLED": "true", "BENTOML_DO_NOT_TRACK": "True"}
    env |= {"ACCESS_LOG": "0", "WORKERS": "1", "SERVING_STATE": str(WORK), "SERVED": ""}
    env |= variables
    python = str(tree / ".venv/bin/python")
    command = [python, "-m", *(word.replace("{port}", port) for word in command)]
    with (WORK / f"{name}.log").open("w") as log:
        process = subprocess.Popen(command, cwd=tree, env=env, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                if httpx.get(url + health).status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.2)
        else:
            raise SystemExit(f"error: {name} did not start: see {WORK / name}.log")
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(30)


def wrk(url: str, body: bytes, connections: int, seconds: int) -> dict[str, Any]:
    """Return what wrk measures of a POST route: requests a second, latencies, failures."""
    script, payload = WORK / "post.lua", WORK / "body.json"
    payload.write_bytes(body)
    script.write_text(
        f'local f = io.open("{payload}", "rb")\nwrk.method = "POST"\nwrk.body = f:read("*a")\n'
        f'wrk.headers["Content-Type"] = "application/json"\n{REPORT}'
    )
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--timeout", "20"]
    done = subprocess.run(
        [*command, "-s", str(script), url], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.strip().splitlines()[-1])


def file_rate(url: str, orders: pd.DataFrame) -> float:
    """Return rows a second of a Parquet file of FILE_ROWS orders, sent, priced and received."""
    rows = np.resize(np.arange(len(orders)), FILE_ROWS)
    sink = io.BytesIO()
    orders.iloc[rows].to_parquet(sink, index=False)
    with httpx.Client(timeout=120) as client:
        start = time.perf_counter()
        response = client.post(f"{url}/predict_file", content=sink.getvalue())
        took = time.perf_counter() - start
    response.raise_for_status()
    answered = pd.read_parquet(io.BytesIO(response.content), columns=["PredictedTotalAmount"])
    if len(answered) != FILE_ROWS:
        raise SystemExit(f"error: {len(answered):,} of {FILE_ROWS:,} rows came back")
    return FILE_ROWS / took


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a server's processes have taken."""
    server = psutil.Process(pid)
    each = [process.cpu_times() for process in (server, *server.children(recursive=True))]
    return sum(times.user + times.system for times in each)


def measure(
    servers: dict[str, tuple[str, int]], orders: pd.DataFrame
) -> list[dict[str, dict[str, float]]]:
    """Return every server's figures by round; all servers are asked one thing before the next."""
    urls = {name: url for name, (url, _) in servers.items()}
    sent = json.loads(raw_orders(orders[:BATCH]).to_json(orient="records"))
    one, batch = (json.dumps(body).encode() for body in (sent[0], sent))
    rounds = []
    for turn in range(ROUNDS + 1):  # the first one warms up
        found: dict[str, dict[str, float]] = {name: {} for name in urls}
        for connections, route, body in (
            (1, "/predict", one),
            (16, "/predict", one),
            (1, "/predict_batch", batch),
        ):
            for name, url in urls.items():
                if name == "empty" and route != "/predict":
                    continue
                print(f"\rround {turn} of {ROUNDS}: {route} {name:<20}", end="", flush=True)
                seconds, before = SECONDS if turn else 1, cpu_seconds(servers[name][1])
                got = wrk(url + route, body, connections, seconds)
                if got.pop("failed"):
                    raise SystemExit(f"error: {name} failed to answer: see {WORK}")
                asked = got["requests_a_second"] * seconds
                got["cpu_ms"] = 1000 * (cpu_seconds(servers[name][1]) - before) / asked
                if body is batch:
                    found[name]["batch_rows_a_second"] = got["requests_a_second"] * BATCH
                    found[name]["batch_cpu_ms"] = got["cpu_ms"]
                else:
                    found[name] |= {f"{key}_at_{connections}": got[key] for key in got}
        for name in ("champion", "kept", "shadow"):
            found[name]["file_rows_a_second"] = file_rate(urls[name], orders)
        if turn:
            rounds.append(found)
    print("\r" + " " * 60, end="\r")
    return rounds


def figures(rounds: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Return each figure's median over the rounds."""
    return {
        name: {key: statistics.median(found[name][key] for found in rounds) for key in seen}
        for name, seen in rounds[0].items()
    }


def ratios(rounds: list[dict[str, dict[str, float]]]) -> dict[str, float]:
    """Return what is asked of the service, each the median of the rounds' own ratios."""
    rate, p50, p99 = "requests_a_second_at_16", "p50_ms_at_16", "p99_ms_at_16"
    wanted = {
        "xgboost / reference, requests a second at 16": ("xgboost", rate, "reference", rate),
        "champion / reference, requests a second at 16": ("champion", rate, "reference", rate),
        "champion / empty, requests a second at 16": ("champion", rate, "empty", rate),
        "champion / reference, rows a second in batches": (
            *("champion", "batch_rows_a_second"),
            *("reference", "batch_rows_a_second"),
        ),
        "xgboost / reference, rows a second in batches": (
            *("xgboost", "batch_rows_a_second"),
            *("reference", "batch_rows_a_second"),
        ),
        "xgboost's p99 / reference's p50 at 16": ("xgboost", p99, "reference", p50),
        "champion's p99 / reference's p50 at 16": ("champion", p99, "reference", p50),
    }
    both = (
        ("kept", "champion", "rows kept / not"),
        ("shadow", "kept", "in the shadow / kept alone"),
    )
    for name, other, said in both:
        for key, what in (
            (rate, "requests a second at 16"),
            (p99, "p99 at 16"),
            ("cpu_ms_at_16", "processor time a request at 16"),
            ("batch_rows_a_second", "rows a second in batches"),
            ("batch_cpu_ms", "processor time a batch"),
            ("file_rows_a_second", "rows a second of a Parquet file"),
        ):
            wanted[f"{said}, {what}"] = (name, key, other, key)
    return {
        name: statistics.median(found[a][x] / found[b][y] for found in rounds)
        for name, (a, x, b, y) in wanted.items()
    }


def table(found: dict[str, dict[str, float]]) -> str:
    """Return the figures for a person, one column a server."""
    return pd.DataFrame(found).to_string(float_format="{:,.1f}".format, na_rep="")


def main() -> None:
    """Print the table and write state/bench/serving.json."""
    if not shutil.which("wrk"):
        raise SystemExit("error: wrk is missing; on Debian: apt install wrk")
    if not (PROMOTED / "promoted.json").is_file():
        raise SystemExit("error: no promoted model yet: make repro")
    make_models()
    orders = pd.read_parquet(ROOT / "data/prepared/test.parquet")
    bento = ["bentoml", "serve", "--host", "127.0.0.1", "--port", "{port}"]
    uvicorn = ["uvicorn", "bench.reference_server:app", "--port", "{port}", "--no-access-log"]
    kept = WORK / "rows_kept"
    shutil.rmtree(kept, ignore_errors=True)
    if not files.read_json(PROMOTED / "promoted.json").get("challenger"):
        raise SystemExit("error: there is no challenger, to answer in the shadow")
    with ExitStack() as servers:
        started = {
            name: servers.enter_context(served(name, command, "/health", ROOT, **variables))
            for name, command, variables in (
                ("reference", uvicorn, {"REFERENCE": str(WORK / "reference.joblib")}),
                ("xgboost", [*bento, "service:AmazonSales"], {"PROMOTED": str(WORK / "promoted")}),
                ("champion", [*bento, "service:AmazonSales"], {"PROMOTED": str(PROMOTED)}),
                *(
                    (
                        name,
                        [*bento, "service:AmazonSales"],
                        {"PROMOTED": str(PROMOTED), "SERVED": f"{kept / name}", "SHADOW_SHARE": on},
                    )
                    for name, on in (("kept", "0"), ("shadow", "1"))
                ),
                ("empty", [*bento, "bench.empty_service:Empty"], {}),
            )
        }
        rounds = measure(started, orders)
    found, compared = figures(rounds), ratios(rounds)
    files.write_json(WORK / "serving.json", {"figures": found, "ratios": compared})
    print(table(found))
    for name, ratio in compared.items():
        print(f"{name:<50} {ratio:6.2f}")
    print(f"written to {WORK / 'serving.json'}")


if __name__ == "__main__":
    main()
