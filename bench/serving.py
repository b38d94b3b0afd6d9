"""The service against the published way of serving, side by side in one run: `make bench`.

All on this machine, one worker each unless told: the reference (bench/reference_server.py), ours
with the same XGBoost settings, ours with the promoted champion, the same with what it answers kept
(SERVED), that with the challenger in the shadow of each request (SHADOW_SHARE), the champion with
two workers, `mlflow models serve` of the registered champion, and two that answer with nothing: a
route in the same BentoML set-up (with two workers too: what this machine makes of a second one),
and one of FastAPI on uvicorn (with httptools and uvloop). They are measured in turn, several
rounds, and the median of each round's ratios counts: the machine's moods hit them alike. Processor
time a request, of all processes of a server, is told beside: what else the machine does changes it
least. One and the same server is some percent quicker or slower each time that it is started, for
as long as it runs: with BENCH_STARTS all are started so often, each ratio is the median of theirs,
and the least and the most of them are told. Needs `make repro` first, and wrk (Debian: apt install
wrk). BENCH_ROUNDS and BENCH_SECONDS set how long it takes, BENCH_SERVERS names some of the servers,
separated by spaces, for a shorter run.
"""

import io
import json
import math
import os
import shutil
import statistics
import subprocess
import time
from contextlib import ExitStack
from itertools import chain
from typing import Any

import httpx
import numpy as np
import pandas as pd

from bench import servers
from bench.servers import PROMOTED, ROOT, WORK, Server, cpu_seconds, raw_orders
from sales import files

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "4"))
STARTS = int(os.environ.get("BENCH_STARTS", "1"))
BATCH, FILE_ROWS = 10_000, 1_000_000
REPORT = """
done = function(summary, latency)
  io.write(string.format('{"requests_a_second": %f, "p50_ms": %f, "p99_ms": %f, "failed": %d}\\n',
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
"""


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


def asked(name: str, orders: pd.DataFrame) -> bytes:
    """Return the body that asks a server for these orders, or for one that is by itself."""
    if name == "mlflow":
        records = json.loads(orders.to_json(orient="records", date_format="iso"))
        return json.dumps({"dataframe_records": records}).encode()
    records = json.loads(raw_orders(orders).to_json(orient="records"))
    return json.dumps(records if len(records) > 1 else records[0]).encode()


def measure(
    started: dict[str, tuple[Server, str, int]], orders: pd.DataFrame
) -> list[dict[str, dict[str, float]]]:
    """Return every server's figures by round; all servers are asked one thing before the next."""
    bodies = {name: [asked(name, orders[:rows]) for rows in (1, BATCH)] for name in started}
    rounds = []
    for turn in range(ROUNDS + 1):  # the first one warms up
        found: dict[str, dict[str, float]] = {name: {} for name in started}
        for connections, batch in ((1, False), (16, False), (1, True)):
            for name, (server, url, pid) in started.items():
                route = server.many if batch else server.one
                if not route:
                    continue
                print(f"\rround {turn} of {ROUNDS}: {route} {name:<20}", end="", flush=True)
                seconds, before = SECONDS if turn else 1, cpu_seconds(pid)
                got = wrk(url + route, bodies[name][batch], connections, seconds)
                if got.pop("failed"):
                    raise SystemExit(f"error: {name} failed to answer: see {WORK}")
                requests = got["requests_a_second"] * seconds or math.nan  # a slow warm-up
                got["cpu_ms"] = 1000 * (cpu_seconds(pid) - before) / requests
                if batch:
                    found[name]["batch_rows_a_second"] = got["requests_a_second"] * BATCH
                    found[name]["batch_cpu_ms"] = got["cpu_ms"]
                else:
                    found[name] |= {f"{key}_at_{connections}": got[key] for key in got}
        for name in {"champion", "kept", "shadow"} & set(started):
            found[name]["file_rows_a_second"] = file_rate(started[name][1], orders)
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
    batches, cpu = "batch_rows_a_second", "cpu_ms_at_16"
    wanted = {
        "xgboost / reference, requests a second at 16": ("xgboost", rate, "reference", rate),
        "champion / reference, requests a second at 16": ("champion", rate, "reference", rate),
        "champion / mlflow, requests a second at 16": ("champion", rate, "mlflow", rate),
        "champion / empty, requests a second at 16": ("champion", rate, "empty", rate),
        "champion / fastapi, requests a second at 16": ("champion", rate, "fastapi", rate),
        "champion / empty, processor time a request at 16": ("champion", cpu, "empty", cpu),
        "champion / fastapi, processor time a request at 16": ("champion", cpu, "fastapi", cpu),
        "two workers / one, requests a second at 16": ("two", rate, "champion", rate),
        "an empty route, two workers / one": ("empty_two", rate, "empty", rate),
        "champion / reference, rows a second in batches": (
            *("champion", batches),
            *("reference", batches),
        ),
        "xgboost / reference, rows a second in batches": ("xgboost", batches, "reference", batches),
        "champion's p99 / its p50 at 16": ("champion", p99, "champion", p50),
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
            (cpu, "processor time a request at 16"),
            (batches, "rows a second in batches"),
            ("batch_cpu_ms", "processor time a batch"),
            ("file_rows_a_second", "rows a second of a Parquet file"),
        ):
            wanted[f"{said}, {what}"] = (name, key, other, key)
    there = set(rounds[0])
    return {
        name: statistics.median(found[a][x] / found[b][y] for found in rounds)
        for name, (a, x, b, y) in wanted.items()
        if {a, b} <= there
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
    every = servers.compared()
    named = os.environ.get("BENCH_SERVERS", "").split() or list(every)
    if unknown := set(named) - set(every):
        raise SystemExit(f"error: BENCH_SERVERS: no {', '.join(unknown)} among {', '.join(every)}")
    servers.make_models()
    orders = pd.read_parquet(ROOT / "data/prepared/test.parquet")
    starts = []
    for _ in range(STARTS):
        with ExitStack() as running:
            started = {
                name: (one, *running.enter_context(servers.served(name, one)))
                for name, one in every.items()
                if name in named
            }
            starts.append(measure(started, orders))
    found = figures([*chain.from_iterable(starts)])
    told = [ratios(rounds) for rounds in starts]
    middle = {name: statistics.median(one[name] for one in told) for name in told[0]}
    content = {"figures": found, "ratios": middle, "ratios_by_start": told}
    files.write_json(WORK / "serving.json", content)
    print(table(found))
    for name, ratio in middle.items():
        each = [one[name] for one in told]
        span = f"   {min(each):.2f} to {max(each):.2f}, of {STARTS} starts" if STARTS > 1 else ""
        print(f"{name:<50} {ratio:6.2f}{span}")
    print(f"written to {WORK / 'serving.json'}")


if __name__ == "__main__":
    main()
