"""Runs the pipeline on the public file once for each feature set: the README's table of results.

    make results                     # PUBLIC_DATA names the file

All figures go to docs/results.md, the RMSE on the test rows beside the published ones to README.md.

It works in a clone of HEAD, so that neither your data nor your registry is touched.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import docs
from bench.published import OUR_XGBOOST
from sales import estimators, files
from sales.judging import scoreboard

ROOT = Path(__file__).resolve().parents[1]
SETS = ("order", "priced", "quote")
# RMSE on the test rows, by the published system's README; it has no LightGBM.
PUBLISHED = {
    "linear_regression": "217.19",
    "random_forest": "130.75",
    "hist_gradient_boosting": "17.80",
    "xgboost": "5.76",
}


def run_all(data: Path) -> dict[str, list[tuple[str, ...]]]:
    """Return the scoreboard's rows by title, from one run of the pipeline a feature set."""
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        clone = Path(scratch) / "clone"
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        shutil.copy(data, clone / "data" / "incoming" / data.name)
        for feature_set in SETS:
            own = {"ingest.source": "files", "prepare.split": "random"}  # as it was published
            _run(clone, {**own, "featurize.feature_set": feature_set})
            found[f"`{feature_set}`"] = _rows(clone)
        # The published way, where the tax cannot be known: without early stopping it learns noise.
        _run(clone, {f"train.xgboost.{key}": value for key, value in OUR_XGBOOST.items()})
        title = f"`{SETS[-1]}`, XGBoost with 3000 rounds and no early stopping"
        found[title] = _rows(clone, ["xgboost"])
    return found


def _run(clone: Path, settings: dict[str, Any]) -> None:
    """Run the pipeline with settings that stay."""
    given = [p for key, value in settings.items() for p in ("-S", f"{key}={json.dumps(value)}")]
    subprocess.run(
        ["dvc", "exp", "run", "--quiet", "--force", *given],
        cwd=clone,
        env={**os.environ, "DVC_NO_ANALYTICS": "1"},
        check=True,
    )


def _rows(clone: Path, names: Sequence[str] = estimators.NAMES) -> list[tuple[str, ...]]:
    gate = files.read_json(clone / "metrics/gate.json")
    gate["models"] = {name: gate["models"][name] for name in names}
    metrics = {name: files.read_json(clone / f"metrics/{name}.json") for name in names}
    # An experiment promotes nothing: these are the aliases that an empty registry would give.
    aliases = dict(zip(gate["ranking"], ("champion", "challenger"), strict=False))
    return scoreboard.rows(metrics, gate, aliases)


def in_full(found: Mapping[str, list[tuple[str, ...]]]) -> str:
    """Return all figures: a section a run."""
    return "\n".join(
        f"### {title}\n\n{scoreboard.as_markdown(rows)}\n" for title, rows in found.items()
    )


def at_a_glance(found: Mapping[str, list[tuple[str, ...]]]) -> str:
    """Return a row a model: published RMSE on `order`, ours on each set, what became of it."""
    cells: dict[str, list[str]] = {name: [PUBLISHED.get(name, "")] for name in estimators.NAMES}
    for feature_set in SETS:
        for name, _, _, test, _, _, _, verdict, alias in found[f"`{feature_set}`"]:
            outcome = alias or ("refused" if verdict.startswith("refused") else "")
            cells[name].append(f"{_short(test)} {outcome}".strip())
    head = ["model", "published, `order`", *(f"`{name}`" for name in SETS)]
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *([name, *cells[name]] for name in cells)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _short(number: str) -> str:
    value = float(number.replace(",", ""))
    return f"{value:.2f}" if value >= 1 else f"{value:.4f}"


def main() -> None:
    """Write both tables."""
    data = Path(sys.argv[1]).resolve()
    if not data.is_file():
        raise SystemExit(f"error: {data} is not there: PUBLIC_DATA names the public file")
    found = run_all(data)
    docs.put(ROOT / "docs" / "results.md", "results", in_full(found))
    docs.put(ROOT / "README.md", "results", at_a_glance(found))
    print("written to docs/results.md and README.md")


if __name__ == "__main__":
    main()
