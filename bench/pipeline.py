"""The pipeline against the published way of training, and against itself as the rows grow.

    make bench-pipeline                                   # 100,000 rows, the reference beside them
    make bench-pipeline BENCH_ROWS="100000 1000000"       # and on a million

Each run is a `dvc repro` in a clone of HEAD with an empty cache; bench/meter.py takes the cost of
each stage. On up to a million rows, ours with the published settings and the reference
(bench/reference_pipeline.py) train on the same orders, in turn. Writes state/bench/pipeline.json
and growth.png: a stage's time is a·rows^b, fitted by least squares on the logarithms.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from bench import published
from sales import files

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / os.environ.get("SALES_STATE", "state") / "bench"
ROWS = tuple(int(rows) for rows in os.environ.get("BENCH_ROWS", "100000").split())
REFERENCE_MOST = 1_000_000  # rows: of more, a forest at its defaults fits no memory, here or there
Costs = list[dict[str, Any]]


def clone(name: str, changes: dict[str, Any], tree: Path = ROOT) -> Path:
    """Return a fresh clone of a tree's HEAD with changed parameters."""
    folder = WORK / "pipeline" / name
    shutil.rmtree(folder, ignore_errors=True)
    quiet = ("-c", "advice.detachedHead=false")  # a tree may stand at an older commit
    subprocess.run(["git", *quiet, "clone", "--quiet", tree, folder], check=True)
    path = folder / "params.yaml"
    settings = yaml.safe_load(path.read_text())
    for key, value in changes.items():
        *parents, last = key.split(".")
        group = settings
        for parent in parents:
            group = group[parent]
        if last not in group:
            raise SystemExit(f"error: params.yaml has no {key}")
        group[last] = value
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return folder


def without_lightgbm(folder: Path) -> None:
    """Take our fifth model, which the published system leaves out, from a clone."""
    path = folder / "dvc.yaml"
    pipeline = yaml.safe_load(path.read_text())
    del pipeline["stages"]["train_lightgbm"], pipeline["plots"]
    for stage in pipeline["stages"].values():
        for key in ("deps", "metrics"):
            stage[key] = [name for name in stage.get(key, ()) if "lightgbm" not in name]
    path.write_text(yaml.safe_dump(pipeline, sort_keys=False))
    names = folder / "sales/estimators/__init__.py"
    names.write_text(names.read_text().replace('    "lightgbm",\n', ""))


def repro(folder: Path) -> Costs:
    """Run `dvc repro` in a clone; return each stage's cost, and the whole's as the last one."""
    page = folder / ".dvc/plots/page.html"
    page.write_text(_run([sys.executable, "-m", "sales.judging.plots_page"], folder))
    bin_folder = folder / ".git" / "bench_bin"
    bin_folder.mkdir()
    shim = bin_folder / "python"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT}/bench/meter.py" "$@"\n')
    shim.chmod(0o755)
    log = folder / ".git" / "meter.jsonl"
    start = time.perf_counter()
    printed = _run(["dvc", "repro"], folder, METER_LOG=str(log), bin_folder=bin_folder)
    wall = time.perf_counter() - start
    if "register" not in printed:
        raise SystemExit(printed)
    costs = [json.loads(line) for line in log.read_text().splitlines()]
    return [{**one, "command": one["command"].removeprefix("stages.")} for one in costs] + [
        _whole("dvc repro", costs, wall)
    ]


def reference(rows: int, source: Path) -> tuple[Costs, float]:
    """Run the reference on the very orders of a clone of ours.

    Returns its steps' costs, and the seconds of its training step that went into scoring.
    """
    import pyarrow.parquet

    folder = WORK / "pipeline" / f"reference_{rows}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    orders = pyarrow.parquet.read_table(source / "data/raw/synthetic.parquet").to_pandas()
    orders.to_csv(folder / "orders.csv", index=False)
    log = folder / "meter.jsonl"
    printed = ""
    start = time.perf_counter()
    for step in ("prepare", "train", "select", "register", "export"):
        command = [sys.executable, str(ROOT / "bench/meter.py"), "-m", "bench.reference_pipeline"]
        variables = {"PYTHONPATH": str(ROOT), "MLFLOW_UV_AUTO_DETECT": "false"}
        printed += _run([*command, step], folder, None, METER_LOG=str(log), **variables)
    wall = time.perf_counter() - start
    costs = [json.loads(line) for line in log.read_text().splitlines()]
    scoring = float(printed.partition("scoring: ")[2].split()[0])
    return [*costs, _whole("reference", costs, wall)], scoring


