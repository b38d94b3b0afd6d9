"""Public tables, each with two commands and no edit: `make bench-tables`.

    make contract FILE=... TARGET=... APPLY=1
    make repro

in a clone of HEAD of its own. Our champion's RMSE on the test rows stands against that of plain
HistGradientBoosting and XGBoost (`plain_models.py`), learnt from the same train rows. BENCH_TABLES
names some of them; what others gave before stays. Figures go to docs/tables.json, the table made of
them to README.md, and all that they tell to docs/tables.md; what the commands said stands in
state/bench/tables/.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from bench import docs, plain_models
from bench.public_tables import TABLES, Table
from sales import files
from sales.contract import Contract
from sales.models import saved

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "docs" / "tables.json"
LOGS = ROOT / os.environ.get("SALES_STATE", "state") / "bench" / "tables"  # what commands said
BAR = 1.03  # times the better plain model's RMSE
DRAWS = 1_000  # of the test rows, for what chance allows
LIMIT = 3_600  # seconds of a command
OTHERS = ("DVC_", "GIT_", "MAKE", "MLFLOW_", "SALES_")  # settings of whoever calls this


def clone(folder: Path) -> None:
    """Clone HEAD, with this very environment, in which `make setup` has nothing to do."""
    subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
    (folder / ".venv").symlink_to(sys.prefix)
    with (folder / ".git" / "info" / "exclude").open("a") as exclude:
        exclude.write(".venv\n")
    for name in ("uv.lock", "pyproject.toml"):
        os.utime(folder / name, (0, 0))


def told(folder: Path, *command: str) -> tuple[int, str, float]:
    """Run a command there as a person would; return its exit code, what it said, and seconds."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(OTHERS)}
    start = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    return done.returncode, done.stdout, round(time.perf_counter() - start, 1)


def run(table: Table, scratch: Path) -> dict[str, Any]:
    """Take a table from its file to a served model; return what came of it."""
    project = scratch / table.name
    clone(project)
    file = table.put(scratch / "files")
    found: dict[str, Any] = {"mb": round(file.stat().st_size / 1e6, 2), "load": os.getloadavg()[1]}
    drafted = ("make", "contract", f"FILE={file}", f"TARGET={table.target}", "APPLY=1")
    for key, command in (("contract_s", drafted), ("repro_s", ("make", "repro"))):
        code, said, found[key] = told(project, *command)
        LOGS.mkdir(parents=True, exist_ok=True)
        (LOGS / f"{table.name}.{command[1]}.txt").write_text(said, encoding="utf-8")
        if code and not (project / "metrics" / "gate.json").is_file():
            return {**found, "error": _why(said)}
    return {**found, **_counted(project), **_scored(project)}


def _why(said: str) -> str:
    """Return the line of an error, or the last that was said."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error: ")]
    return (errors or lines or ["nothing was said"])[-1 if not errors else 0][:300]


def _counted(project: Path) -> dict[str, Any]:
    """Return what prepare counted, and what the draft chose."""
    data = files.read_json(project / "metrics" / "data.json")
    tree = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    roles = {name: column["role"] for name, column in tree["contract"]["columns"].items()}
    return {
        "rows_in": data["rows_in"] + data.get("rows_without_target", 0),
        "without_target": data.get("rows_without_target", 0),
        "set_aside": data["rows_quarantined"],
        "reasons": data["quarantined_by_reason"],
        "parts": {part: data[f"{part}_rows"] for part in ("train", "valid", "test")},
        "split": tree["prepare"]["split"],
        "columns": len(roles),
        "ignored": [name for name, role in roles.items() if role == "ignored"],
    }


def _scored(project: Path) -> dict[str, Any]:
    """Return the RMSE on the test rows: of our champion, or best refused model, and plain ones."""
    gate = files.read_json(project / "metrics" / "gate.json")
    metrics = {
        name: files.read_json(project / "metrics" / f"{name}.json") for name in gate["models"]
    }
    ranking = gate["ranking"]
    ours = ranking[0] if ranking else min(metrics, key=lambda n: metrics[n]["valid"]["rmse"])
    prepared, contract = project / "data" / "prepared", project / "data" / "contract.json"
    test = plain_models.table(prepared, "test")
    target = Contract.model_validate(files.read_json(contract)).target
    true = test[target].to_numpy(np.float64)
    predicted = saved.load(project / "models" / ours).predict(test)
    plain = plain_models.predictions(prepared, contract, ("train",))
    more = plain_models.predictions(prepared, contract, ("train", "valid"))
    each = {name: rmse(true, values) for name, values in plain.items()}
    best = min(each, key=each.__getitem__)
    return {
        "model": ours,
        "promoted": bool(ranking),
        "refused": {} if ranking else _refusals(gate),
        "rmse": rmse(true, predicted),
        "dummy": metrics[ours]["dummy_test_rmse"],
        "plain": each,
        "plain_with_valid": {name: rmse(true, values) for name, values in more.items()},
        "chance": chance(true, predicted, plain[best]),
    }


def _refusals(gate: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: "; ".join(one["rules"][rule]["why"] for rule in one["failed"])
        for name, one in gate["models"].items()
    }


def rmse(true: np.ndarray, predicted: np.ndarray) -> float:
    """Return the root of the mean squared error."""
    return float(np.sqrt(np.mean((predicted - true) ** 2)))


def chance(true: np.ndarray, ours: np.ndarray, plain: np.ndarray) -> tuple[float, float]:
    """Return within which our RMSE's ratio to another lies in 95 of 100 draws of the same rows."""
    rng = np.random.default_rng(0)
    a, b = (ours - true) ** 2, (plain - true) ** 2
    ratios = []
    for _ in range(DRAWS):
        rows = rng.integers(0, len(true), len(true))
        ratios.append(np.sqrt(a[rows].sum() / b[rows].sum()))
    low, high = np.quantile(ratios, [0.025, 0.975])
    return round(float(low), 4), round(float(high), 4)


