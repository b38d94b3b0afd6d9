"""What README.md, ARCHITECTURE.md and docs/ml_test_score.md show of the code, and two plots.

`make docs` makes them; the plots are of the last run.

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
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import vl_convert
import yaml
from PIL import Image

from bench import ml_test_score
from sales import estimators, files
from sales.errors import run
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


def _box(name: str, stage: Mapping[str, list[Any]]) -> str:
    written = [next(iter(out)) if isinstance(out, dict) else out for out in stage.get("outs", ())]
    written += [next(iter(metric)) for metric in stage.get("metrics", ())]  # all are uncached
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


def rooms() -> str:
    """Return the rooms of sales/ as a Mermaid block: their modules, and who imports whom.

    An arrow stays only where no longer way leads there too.
    """
    held: dict[str, list[str]] = {}
    for path in sorted((ROOT / "sales").rglob("*.py")):
        if path.name != "__init__.py":
            held.setdefault(room(path), []).append(path.stem)
    shortest = reduced(arrows())
    boxes = [f'  {name}["<b>{name}</b><br>{_lines(held[name])}"]' for name in sorted(held)]
    drawn = [f"  {name} --> {end}" for name in sorted(held) for end in sorted(shortest[name])]
    return "\n".join(["```mermaid", "flowchart TD", *boxes, *drawn, "```", ""])


def room(path: Path) -> str:
    """Return the room of a module of sales/; those that stand in none are the ground."""
    parts = path.relative_to(ROOT / "sales").parts
    return parts[0] if len(parts) > 1 else "ground"


def arrows() -> dict[str, set[str]]:
    """Return for each room of sales/ those that its modules import."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "sales").rglob("*.py"):
        own = found.setdefault(room(path), set())
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sales"):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
                own |= {_room_of(name.split(".")) for name in names} - {room(path)}
    return found


def _room_of(parts: Sequence[str]) -> str:
    return parts[1] if (ROOT / "sales" / parts[1]).is_dir() else "ground"


def _lines(names: Sequence[str], each: int = 3) -> str:
    rows = [names[start : start + each] for start in range(0, len(names), each)]
    return "<br>".join(", ".join(row) for row in rows)


def score() -> str:
    """Return the ML Test Score: its sums, and what shows each point."""
    return ml_test_score.page(ROOT)


def scoreboard() -> str:
    """Return the table that the first `make repro` ends with, as a block.

    With the aliases that an empty registry gives: this one may have a history.
    """
    metrics = {name: _read(f"{name}.json") for name in estimators.evaluated(ROOT / "metrics")}
    gate = _read("gate.json")
    aliases = dict(zip(gate["ranking"], ("champion", "challenger"), strict=False))
    alike = "".join(f"\n{line}\n" for line in [table.alike(gate)] if line)
    return f"```text\n{table.as_text(table.rows(metrics, gate, aliases))}\n{alike}```\n"


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
    "rooms": ("ARCHITECTURE.md", rooms),
    "ml_test_score": ("docs/ml_test_score.md", score),
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
    run(main)
