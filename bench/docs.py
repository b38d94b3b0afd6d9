"""What README.md and ARCHITECTURE.md show of the code, and two plots of the last run: `make docs`.

A page holds each made part between a pair of marks, `<!-- pipeline -->` and `<!-- /pipeline -->`.
tests/test_docs.py fails when a part is not what the code gives now.
"""

import ast
import io
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import vl_convert
import yaml
from PIL import Image

from sales import estimators, files
from sales.judging import scoreboard as table
from sales.judging.plots_page import VEGA_LITE

ROOT = Path(__file__).resolve().parents[1]
PLOTS = {"RMSE by model": "rmse", "Learning curves": "learning_curves"}

Graph = Mapping[str, Iterable[str]]


def put(page: Path, name: str, content: str) -> None:
    """Write `content` between the marks of that name."""
    text = page.read_text(encoding="utf-8")
    page.write_text(_between(name).sub(lambda m: f"{m[1]}{content}{m[3]}", text), encoding="utf-8")


def shown(page: Path, name: str) -> str:
    """Return what stands between the marks of that name."""
    found = _between(name).search(page.read_text(encoding="utf-8"))
    if found is None:
        raise SystemExit(f"error: {page} has no marks <!-- {name} -->")
    return found[2]


def _between(name: str) -> re.Pattern[str]:
    return re.compile(f"(<!-- {name} -->\n)(.*?)(<!-- /{name} -->)", re.DOTALL)


def pipeline() -> str:
    """Return `dvc dag` as a Mermaid block that a person reads at a glance.

    An arrow stays only where no longer way leads there too: most stages read the outputs of several
    earlier ones. Below a stage's name stands what it writes, by dvc.yaml, but for the plots.
    """
    printed = _printed(sys.executable, "-m", "dvc", "dag", "--mermaid")
    names = dict(re.findall(r'(node\d+)\["(.+)"\]', printed))
    after: dict[str, set[str]] = {name: set() for name in names.values()}
    for start, end in re.findall(r"(node\d+)-->(node\d+)", printed):
        after[names[start]].add(names[end])
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    boxes = [f'  {name}["{_box(name, stages[name])}"]' for name in stages]
    shortest = reduced(after)
    arrows = [f"  {name} --> {end}" for name in stages for end in stages if end in shortest[name]]
    return "\n".join(["```mermaid", "flowchart LR", *boxes, *arrows, "```", ""])


def _box(name: str, stage: Mapping[str, list[str]]) -> str:
    written = [*stage.get("outs", ()), *stage.get("metrics", ())]
    told = (f"{out.split('/')[0]}/" if out.startswith("metrics/") else out for out in written)
    shown = dict.fromkeys(out for out in told if not out.startswith("plots/"))
    return "<br>".join([f"<b>{name}</b>", *shown])


def reduced(after: Graph) -> dict[str, set[str]]:
    """Return an acyclic graph without the arrows that a longer way makes needless."""
    return {
        start: {end for end in ends if not any(end in reach(after, other) for other in ends)}
        for start, ends in after.items()
    }


def reach(after: Graph, start: str) -> set[str]:
    """Return all that follows from `start`, however indirectly."""
    seen: set[str] = set()
    todo = set(after[start])
    while todo:
        found = todo.pop()
        seen.add(found)
        todo |= set(after[found]) - seen
    return seen


def targets() -> str:
    """Return what `make help` prints, as a block."""
    return f"```text\n{_printed('make', '--no-print-directory', 'help')}```\n"


def modules() -> str:
    """Return the modules of sales/ in levels, each with the first line of its docstring.

    A module imports only from the levels above its own.
    """
    paths = sorted((ROOT / "sales").rglob("*.py"))
    trees = {str(f.relative_to(ROOT / "sales")): ast.parse(f.read_text("utf-8")) for f in paths}
    trees.pop("__init__.py")
    rows = []
    for level, names in enumerate(levels({name: imported(trees, name) for name in trees})):
        for name in names:
            summary = (ast.get_docstring(trees[name]) or "").splitlines()[0]
            rows.append(f"| {level} | `{name}` | {summary} |")
    return "\n".join(["| level | module | |", "| ---: | --- | --- |", *rows, ""])


def imported(trees: Mapping[str, ast.Module], name: str) -> set[str]:
    """Return the modules of sales/ that one of them imports."""
    found = set()
    for node in ast.walk(trees[name]):
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            paths = [part.removeprefix("sales.").replace(".", "/") for part in parts]
            found |= {p for path in paths for p in (f"{path}.py", f"{path}/__init__.py")}
    return found & set(trees)


def levels(before: Graph) -> list[list[str]]:
    """Return the names in levels: each needs only names of earlier levels. Raises on a cycle."""
    done: set[str] = set()
    found = []
    while len(done) < len(before):
        level = sorted(name for name in before if name not in done and set(before[name]) <= done)
        if not level:
            raise SystemExit(f"error: these import each other: {', '.join(set(before) - done)}")
        found.append(level)
        done |= set(level)
    return found


def scoreboard() -> str:
    """Return the table that the first `make repro` ends with, as a block.

    With the aliases that an empty registry gives: this one may have a history.
    """
    metrics = {name: _read(f"{name}.json") for name in estimators.NAMES}
    gate = _read("gate.json")
    aliases = dict(zip(gate["ranking"], ("champion", "challenger"), strict=False))
    return f"```text\n{table.as_text(table.rows(metrics, gate, aliases))}\n```\n"


def _read(name: str) -> dict[str, Any]:
    return files.read_json(ROOT / "metrics" / name)


def draw_plots(folder: Path) -> None:
    """Draw PLOTS of the last run, as `dvc plots show` gives them, into a PNG each."""
    with tempfile.TemporaryDirectory() as scratch:
        _printed(sys.executable, "-m", "dvc", "plots", "show", "--out", scratch)
        page = (Path(scratch) / "index.html").read_text(encoding="utf-8")
    for found in re.findall(r"var spec = (\{.*\});", page):
        spec = json.loads(found)
        name = PLOTS.get(spec["title"]["text"])
        if name:
            picture = vl_convert.vegalite_to_png(spec, vl_version=VEGA_LITE)
            small = Image.open(io.BytesIO(picture)).convert("RGB").quantize(64)
            small.save(folder / f"{name}.png", optimize=True)


def _printed(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"error: {' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


# Page and marks of each part. The scoreboard and the plots need a run; the others the code only.
PARTS: dict[str, tuple[str, Callable[[], str]]] = {
    "pipeline": ("README.md", pipeline),
    "targets": ("README.md", targets),
    "modules": ("ARCHITECTURE.md", modules),
}


def main() -> None:
    """Make all parts again."""
    for name, (page, make) in PARTS.items():
        put(ROOT / page, name, make())
    if (ROOT / "metrics" / "gate.json").is_file():
        put(ROOT / "README.md", "scoreboard", scoreboard())
        draw_plots(ROOT / "docs")
    else:
        print("no run yet, so the scoreboard and the plots stay as they are: make repro")


if __name__ == "__main__":
    main()
