"""`make score`: all rows scored or set aside, on either engine, none twice after a crash."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from fsspec.implementations.local import LocalFileSystem

from sales import errors
from sales.data import incoming
from sales.errors import PipelineError
from sales.serving import answering
from stages import score
from tests.examples import ROOT, make_orders, run_alone, set_params

ADDED = ["PredictedTotalAmount", "PredictedTotalAmountLow", "PredictedTotalAmountHigh"]
OUT = Path("out")


@pytest.fixture
def models(project, promoted) -> Path:
    """Put promoted models into the project, and let a part have 100 rows."""
    shutil.copytree(promoted, project / "models/promoted")
    set_params({"run.partition_rows": 100})
    return project


def run(monkeypatch, *words: object) -> None:
    monkeypatch.setattr(sys, "argv", ["score", *map(str, words)])
    score.main()


def parts(out: Path = OUT) -> dict[str, bytes]:
    """Return all files of a scored folder."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


def spoilt(rows: int) -> pd.DataFrame:
    """Return orders, every fiftieth of them bad."""
    orders = make_orders(max(600, rows))[:rows].astype({"UnitPrice": object})
    orders.loc[::50, "UnitPrice"] = "free"
    return orders


def expected(orders: pd.DataFrame, alias: str = "champion") -> list[float]:
    """Return what the service answers."""
    served = answering.load(Path("models/promoted"))[alias]
    return served.file(orders.to_csv(index=False).encode(), 10**6)[1].tolist()


def test_each_row_is_scored_or_set_aside_and_counted(models, monkeypatch, capsys):
    orders = spoilt(250)
    orders.to_csv("a.csv", index=False)
    run(monkeypatch, "a.csv", "out")
    files = parts()
    assert [*files] == [
        *(f"rejected/part.000000.00000{n}.csv" for n in range(3)),
        "score.json",
        *(f"scored.parquet/part.000000.00000{n}.parquet" for n in range(3)),
    ]
    scored = pd.read_parquet(OUT / "scored.parquet")
    good = orders[orders["UnitPrice"] != "free"]
    assert list(scored.columns) == [*orders.columns, *ADDED]
    assert scored["OrderID"].tolist() == good["OrderID"].tolist()
    assert scored[ADDED[0]].tolist() == expected(good)
    assert (scored[ADDED[1]] < scored[ADDED[0]]).all()
    rejected = pd.concat([pd.read_csv(OUT / name) for name in files if name.startswith("rej")])
    assert rejected.to_numpy().tolist() == [
        ["a.csv", row, "UnitPrice", "free", "not a number"] for row in (1, 51, 101, 151, 201)
    ]
    champion = json.loads(Path("models/promoted/promoted.json").read_text())["champion"]
    record = json.loads(files["score.json"])
    [told] = record.pop("inputs")
    assert (told["name"], told["files"], told["bytes"]) == (
        "a.csv",
        1,
        Path("a.csv").stat().st_size,
    )
    assert record == {
        "model": {
            "alias": "champion",
            "name": "small",
            "version": 1,
            "content_hash": champion["content_hash"],
        },
        "rows_per_part": 100,
        "parts": 3,
        "rows_in": 250,
        "rows_scored": 245,
        "rows_rejected": 5,
        "rejected_pct": 2.0,
        "rejected_by_reason": {"UnitPrice: not a number": 5},
        "warnings": [],
    }
    assert capsys.readouterr().out.splitlines() == [
        "rejected: UnitPrice: not a number (5)",
        "250 rows in, 245 scored, 5 rejected (2.00 %), by small version 1: "
        f"{models}/out/scored.parquet",
    ]


