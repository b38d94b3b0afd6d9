"""What `make backtest` finds where the truth is known: `make bench-backtest`.

The generator's orders with one change at a time, and without one, in a clone of HEAD of its own:
which month is told, from which age on a model is too old, and what each habit would have cost. The
table goes to docs/backtest.md.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from bench import docs
from sales import files
from sales.judging import ageing

ROOT = Path(__file__).resolve().parents[1]
OTHERS = ("DVC_", "GIT_", "MAKE", "MLFLOW_", "SALES_")  # settings of whoever calls this
ONSET = "2024-05-01"
# The latest models only: each costs some seconds, and only these know the change.
SETTINGS: dict[str, Any] = {"backtest.origins": 12, "backtest.horizon_months": 6}
HEAD = (
    *("changed from May 2024 on", "model", "first month told", "told in all"),
    *("too old from, months", "RMSE monthly", "on drift", "trainings", "never"),
)


class Case(NamedTuple):
    """What is changed, in words and in keys of params.yaml, and which model is looked at."""

    what: str
    model: str
    changes: Mapping[str, Any]


PRICES: dict[str, Any] = {"ingest.drift.prices.from": ONSET}
DEARER = {**PRICES, "ingest.drift.prices.pct_a_month": 10.0}
CASES = (
    Case("nothing", "lightgbm", {}),
    Case("prices, 2 % a month", "lightgbm", PRICES),
    Case("prices, 10 % a month", "lightgbm", DEARER),
    Case(
        "a new brand, half as dear again",
        "lightgbm",
        {"ingest.drift.brand.from": ONSET, "ingest.drift.brand.price_factor": 1.5},
    ),
    Case("half of all is Electronics", "lightgbm", {"ingest.drift.categories.from": ONSET}),
    Case("prices, 10 % a month", "linear_regression", DEARER),
)


def found(folder: Path) -> Iterator[tuple[Case, dict[str, Any], float]]:
    """Yield what each case came to, and its seconds, from one clone."""
    subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
    (folder / ".venv").symlink_to(sys.prefix)
    for name in ("uv.lock", "pyproject.toml"):
        os.utime(folder / name, (0, 0))
    committed = (folder / "params.yaml").read_text(encoding="utf-8")
    env = {k: v for k, v in os.environ.items() if not k.startswith(OTHERS)}
    for case in CASES:
        tree = yaml.safe_load(committed)
        tree["contract"]["columns"]["Brand"]["values"].append(
            tree["ingest"]["drift"]["brand"]["name"]
        )
        for key, value in {**SETTINGS, **case.changes}.items():
            *above, last = key.split(".")
            inner = tree
            for name in above:
                inner = inner[name]
            inner[last] = value
        (folder / "params.yaml").write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
        start = time.perf_counter()
        command = ["make", "backtest", f"MODEL={case.model}"]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"error: {case.what}: {(done.stderr or done.stdout)[-2000:]}")
        seconds = time.perf_counter() - start
        print(f"{case.what}, {case.model}: {seconds:,.0f} s", flush=True)
        yield case, files.read_json(folder / "backtest/result.json"), seconds


def as_markdown(results: Sequence[tuple[Case, dict[str, Any], float]]) -> str:
    """Return the table: a row a case."""
    lines = []
    for case, result, _ in results:
        told = ageing.alarmed(result)
        habits = {one["name"]: one for one in result["policies"]}
        drift = habits["on drift"]
        lines.append(
            (
                *(case.what, f"`{case.model}`", told[0] if told else "none", str(len(told))),
                str(result["too_old_at"] or "none"),
                _rmse(habits["monthly"]["rmse"]),
                _rmse(drift["rmse"]),
                f"{drift['trainings']} of {habits['monthly']['trainings']}",
                _rmse(habits["never"]["rmse"]),
            )
        )
    rule = ("---", "---", *["---:"] * (len(HEAD) - 2))
    return "".join(f"| {' | '.join(line)} |\n" for line in (HEAD, rule, *lines))


def _rmse(value: float) -> str:
    return f"{value:,.4g}" if value < 1 else f"{value:,.2f}"


def main() -> None:
    """Write the table, anew after each case: what is stopped leaves those that have ended."""
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        for each in found(Path(scratch) / "clone"):
            results.append(each)
            docs.put(ROOT / "docs" / "backtest.md", "cases", as_markdown(results))
    seconds = sum(took for _, _, took in results)
    models = sum(one["policies"][0]["trainings"] for _, one, _ in results)
    print(f"written to docs/backtest.md: {models} models in {seconds:,.0f} s")


if __name__ == "__main__":
    main()
