"""Runs the pipeline on the public file once for each feature set and writes the README's table.

    make results                     # PUBLIC_DATA names the file

It works in a clone of HEAD, so that neither your data nor your registry is touched.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.published import OUR_XGBOOST
from sales import estimators, files, scoreboard

ROOT = Path(__file__).resolve().parents[1]
SETS = ("order", "priced", "quote")
MARKS = ("<!-- results -->", "<!-- /results -->")


def run_all(data: Path) -> str:
    """Return a Markdown section a feature set, from one run of the pipeline each."""
    sections = []
    with tempfile.TemporaryDirectory() as scratch:
        clone = Path(scratch) / "clone"
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        shutil.copy(data, clone / "data" / "incoming" / data.name)
        for feature_set in SETS:
            _run(clone, {"ingest.source": "files", "featurize.feature_set": feature_set})
            sections.append(f"**`{feature_set}`**\n\n{_table(clone)}\n")
        # The published way, where the tax cannot be known: without early stopping it learns noise.
        _run(clone, {f"train.xgboost.{key}": value for key, value in OUR_XGBOOST.items()})
        title = f"**`{SETS[-1]}`**, XGBoost with 3000 rounds and no early stopping"
        sections.append(f"{title}\n\n{_table(clone, ['xgboost'])}\n")
    return "\n".join(sections)


def _run(clone: Path, settings: dict[str, Any]) -> None:
    """Run the pipeline with settings that stay."""
    given = [p for key, value in settings.items() for p in ("-S", f"{key}={json.dumps(value)}")]
    subprocess.run(
        ["dvc", "exp", "run", "--quiet", "--force", *given],
        cwd=clone,
        env={**os.environ, "DVC_NO_ANALYTICS": "1"},
        check=True,
    )


def _table(clone: Path, names: Sequence[str] = estimators.NAMES) -> str:
    gate = files.read_json(clone / "metrics/gate.json")
    gate["models"] = {name: gate["models"][name] for name in names}
    metrics = {name: files.read_json(clone / f"metrics/{name}.json") for name in names}
    # An experiment promotes nothing: these are the aliases that an empty registry would give.
    aliases = dict(zip(gate["ranking"], ("champion", "challenger"), strict=False))
    return scoreboard.as_markdown(scoreboard.rows(metrics, gate, aliases))


def main() -> None:
    """Print the tables; with README.md as second argument put them between its marks."""
    table = run_all(Path(sys.argv[1]).resolve())
    print(table)
    if len(sys.argv) > 2:
        readme = Path(sys.argv[2])
        between = re.compile(f"({re.escape(MARKS[0])}\n).*?({re.escape(MARKS[1])})", re.DOTALL)
        text = readme.read_text(encoding="utf-8")
        readme.write_text(between.sub(lambda m: f"{m[1]}{table}{m[2]}", text), encoding="utf-8")


if __name__ == "__main__":
    main()