def like_with_like(ours: Costs, theirs: Costs, scoring: float) -> dict[str, dict[str, float]]:
    """Return the seconds of what both do, and ours as a share of theirs.

    First from the prepared rows to the exported champion, without scoring; then with it, which in
    ours is all of evaluate: slices, behaviour and importances too. Both are sums of the processes'
    times; the whole has DVC's own in ours, which theirs does without.
    """
    seconds = [{one["command"]: one["wall_s"] for one in costs} for costs in (ours, theirs)]
    train = sum(wall for command, wall in seconds[0].items() if command.startswith("train "))
    register = seconds[0]["featurize"] + train + seconds[0]["gate"] + seconds[0]["register"]
    step = "bench.reference_pipeline {}".format
    both = sum(seconds[1][step(name)] for name in ("train", "select", "register", "export"))
    found = {
        "training and registering": (register, both - scoring),
        "and scoring": (register + seconds[0]["evaluate"], both),
        "the whole": (ours[-1]["wall_s"], theirs[-1]["wall_s"]),
    }
    return {
        what: {"ours_s": round(a, 2), "theirs_s": round(b, 2), "ratio": round(a / b, 3)}
        for what, (a, b) in found.items()
    }


def _whole(name: str, costs: Costs, wall: float) -> dict[str, Any]:
    return {
        "command": name,
        "wall_s": round(wall, 3),
        "cpu_s": round(sum(one["cpu_s"] for one in costs), 3),
        "peak_mb": max(one["peak_mb"] for one in costs),
        "written_mb": round(sum(one["written_mb"] for one in costs), 3),
    }


def _run(command: list[str], folder: Path, bin_folder: Path | None = None, **env: str) -> str:
    """Run a command in a folder, `python` taken from `bin_folder` first; return what it printed."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DVC_", "GIT_", "SALES"))}
    path = [str(bin_folder)] if bin_folder else []
    path += [str(Path(sys.executable).parent), os.environ["PATH"]]
    variables = {"DVC_NO_ANALYTICS": "1", "MLFLOW_DISABLE_TELEMETRY": "true", **env}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**inherited, "PATH": os.pathsep.join(path), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"error: {' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def bare_xgboost(folder: Path) -> dict[str, float]:
    """Return the seconds of our XGBoost stage, and of the bare library on the same matrix.

    Bare: reading the features, `xgboost.train` with our parameters and both parts watched, saving.
    Each is a process of its own, so that both pay for their imports.
    """
    seconds = {}
    commands = {
        "ours": ["-m", "stages.train", "xgboost"],
        "bare": [str(ROOT / "bench/bare_xgboost.py")],
    }
    for name, command in commands.items():
        start = time.perf_counter()
        _run([sys.executable, *command], folder)
        seconds[f"{name}_s"] = round(time.perf_counter() - start, 2)
    seconds["ratio"] = round(seconds["ours_s"] / seconds["bare_s"], 3)
    return seconds


def exponents(runs: dict[int, Costs]) -> dict[str, dict[str, float]]:
    """Return, by command, the growth exponents of wall time and memory against rows."""
    found = {}
    rows = sorted(runs)
    for number, command in enumerate(one["command"] for one in runs[rows[0]]):
        grown = {
            key: np.polyfit(
                np.log(rows), np.log([max(runs[n][number][key], 1e-3) for n in rows]), 1
            )[0]
            for key in ("wall_s", "peak_mb")
        }
        found[command] = {key: round(float(value), 3) for key, value in grown.items()}
    return found


def table(costs: Costs, rows: int) -> str:
    """Return costs as text, a line each."""
    lines = [f"{'':<32} {'wall s':>8} {'CPU s':>8} {'peak MB':>8} {'MB out':>8} {'rows/s':>11}"]
    for one in costs:
        figures = f"{one['wall_s']:>8.2f} {one['cpu_s']:>8.2f} {one['peak_mb']:>8,.0f}"
        rate = rows / one["wall_s"]
        lines.append(f"{one['command']:<32} {figures} {one['written_mb']:>8,.0f} {rate:>11,.0f}")
    return "\n".join(lines)


def draw(runs: dict[int, Costs], to: Path) -> None:
    """Draw each stage's time and memory against the rows, on logarithmic axes."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(13, 5.5), layout="constrained")
    rows = sorted(runs)
    for axis, key, unit in zip(
        axes, ("wall_s", "peak_mb"), ("seconds", "peak memory in MB"), strict=True
    ):
        for number, one in enumerate(runs[rows[0]]):
            whole = one["command"] == "dvc repro"
            axis.plot(
                rows,
                [runs[n][number][key] for n in rows],
                marker="o",
                linewidth=3 if whole else 1.5,
                color="black" if whole else None,
                label=one["command"],
            )
        axis.set(xscale="log", yscale="log", xlabel="rows", ylabel=unit)
        axis.grid(alpha=0.3)
    axes[1].legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    to.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(to, dpi=120)


