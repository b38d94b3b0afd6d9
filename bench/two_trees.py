"""What this tree costs against another one of the project: `python -m bench.two_trees ../before`.

CPU seconds of user and system, children included: of the gate, of prepare, and of the service from
its start until it is ready. Both trees must have run; they take turns, so that the machine's moods
hit them alike, and the median of BENCH_ROUNDS (10) rounds counts.
"""

import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import httpx

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


def main() -> None:
    """Print both medians and their ratio for each of COMMANDS."""
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


if __name__ == "__main__":
    main()