def ratio(found: Mapping[str, Any], key: str = "plain") -> float:
    """Return our RMSE over the better plain model's."""
    return float(found["rmse"] / min(found[key].values()))


def verdict(found: Mapping[str, Any]) -> str:
    """Return whether our model is no worse than the bar, or than chance allows."""
    if ratio(found) <= BAR:
        return "yes"
    return "within chance" if found["chance"][0] <= BAR else "**no**"


def at_a_glance(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the README's table: a row a table."""
    head = ["table", "predicted", "rows", "set aside", "champion", "RMSE", "HistGB", "XGBoost"]
    head += ["ratio", "contract, s", "repro, s"]
    lines = [head, [*["---"] * 2, *["---:"] * 2, "---", *["---:"] * 6]]
    for table in TABLES:
        found = figures.get(table.name)
        if found is None:
            continue
        lines.append([f"`{table.file}`", f"`{table.target}`", *_cells(found)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cells(found: Mapping[str, Any]) -> list[str]:
    if "error" in found:
        seconds = [f"{found[key]:.0f}" if key in found else "" for key in ("contract_s", "repro_s")]
        return ["", "", f"failed: {found['error']}", "", "", "", "", *seconds]
    champion = found["model"] if found["promoted"] else f"none ({found['model']} was best)"
    plain = found["plain"]
    return [
        f"{found['rows_in']:,}",
        f"{found['set_aside']:,}",
        champion,
        *(_short(n) for n in (found["rmse"], plain["hist_gradient_boosting"], plain["xgboost"])),
        f"{ratio(found):.3f}" + (" in chance" if verdict(found) == "within chance" else ""),
        *(f"{found[key]:.0f}" for key in ("contract_s", "repro_s")),
    ]


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 1000 else f"{number:.4g}"


def in_full(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """Return all that was counted and measured: a section a table."""
    return "\n".join(
        f"### {table.file}\n\n{_section(table, figures[table.name])}"
        for table in TABLES
        if table.name in figures
    )


def _section(table: Table, found: Mapping[str, Any]) -> str:
    where = f"`{table.package}/{table.path}`: {table.what}."
    at = f"At {found['commit']}, load {found['load']:.1f}"
    if "error" in found:
        return f"{where} {at}.\n\nIt ended with: {found['error']}\n"
    parts = ", ".join(f"{rows:,} {part}" for part, rows in found["parts"].items())
    reasons = "; ".join(f"{why} ({rows:,})" for why, rows in found["reasons"].items()) or "none"
    low, high = found["chance"]
    lines = [
        f"{where} {at}: {found['contract_s']} s and {found['repro_s']} s.",
        "",
        f"- {found['rows_in']:,} rows, {found['without_target']:,} of them without "
        f"`{table.target}`, {found['set_aside']:,} set aside: {reasons}.",
        f"- Split `{found['split']}`: {parts} rows.",
        f"- {found['columns']} columns, ignored: {', '.join(found['ignored']) or 'none'}.",
        f"- {'Champion' if found['promoted'] else 'Nothing was promoted; best'}: "
        f"{found['model']}, test RMSE {found['rmse']:.6g}; the mean alone {found['dummy']:.6g}.",
        f"- Plain HistGradientBoosting {found['plain']['hist_gradient_boosting']:.6g}, XGBoost "
        f"{found['plain']['xgboost']:.6g}: ratio {ratio(found):.3f}, between {low:.3f} and "
        f"{high:.3f} by chance. No worse than {BAR}: {verdict(found)}.",
        f"- Had they learnt from the valid rows too: {ratio(found, 'plain_with_valid'):.3f}.",
    ]
    lines += [f"- {name} was refused: {why}." for name, why in found["refused"].items()]
    return "\n".join([*lines, ""])


def main(names: Sequence[str]) -> None:
    """Run the tables that are named, or all; write what is known of all."""
    strange = sorted(set(names) - {table.name for table in TABLES})
    if strange:
        known = " ".join(table.name for table in TABLES)
        raise SystemExit(f"error: BENCH_TABLES: there is no table '{strange[0]}'; known: {known}")
    commit = ["git", "rev-parse", "--short", "HEAD"]
    at = subprocess.run(commit, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    figures: dict[str, Any] = files.read_json(FIGURES) if FIGURES.is_file() else {}
    scratch = Path(tempfile.mkdtemp(prefix="tables-"))
    try:
        for table in TABLES:
            if names and table.name not in names:
                continue
            figures[table.name] = {"commit": at, **run(table, scratch)}
            files.write_json(FIGURES, figures)
            print(f"{table.name}: {json.dumps(figures[table.name])}", flush=True)
            shutil.rmtree(scratch / table.name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    show(figures)
    print("written to README.md and docs/tables.md")


def show(figures: Mapping[str, Mapping[str, Any]]) -> None:
    """Write both pages."""
    docs.put(ROOT / "README.md", "tables", at_a_glance(figures))
    docs.put(ROOT / "docs" / "tables.md", "tables", in_full(figures))


if __name__ == "__main__":
    main(os.environ.get("BENCH_TABLES", "").split())