def side_by_side(rows: int) -> dict[str, Any]:
    """Run ours as published, and the reference on the same orders; print and return the figures.

    Where the reference ends before it is done, what it said last is told in place of its costs.
    """
    four = clone("as_published", {"ingest.rows": rows, **published.OURS})
    without_lightgbm(four)
    print(f"{rows:,} rows, the four published models with their settings, ours:")
    ours = repro(four)
    print(table(ours, rows), flush=True)
    print(f"{rows:,} rows, the same, the published way:")
    try:
        theirs, scoring = reference(rows, four)
    except SystemExit as ended:
        last = str(ended.code).splitlines()[-1]
        print(f"goes no further: {last}", flush=True)
        return {"ours": ours, "reference_ended": last}
    finally:
        shutil.rmtree(four)
    print(table(theirs, rows), flush=True)
    shutil.rmtree(WORK / "pipeline" / f"reference_{rows}")
    ratios: dict[str, Any] = dict(like_with_like(ours, theirs, scoring))
    for what, one in ratios.items():
        print(f"{what}: {one['ours_s']} s against {one['theirs_s']} s, {one['ratio']} of the time")
    ratios["peak_mb"] = round(ours[-1]["peak_mb"] / theirs[-1]["peak_mb"], 3)
    print(f"memory: {ratios['peak_mb']} of theirs", flush=True)
    return {"ours": ours, "reference": theirs, "ratios": ratios}


def main() -> None:
    """Run it all, print the tables, write the figures."""
    WORK.mkdir(parents=True, exist_ok=True)
    compared = {rows: side_by_side(rows) for rows in ROWS if rows <= REFERENCE_MOST}
    runs: dict[int, Costs] = {}
    bare = {}
    for rows in ROWS:
        folder = clone(str(rows), {"ingest.rows": rows})
        runs[rows] = repro(folder)
        print(f"{rows:,} rows, `dvc repro` as committed:")
        print(table(runs[rows], rows), flush=True)
        bare[rows] = bare_xgboost(folder)
        print(f"XGBoost stage against bare xgboost.train: {bare[rows]}", flush=True)
        shutil.rmtree(folder)
    grown = exponents(runs) if len(runs) > 1 else {}
    figures = {
        "rows": list(ROWS),
        "cpus": os.cpu_count(),
        "as_published": {str(rows): one for rows, one in compared.items()},
        "runs": {str(rows): costs for rows, costs in runs.items()},
        "bare_xgboost": {str(rows): one for rows, one in bare.items()},
        "exponents": grown,
    }
    files.write_json(WORK / "pipeline.json", figures)
    if grown:
        print("growth: time and memory as a power of the rows")
    for command, powers in grown.items():
        print(f"{command:<32} {powers['wall_s']:>6.2f} {powers['peak_mb']:>6.2f}")
    draw(runs, WORK / "growth.png")
    print(f"written to {WORK / 'pipeline.json'} and growth.png")


if __name__ == "__main__":
    main()
