"""What the pages show of the code is what `make docs` makes of it now; links lead somewhere."""

import json
import re
import subprocess
import tomllib
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

from bench import docs, feature_sets
from sales import estimators
from tests.examples import ROOT, project_files
from tests.import_graph import imports

# Variables of other programs, and those by which the bench's own processes find each other.
OTHERS = ("DVC_", "MLFLOW_", "PATH", "METER_LOG", "REFERENCE", "PROMETHEUS_")
PAGES = sorted(ROOT / name for name in project_files("*.md"))
TUTORIAL = (ROOT / "docs/tutorial.md").read_text()


@pytest.mark.parametrize("name", docs.PARTS)
def test_a_made_part_is_what_the_code_gives_now(name):
    page, make = docs.PARTS[name]
    assert docs.shown(ROOT / page, name) == make(), "run `make docs`"


def test_the_scoreboard_is_that_of_the_committed_lock():
    """Compared where the run of the committed lock lies in the working folder, as in CI."""
    if not (ROOT / "metrics" / "gate.json").is_file():
        pytest.skip("no run in the working folder: make repro")
    changed = subprocess.run(
        ["dvc", "status", "--json", "dvc.yaml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    if set(json.loads(changed)) - {"register"}:
        pytest.skip("the run in the working folder is not that of dvc.yaml: make repro")
    assert docs.shown(ROOT / "README.md", "scoreboard") == docs.scoreboard(), "run `make docs`"


def test_the_picture_has_every_stage_and_only_arrows_that_say_something():
    after = {"a": {"b", "c", "d"}, "b": {"c"}, "c": {"d"}, "d": set()}
    assert docs.reduced(after) == {"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": set()}
    assert docs.reach(after, "b") == {"c", "d"}
    shown = docs.shown(ROOT / "README.md", "pipeline")
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    assert re.findall(r"^  (\w+)\[", shown, re.M) == list(stages)


def test_the_rooms_that_are_drawn_import_each_other_as_the_files_do():
    found = {}
    for path in (ROOT / "sales").rglob("*.py"):
        targets = {ROOT / file for file in imports(str(path.relative_to(ROOT)))}
        ends = {docs.room(target) for target in targets if target.parent != ROOT / "sales"}
        ends |= {"ground" for target in targets if target.parent == ROOT / "sales"}
        found.setdefault(docs.room(path), set()).update(ends - {docs.room(path)})
    assert docs.arrows() == found
    shown = docs.shown(ROOT / "ARCHITECTURE.md", "rooms")
    drawn = set(re.findall(r"^  (\w+) --> (\w+)$", shown, re.M))
    assert drawn == {(a, b) for a, ends in docs.reduced(found).items() for b in ends}


def test_a_part_is_put_between_its_own_marks_only(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- a -->\nold\n<!-- /a -->\n<!-- b -->\nkept\n<!-- /b -->\n")
    docs.put(page, "a", "new \\1\n")
    assert page.read_text() == "<!-- a -->\nnew \\1\n<!-- /a -->\n<!-- b -->\nkept\n<!-- /b -->\n"
    assert docs.shown(page, "b") == "kept\n"
    with pytest.raises(SystemExit, match="has no marks <!-- c -->"):
        docs.shown(page, "c")


def test_results_at_a_glance_are_those_in_full():
    rows = {
        f"`{name}`": [
            ("xgboost", "1.0", "2.0", "4.4574", "4 to 5", "0.9", "90.0", "passed", "champion"),
            (
                "lightgbm",
                "1.0",
                "2.0",
                "0.0022",
                "0 to 1",
                "0.9",
                "90.0",
                "refused: min_skill_pct",
                "",
            ),
        ]
        for name in feature_sets.SETS
    }
    glance = feature_sets.at_a_glance(rows)
    assert "| xgboost | 5.76 | 4.46 champion | 4.46 champion | 4.46 champion |" in glance
    assert "| lightgbm |  | 0.0022 refused | 0.0022 refused | 0.0022 refused |" in glance
    full = docs.shown(ROOT / "docs" / "results.md", "results")
    short = docs.shown(ROOT / "README.md", "results")
    for name in estimators.NAMES:
        tests = re.findall(rf"^\| {name} \| [^|]+ \| [^|]+ \| ([^|]+) \|", full, re.M)[:3]
        [line] = re.findall(rf"^\| {name} \|.*", short, re.M)
        for number in tests:
            assert re.search(rf"\| {feature_sets._short(number)}( \w+)? \|", line), (number, line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)", linked.read_text(), re.M)
            slugs = {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}
            assert anchor in slugs, target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_module_that_a_page_names_is_there(page):
    for named in re.findall(r"`([\w./]+/[\w.]+\.(?:py|j2))`", page.read_text()):
        assert (ROOT / named).is_file() or (ROOT / "sales" / named).is_file(), named


def test_every_picture_is_made_by_a_command():
    drawn = {f"{name}.png" for name in docs.PLOTS.values()}
    screens = re.search(r"README = (\(.*?\))", (ROOT / "bench/screenshots.py").read_text())
    assert screens
    drawn |= {f"{name}.png" for name in re.findall(r"\w+", screens[1])}
    drawn |= set(re.findall(r"^\.venv/bin/python .* docs/(\w+\.png)$", TUTORIAL, re.M))
    assert {path.name for path in (ROOT / "docs").glob("*.png")} == drawn
    titles = {
        name for entry in yaml.safe_load((ROOT / "dvc.yaml").read_text())["plots"] for name in entry
    }
    assert set(docs.PLOTS) <= titles


def test_the_changelog_knows_the_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert headings[:2] == ["Unreleased", version]


def test_every_variable_of_the_makefile_and_the_service_is_in_the_readme():
    listed = set(re.findall(r"`([A-Z_]+)`", docs_table("Variables")))
    makefile = set(re.findall(r"^([A-Z][A-Z_]+) \?=", (ROOT / "Makefile").read_text(), re.M))
    read = set()
    for folder in ("bench", "sales", "stages", "ui", "service.py"):
        for path in [ROOT / folder] if folder.endswith(".py") else (ROOT / folder).rglob("*.py"):
            read |= set(re.findall(r"environ(?:\.get\(|\[)\"([A-Z_]+)\"", path.read_text()))
    assert makefile | {name for name in read if not name.startswith(OTHERS)} <= listed


def docs_table(heading: str) -> str:
    text = (ROOT / "README.md").read_text()
    return text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]


def test_plots_are_drawn_from_the_page_that_dvc_makes(tmp_path, monkeypatch):
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "title": {"text": "RMSE by model"},
        "data": {"values": [{"x": 1, "y": 2}]},
        "mark": "bar",
        "encoding": {"x": {"field": "x"}, "y": {"field": "y"}},
    }
    other = {**spec, "title": {"text": "Another plot"}}

    def printed(*command: str) -> str:
        page = "\n".join(f"var spec = {json.dumps(each)};" for each in (spec, other))
        Path(command[-1], "index.html").write_text(page)
        return ""

    monkeypatch.setattr(docs, "_printed", printed)
    docs.draw_plots(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["rmse.png"]
    assert (tmp_path / "rmse.png").read_bytes().startswith(b"\x89PNG")
