"""What this tree costs against another one of the project: `python -m bench.two_trees ../before`.

CPU seconds of user and system, children included: of the gate, of prepare, and of the service from
its start until it is ready. Then what both services answer in a second: requests of one order, rows
of JSON lists of 10,000 and of Parquet files of a million. Both trees must have run; they take
turns, so that the machine's moods hit them alike. The median of BENCH_ROUNDS (10) rounds counts,
and that of each round's ratio. Needs wrk (Debian: apt install wrk).
"""

import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import pandas as pd

from bench import servers, serving
from bench.servers import Server

HERE = Path(__file__).resolve().parents[1]
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "10"))
PATIENCE = 120  # seconds until the service must be ready
COMMANDS = {
    "stages.gate": ["-m", "stages.gate"],
    "stages.prepare": ["-m", "stages.prepare"],
    "service": ["-m", "bentoml", "serve", "service:AmazonSales", "--host", "127.0.0.1"],
}


def cpu_seconds(what: str, tree: Path) -> float:
    """Return what one run costs: all that its processes used until they ended."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    env = {**os.environ, "OTEL_SDK_DISABLED": "true", "BENTOML_DO_NOT_TRACK": "True"}
    command = [str(tree / ".venv/bin/python"), *COMMANDS[what]]
    if what == "service":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(
            [*command, "--port", port], cwd=tree, env=env, stdout=quiet, stderr=quiet
        )
        _wait(f"http://127.0.0.1:{port}/readyz")
        process.send_signal(signal.SIGTERM)
        process.wait()
    else:
        subprocess.run(command, cwd=tree, env=env, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _wait(url: str) -> None:
    for _ in range(PATIENCE * 20):
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise SystemExit(f"error: {url} was not ready within {PATIENCE} s")


def answers(urls: dict[str, str], orders: pd.DataFrame) -> dict[str, dict[str, list[float]]]:
    """Return what each service answers in a second, by what it is asked, a figure a round."""
    one, batch = (
        orders[:rows].to_json(orient="records", date_format="iso") for rows in (1, serving.BATCH)
    )
    rates = {
        "one order, 16 connections": lambda url: rate(url + "/predict", one[1:-1], 16),
        "one order, 1 connection": lambda url: rate(url + "/predict", one[1:-1], 1),
        "rows of JSON lists": lambda url: rate(url + "/predict_batch", batch, 1) * serving.BATCH,
        "rows of Parquet files": lambda url: serving.file_rate(url, orders),
    }
    found: dict[str, dict[str, list[float]]] = {what: {name: [] for name in urls} for what in rates}
    for turn in range(ROUNDS + 1):  # the first one warms up
        for what, asked in rates.items():
            for name, url in urls.items():
                figure = asked(url)
                if turn:
                    found[what][name].append(figure)
    return found


def rate(url: str, body: str, connections: int) -> float:
    """Return requests a second, none of them failed."""
    got = serving.wrk(url, body.encode(), connections, serving.SECONDS)
    if got["failed"]:
        raise SystemExit(f"error: {url} failed to answer")
    return got["requests_a_second"]


def main() -> None:
    """Print both medians and their ratio for each of COMMANDS, and for what is answered."""
    if len(sys.argv) != 2:
        raise SystemExit("error: name the other tree: python -m bench.two_trees ../before")
    trees = {"there": Path(sys.argv[1]).resolve(), "here": HERE}
    print(f"{'CPU seconds':16} {'there':>8} {'here':>8} {'ratio':>8}")
    for what in COMMANDS:
        found: dict[str, list[float]] = {name: [] for name in trees}
        for _ in range(ROUNDS):
            for name, tree in trees.items():
                found[name].append(cpu_seconds(what, tree))
        there, here = (statistics.median(found[name]) for name in trees)
        print(f"{what:16} {there:8.2f} {here:8.2f} {here / there:8.3f}")
    orders = pd.read_parquet(HERE / "data/prepared/test.parquet")
    servers.WORK.mkdir(parents=True, exist_ok=True)
    with ExitStack() as running:
        urls = {}
        for name, tree in trees.items():
            server = Server(servers.OURS, {"SERVING_STATE": str(servers.WORK / name)})
            urls[name], _ = running.enter_context(servers.served(name, server, tree))
        found_rates = answers(urls, orders)
    print(f"\n{'a second':26} {'there':>10} {'here':>10} {'ratio':>8}")
    for what, by_tree in found_rates.items():
        there, here = (statistics.median(by_tree[name]) for name in trees)
        ratios = [b / a for a, b in zip(by_tree["there"], by_tree["here"], strict=True)]
        print(f"{what:26} {there:10,.0f} {here:10,.0f} {statistics.median(ratios):8.3f}")


if __name__ == "__main__":
    main()