def test_a_folder_of_everything_at_any_address_by_the_challenger(models, monkeypatch):
    folder = models / "in"
    folder.mkdir()
    orders = make_orders(120)
    orders.to_parquet(folder / "b.parquet", row_group_size=50)
    orders.assign(year=2024).to_parquet(folder / "c.parquet", partition_cols=["year"])
    memory = fsspec.filesystem("memory")
    try:
        memory.put(str(folder), "/score/in", recursive=True)
        run(monkeypatch, "memory://score/in", "memory://score/out", "--alias", "challenger")
        memory.get("/score/out", str(OUT), recursive=True)
    finally:
        memory.rm("/score", recursive=True)
    run(monkeypatch, "in", "again", "--alias", "challenger")
    found, again = parts(), parts(Path("again"))
    # The inputs' fingerprints hold when they were changed: of two copies they are not the same.
    told = [json.loads(files.pop("score.json")) for files in (found, again)]
    assert found == again
    assert [one["model"]["alias"] for one in told] == ["challenger"] * 2
    sizes = [pa.parquet.read_metadata(path).num_rows for path in sorted(OUT.rglob("part*.parquet"))]
    assert sizes == [100, 20, 60, 60]
    predicted = [
        prediction
        for path in sorted(OUT.rglob("part*.parquet"))
        for prediction in pa.parquet.ParquetFile(path).read()[ADDED[0]].to_pylist()
    ]
    assert predicted == expected(orders, "challenger") * 2


def test_both_engines_write_the_same_files(models, on_dask, monkeypatch):
    spoilt(250).to_csv("a.csv", index=False)
    Path("in").mkdir()
    spoilt(250).to_csv("in/a.csv.gz", index=False)
    make_orders(350).to_parquet("in/b.parquet", row_group_size=150)
    run(monkeypatch, "in", "out")
    set_params({"run.engine": "local"})
    run(monkeypatch, "in", "local")
    assert parts() == parts(Path("local"))
    assert len(parts()) == 3 + 3 + 5 + 1


