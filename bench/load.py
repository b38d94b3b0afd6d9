"""A minute of load, to see the service stay as small and as fast as it began: `make bench-load`.

16 connections for LOAD_SECONDS (60), in six parts; the memory of each process of the server before
and after, the p99 of each part. Needs `make repro` first, and wrk.
"""

import json
import os
import shutil

import pandas as pd
import psutil

from bench.servers import OURS, PROMOTED, ROOT, WORK, Server, raw_orders, served
from bench.serving import wrk
from sales import files

PARTS = 6
SECONDS = int(os.environ.get("LOAD_SECONDS", "60"))
WORKERS = os.environ.get("WORKERS", "1")


def memory() -> dict[str, float]:
    """Return the resident megabytes of each process below this one, by number and name."""
    below = psutil.Process().children(recursive=True)
    return {f"{p.pid} {p.name()}": p.memory_info().rss / 1e6 for p in below}


def main() -> None:
    """Print each part's figures and the memory; write state/bench/load.json."""
    if not shutil.which("wrk"):
        raise SystemExit("error: wrk is missing; on Debian: apt install wrk")
    WORK.mkdir(parents=True, exist_ok=True)
    orders = pd.read_parquet(ROOT / "data/prepared/test.parquet")[:1]
    [order] = json.loads(raw_orders(orders).to_json(orient="records"))
    body = json.dumps(order).encode()
    server = Server(OURS, {"PROMOTED": str(PROMOTED), "WORKERS": WORKERS})
    with served("load", server) as (url, _):
        # BentoML keeps a request's record until traffic.timeout (30 s) has passed: after as long
        # a time under load its memory is what it stays at.
        print("warming up for 35 seconds ...", flush=True)
        wrk(f"{url}/predict", body, 16, 35)
        before = memory()
        parts = []
        for number in range(PARTS):
            parts.append(wrk(f"{url}/predict", body, 16, SECONDS // PARTS))
            found = ", ".join(f"{key} {value:,.1f}" for key, value in parts[-1].items())
            print(f"part {number + 1} of {PARTS}: {found}", flush=True)
        after = memory()
    for process, megabytes in before.items():
        grown = after[process] / megabytes
        print(
            f"{process:<24} {megabytes:7.1f} MB before, {after[process]:7.1f} after ({grown:.2f})"
        )
    files.write_json(WORK / "load.json", {"parts": parts, "before": before, "after": after})


if __name__ == "__main__":
    main()
