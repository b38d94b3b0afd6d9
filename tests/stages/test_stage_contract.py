"""The stage that drafts params.yaml for a file: what it writes, and what it never writes over."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
import yaml

from sales import files
from sales.errors import PipelineError
from stages import contract, evaluate, featurize, gate, ingest, prepare, train
from tests.examples import ROOT, set_params

CASES = ROOT.parent / "shared" / "cases"
ROWS = 400


def houses(rows=ROWS):
    rng = np.random.default_rng(5)
    area = np.round(rng.uniform(40, 200, rows), 1)
    table = pd.DataFrame(
        {
            "area": area.astype(object),
            "no": rng.choice(["Bonn", "Köln", "Aachen"], rows),
            "garage": rng.choice(["yes", "no"], rows),
            "sold on": (np.datetime64("2020-01-01") + rng.integers(0, 900, rows)).astype(str),
            "price": np.round(3000 * area + rng.normal(0, 1e4, rows), 2),
        }
    )
    table.loc[rng.random(rows) < 0.1, "area"] = None
    return table


@pytest.fixture
def file(project):
    houses().to_csv("houses.csv", index=False)
    return Path("houses.csv")


def run(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["stages.contract", *words])
    contract.main()


def snapshot():
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def test_a_draft_is_a_file_beside(file, monkeypatch, capsys):
    before = snapshot()
    run(monkeypatch, "--target=price", "houses.csv")
    after = snapshot()
    assert {name for name in after if after[name] != before.get(name)} == {
        "state/contract/params.yaml"
    }
    assert set(before) <= set(after)
    told = capsys.readouterr().out
    assert "houses.csv: 400 rows, 5 columns" in told
    assert "The draft is " in told
    drafted = yaml.safe_load(after["state/contract/params.yaml"])
    assert drafted["contract"]["columns"]["no"]["values"] == ["Aachen", "Bonn", "Köln"]
    assert drafted["run"] == yaml.safe_load(before["params.yaml"])["run"]


def test_an_earlier_draft_is_kept(file, monkeypatch, capsys):
    run(monkeypatch, "--target=price", "houses.csv")
    edited = Path("state/contract/params.yaml").read_text() + "# mine\n"
    Path("state/contract/params.yaml").write_text(edited)
    run(monkeypatch, "--target=price", "houses.csv")
    assert "an earlier draft is" in capsys.readouterr().out
    assert Path("state/contract/params.before.1.yaml").read_text() == edited
    run(monkeypatch, "--target=price", "houses.csv")  # the same draft again: nothing to keep
    assert not Path("state/contract/params.before.2.yaml").exists()


def test_a_draft_that_is_taken_replaces_params_and_keeps_them(file, monkeypatch, capsys):
    before = Path("params.yaml").read_bytes()
    run(monkeypatch, "--target=price", "--apply", "houses.csv")
    assert Path("state/contract/params.before.1.yaml").read_bytes() == before
    assert Path("data/incoming/houses.csv").read_bytes() == file.read_bytes()
    told = capsys.readouterr().out
    assert "copied: data/incoming/houses.csv" in told
    assert "params.before.1.yaml" in told
    mine = Path("params.yaml").read_text().replace("max_model_mb: 100.0", "max_model_mb: 7.0")
    Path("params.yaml").write_text(mine)
    run(monkeypatch, "--target=price", "--apply", "data/incoming/houses.csv")
    assert Path("state/contract/params.before.2.yaml").read_text() == mine
    assert "copied" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["other.csv", "houses.csv"])
def test_a_file_that_lies_there_is_never_written_over(file, monkeypatch, name):
    Path("data/incoming", name).write_text("mine\n1\n")
    before = snapshot()
    with pytest.raises(PipelineError, match="move it away"):
        run(monkeypatch, "--target=price", "--apply", "houses.csv")
    assert snapshot() == before


def test_a_draft_that_fails_leaves_all_as_it_was(file, monkeypatch):
    before = snapshot()
    with pytest.raises(PipelineError, match="is it 'price'"):
        run(monkeypatch, "--target=Price", "--apply", "houses.csv")
    assert snapshot() == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--target=price", ""], "name the file: make contract FILE=houses.csv TARGET=price"),
        (["--target=price", "none.csv"], "none.csv: cannot be listed: there is nothing"),
        (["--target=price", "--sheet=S", "none.xlsx"], "none.xlsx"),
        (["--target=price", "notes.txt"], "not CSV, Parquet, Excel"),
        (["--target=price", "empty.csv"], "empty.csv: the file is empty"),
        (
            ["--target=price", "many"],
            "many: one file is drafted at a time, and there are: a.csv, b.csv",
        ),
    ],
)
def test_what_cannot_be_drafted_is_told_in_a_line(file, monkeypatch, words, told):
    Path("notes.txt").write_text("x")
    Path("empty.csv").write_text("")
    Path("many").mkdir()
    for name in ("a.csv", "b.csv"):
        shutil.copy(file, Path("many") / name)
    with pytest.raises(PipelineError, match=told):
        run(monkeypatch, *words)


def test_a_params_file_without_a_group_is_told(file, monkeypatch):
    tree = files.read_yaml(Path("params.yaml"))
    tree.pop("gate")
    Path("params.yaml").write_text(yaml.safe_dump(tree))
    with pytest.raises(PipelineError, match="group 'gate' is missing"):
        run(monkeypatch, "--target=price", "houses.csv")


def test_a_data_set_is_copied_as_a_whole(project, monkeypatch):
    Path("houses.parquet").mkdir()
    for number, part in enumerate((houses().head(300), houses().tail(100))):
        part = part.assign(area=part["area"].astype(float))
        pa.parquet.write_table(pa.Table.from_pandas(part), f"houses.parquet/{number}.parquet")
    run(monkeypatch, "--target=price", "--apply", "houses.parquet")
    assert sorted(path.name for path in Path("data/incoming/houses.parquet").iterdir()) == [
        "0.parquet",
        "1.parquet",
    ]
    ingest.main()


def test_a_sheet_is_named_for_ingest_too(project, monkeypatch):
    with pd.ExcelWriter("houses.xlsx") as book:
        houses().to_excel(book, sheet_name="no", index=False)
        houses().head(5).to_excel(book, sheet_name="other", index=False)
    run(monkeypatch, "--target=price", "--sheet=no", "--apply", "houses.xlsx")
    assert files.read_yaml(Path("params.yaml"))["ingest"]["sheet"] == "no"
    ingest.main()
    prepare.main()
    assert files.read_json(Path("metrics/data.json"))["rows_accepted"] == ROWS


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["TARGET=price", "FILE=houses.csv"], 0, "The draft is"),
        (["TARGET=$(shell touch owned)", "FILE=houses.csv"], 2, "no column '$(shell touch owned)'"),
        (["TARGET=price", "FILE=`touch owned`; touch owned"], 2, "error: "),
        (["TARGET=-x", "FILE=houses.csv"], 2, "no column '-x'"),
        (["TARGET=price", "FILE=-x.csv"], 2, "-x.csv"),
        (["TARGET=price"], 2, "name the file"),
    ],
)
def test_make_hands_words_on_as_they_are(file, words, code, told, tmp_path):
    """Run with a stub of `make setup`: the target's own recipe is what counts."""
    text = (ROOT / "Makefile").read_text()
    recipe = text.split("# Unexpanded and through the environment: names of files", 1)[1]
    lines = ["# names of files" + recipe.split("\n\n", 1)[0]]
    Path("Makefile").write_text("\n".join(["SHELL := /bin/bash", "setup:", *lines, ""]))
    done = subprocess.run(
        ["make", "--no-print-directory", "contract", *words],
        env={
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert told in done.stdout + done.stderr
    assert not Path("owned").exists()


@pytest.mark.parametrize(("target", "rows"), [("price", ROWS), ("price", 64), ("chance", ROWS)])
def test_a_table_never_seen_becomes_a_model_or_is_told_that_it_tells_nothing(
    project, monkeypatch, target, rows
):
    """No edit in between: draft, and the stages up to the gate. Of noise no model passes."""
    table = houses(rows)
    table["chance"] = np.random.default_rng(9).normal(5, 1, rows)
    table.drop(columns={"price", "chance"} - {target}).to_csv("houses.csv", index=False)
    run(monkeypatch, f"--target={target}", "--apply", "houses.csv")
    models = ("linear_regression", "hist_gradient_boosting")
    for stage in (ingest, prepare, featurize):
        stage.main()
    assert files.read_yaml(Path("params.yaml"))["prepare"]["split"] == "hash"
    held = files.read_json(Path("metrics/data.json"))["test_rows"]
    assert abs(held - 0.2 * rows) <= 0.02 * rows + 1
    for name in models:
        monkeypatch.setattr(sys, "argv", ["stages.train", name])
        train.main()
    monkeypatch.setattr("sales.estimators.NAMES", models)
    set_params({})
    evaluate.main()
    gate.main()
    decided = files.read_json(Path("metrics/gate.json"))
    if target == "price":
        assert decided["ranking"]
        best = files.read_json(Path(f"metrics/{decided['ranking'][0]}.json"))
        assert best["skill_pct"] > (50 if rows == ROWS else 20)
    else:
        assert decided["ranking"] == []
        for name in models:
            assert {"min_test_r2", "min_skill_pct"} & set(decided["models"][name]["failed"])


@pytest.mark.skipif(not CASES.is_dir(), reason=f"{CASES} is not there")
@pytest.mark.parametrize(
    "name", [*(sorted(p.name for p in (CASES / "files").glob("*.csv"))), "names.csv"]
)
def test_every_case_is_read_to_the_last_row(project, monkeypatch, name):
    path = CASES / ("names" if name == "names.csv" else "files") / name
    target = "price in €" if name == "spaces.csv" else "price"
    run(monkeypatch, f"--target={target}", "--apply", str(path))
    ingest.main()
    prepare.main()
    told = files.read_json(Path("metrics/data.json"))
    assert told["rows_accepted"] == told["rows_in"] == 200