def test_a_finished_run_reads_no_row_again(models, monkeypatch, capsys):
    Path("in").mkdir()
    make_orders(600)[:250].to_csv("in/a.csv", index=False)
    make_orders(600)[:250].to_parquet("in/b.parquet", row_group_size=100)
    run(monkeypatch, "in", "out")
    before = parts()
    last = capsys.readouterr().out

    def read(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(incoming, "batches", read)
    run(monkeypatch, "in", "out")
    assert capsys.readouterr().out == "6 of 6 parts were there already\n" + last
    assert parts() == before


def test_of_a_run_that_was_stopped_what_is_missing_is_done(models, monkeypatch, capsys):
    Path("in").mkdir()
    spoilt(250).to_csv("in/a.csv", index=False)
    make_orders(600)[:250].to_parquet("in/b.parquet", row_group_size=100)
    run(monkeypatch, "in", "whole")
    run(monkeypatch, "in", "out")
    gone = [
        "part.000000.000001.parquet",
        "part.000000.000002.parquet",
        "part.000002.000000.parquet",
    ]
    for name in gone:
        (OUT / "scored.parquet" / name).unlink()
    shutil.rmtree(OUT / "rejected")
    kept = {path: path.stat() for path in (OUT / "scored.parquet").iterdir()}
    capsys.readouterr()
    set_params({"run.partition_rows": 170})
    run(monkeypatch, "in", "out")
    assert "3 of 6 parts were there already" in capsys.readouterr().out
    for path, was in kept.items():
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (was.st_ino, was.st_mtime_ns)
    whole, found = parts(Path("whole")), parts()
    assert whole.keys() - found.keys() == {"rejected/part.000000.000000.csv"}  # a finished part's
    assert all(found[name] == whole[name] for name in found)


def alone(program: str, *words: str) -> tuple[int, str]:
    """Run the stage in a Python of its own after a program; return its exit code and its words."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", f"{program}; from stages import score; score.main()", *words]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def dies_at(write: int):
    """Let this process kill itself as a file is to take its place; so many do before."""
    move, written = LocalFileSystem.mv, []

    def dying(self, one: str, other: str, **given: object) -> None:
        written.append(other)
        if len(written) == write:
            os.kill(os.getpid(), signal.SIGKILL)
        move(self, one, other, **given)

    LocalFileSystem.mv = dying


def test_killed_in_the_middle_and_run_again_it_does_no_finished_part_twice(models):
    make_orders(20_000).to_parquet("a.parquet", row_group_size=1000)
    dies = "from tests.stages.test_stage_score import dies_at; dies_at(8)"
    assert alone(dies, "a.parquet", "out")[0] == -signal.SIGKILL
    finished = {path: path.stat() for path in (OUT / "scored.parquet").glob("part.*.parquet")}
    assert 5 <= len(finished) <= 7
    assert "rows_in" not in json.loads((OUT / "score.json").read_text())
    code, printed = alone("pass", "a.parquet", "out")
    assert code == 0, printed
    assert f"{len(finished)} of 200 parts were there already" in printed
    assert "20,000 rows in, 20,000 scored, 0 rejected (0.00 %)" in printed
    for path, was in finished.items():
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (was.st_ino, was.st_mtime_ns)
    assert len(parts()) == 201
    found = pd.read_parquet(OUT / "scored.parquet")
    assert found["OrderID"].tolist() == make_orders(20_000)["OrderID"].tolist()
    assert found[ADDED[0]].tolist() == expected(make_orders(20_000))


def test_what_a_killed_worker_had_to_do_another_one_does(models, on_dask, monkeypatch):
    Path("in").mkdir()
    for number in range(6):
        spoilt(2000).to_csv(f"in/{number}.csv", index=False)
    from distributed import Client

    with Client(on_dask, set_as_default=False) as client:
        victim, number = next(iter(client.run(os.getpid).items()))
        client.run(dies_at, 8, workers=[victim])
        run(monkeypatch, "in", "out")
        assert number not in client.run(os.getpid).values()
    set_params({"run.engine": "local"})
    run(monkeypatch, "in", "local")
    assert parts() == parts(Path("local"))
    assert len(list((OUT / "scored.parquet").iterdir())) == 120


def test_what_is_wrong_is_told_in_a_line(models, monkeypatch):
    make_orders(150).drop(columns="Tax").to_csv("a.csv", index=False)
    Path("empty").mkdir()
    cases = {
        ("a.csv", "o1"): "a.csv: missing column Tax, which the champion asks for",
        ("none.csv", "o2"): "none.csv: cannot be listed: there is nothing",
        ("empty", "o3"): "empty holds no CSV, Parquet, Excel (.xlsx), JSON lines (.jsonl) or "
        "Feather",
        ("", "o4"): "say which rows, and where to: make score IN=orders.csv OUT=scored",
        ("a.csv", ""): "say which rows, and where to: make score IN=orders.csv OUT=scored",
        ("a.csv", "data"): f"{models}/data holds incoming: name a new or empty folder",
        ("a.csv", "o5", "--alias", "winner"): "there is no promoted winner, but champion, "
        "challenger, fallback",
    }
    for words, told in cases.items():
        with pytest.raises(PipelineError) as caught:
            run(monkeypatch, *words)
        assert str(caught.value) == told


def test_another_model_or_changed_rows_are_not_mixed_in(models, monkeypatch, tmp_path_factory):
    make_orders(50).to_csv("a.csv", index=False)
    run(monkeypatch, "a.csv", "out")
    before = parts()
    with pytest.raises(PipelineError, match=r"another model, small version 1: delete it, or name"):
        run(monkeypatch, "a.csv", "out", "--alias", "challenger")
    make_orders(60).to_csv("a.csv", index=False)
    with pytest.raises(PipelineError, match=r"other rows \(a\.csv\), or they have changed: delete"):
        run(monkeypatch, "a.csv", "out")
    assert parts() == before


def test_a_full_disk_is_the_usual_line_and_what_is_finished_stays(models, monkeypatch, capsys):
    make_orders(600)[:250].to_csv("a.csv", index=False)
    written = []
    move = LocalFileSystem.mv

    def full(self, one: str, other: str, **given: object) -> None:
        written.append(other)
        if len(written) == 3:
            raise OSError(28, "No space left on device", one)
        move(self, one, other, **given)

    monkeypatch.setattr(LocalFileSystem, "mv", full)
    monkeypatch.setattr(sys, "argv", ["score", "a.csv", "out"])
    with pytest.raises(SystemExit) as caught:
        errors.run(score.main)
    assert caught.value.code == 1
    assert capsys.readouterr().err.startswith("error: No space left on device: ")
    assert [*parts()] == ["score.json", "scored.parquet/part.000000.000000.parquet"]
    monkeypatch.setattr(LocalFileSystem, "mv", move)
    run(monkeypatch, "a.csv", "out")
    assert len(parts()) == 4


def test_one_machine_imports_no_dask(models):
    make_orders(50).to_csv("a.csv", index=False)
    program = (
        "import sys; sys.argv = ['score', 'a.csv', 'out']; from stages import score; score.main()"
    )
    _, imported = run_alone(program, "dask", "distributed", "mlflow", "adbc_driver_manager")
    assert imported == []
    assert Path("out/score.json").is_file()
