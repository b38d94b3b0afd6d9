"""A folder of scored rows knows what it was made of, which parts are whole, and what they hold."""

import json

import pyarrow as pa
import pyarrow.parquet
import pytest

from sales.errors import PipelineError
from sales.serving.scored import Part, Scored

MODEL = {"alias": "champion", "name": "small", "version": 3, "content_hash": "c" * 64}
INPUTS = [{"name": "a.csv", "files": 1, "bytes": 9, "fingerprint": "f" * 64}]
GOOD = Part(10, 0, {}, ["Brand: 'Acme' was not in the training data"], False)
BAD = Part(5, 2, {"Tax: missing": 2, "Tax: below 0": 1}, [], True)
CELLS = [("a.csv", 12, "Tax", "", "missing"), ("a.csv", 13, "Tax", 'a "b", c', "not a number")]


@pytest.fixture
def folder(tmp_path) -> Scored:
    return Scored(str(tmp_path / "out"))


def rows(count: int) -> pa.Table:
    return pa.table({"n": range(count)}).replace_schema_metadata({"pandas": "{}"})


def two_parts(folder: Scored) -> list[Part]:
    folder.write(0, 0, rows(10), [], GOOD)
    folder.write(0, 1, rows(3), CELLS, BAD)
    return [GOOD, BAD]


def test_a_new_folder_takes_rows_as_given_and_notes_what_they_are_of(folder, tmp_path):
    assert folder.begin(MODEL, INPUTS, 100) == (100, 0)
    noted = json.loads((tmp_path / "out/score.json").read_text())
    assert noted == {"model": MODEL, "inputs": INPUTS, "rows_per_part": 100}


def test_what_was_begun_goes_on_with_parts_of_the_same_size(folder):
    folder.begin(MODEL, INPUTS, 100)
    two_parts(folder)
    assert folder.begin(MODEL, INPUTS, 250) == (100, 2)
    assert folder.finished(0) == [GOOD, BAD]
    assert folder.finished(1) == []


def test_a_part_keeps_its_rows_and_what_the_input_said_of_itself(folder, tmp_path):
    two_parts(folder)
    table = pa.parquet.read_table(tmp_path / "out/scored.parquet/part.000000.000001.parquet")
    assert table.equals(rows(3))
    assert table.schema.metadata[b"pandas"] == b"{}"
    assert [path.name for path in (tmp_path / "out/rejected").iterdir()] == [
        "part.000000.000001.csv"
    ]
    assert (tmp_path / "out/rejected/part.000000.000001.csv").read_text() == (
        "file,row,column,value,reason\n"
        "a.csv,12,Tax,,missing\n"
        'a.csv,13,Tax,"a ""b"", c",not a number\n'
    )


def test_the_record_counts_every_row(folder, tmp_path):
    folder.begin(MODEL, INPUTS, 100)
    record = folder.end(two_parts(folder))
    assert json.loads((tmp_path / "out/score.json").read_text()) == record
    assert record == {
        "model": MODEL,
        "inputs": INPUTS,
        "rows_per_part": 100,
        "parts": 2,
        "rows_in": 15,
        "rows_scored": 13,
        "rows_rejected": 2,
        "rejected_pct": 13.3333,
        "rejected_by_reason": {"Tax: below 0": 1, "Tax: missing": 2},
        "warnings": GOOD.warnings,
    }
    assert folder.begin(MODEL, INPUTS, 100) == (100, 2)
    assert folder.end([GOOD, BAD]) == record


@pytest.mark.parametrize(
    ("model", "inputs", "told"),
    [
        ({"content_hash": "d" * 64}, {}, r"was scored by another model, small version 3: delete"),
        ({}, {"fingerprint": "e" * 64}, r"was scored from other rows \(a\.csv\), or they have ch"),
        ({}, {"name": "b.csv"}, r"was scored from other rows \(a\.csv\), or they have changed: "),
    ],
)
def test_another_model_or_other_rows_are_refused(folder, model, inputs, told):
    folder.begin(MODEL, INPUTS, 100)
    with pytest.raises(PipelineError, match=told):
        folder.begin({**MODEL, **model}, [{**INPUTS[0], **inputs}], 100)


def test_the_same_model_under_another_name_goes_on(folder):
    folder.begin(MODEL, INPUTS, 100)
    assert folder.begin({**MODEL, "alias": "fallback", "version": 4}, INPUTS, 100) == (100, 0)


def test_a_folder_that_holds_something_else_is_refused(folder, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/.hidden").touch()
    (tmp_path / "out/thesis.tex").touch()
    with pytest.raises(PipelineError, match=r"/out holds thesis\.tex: name a new or empty folder$"):
        folder.begin(MODEL, INPUTS, 100)
    (tmp_path / "out/thesis.tex").unlink()
    assert folder.begin(MODEL, INPUTS, 100) == (100, 0)


@pytest.mark.parametrize("content", [b"PAR1 cut short", None])
def test_a_part_that_is_not_ours_or_not_whole_is_none(folder, tmp_path, content):
    two_parts(folder)
    path = tmp_path / "out/scored.parquet/part.000000.000001.parquet"
    if content is None:
        pa.parquet.write_table(rows(1), path)
    else:
        path.write_bytes(content)
    assert folder.finished(0) == [GOOD]


def test_what_a_crash_left_is_gone_when_all_is_done(folder, tmp_path):
    folder.begin(MODEL, INPUTS, 100)
    parts = two_parts(folder)
    for name in ("scored.parquet/.part.000000.000001.parquet.12ab.part", "rejected/.x.csv.0.part"):
        (tmp_path / "out" / name).touch()
    assert folder.begin(MODEL, INPUTS, 100) == (100, 2)
    folder.end(parts)
    assert not list((tmp_path / "out").rglob(".*"))


def test_parts_that_a_worker_wrote_elsewhere_are_missed(folder):
    folder.begin(MODEL, INPUTS, 100)
    parts = two_parts(folder)
    with pytest.raises(PipelineError, match=r"/out lacks 1 of 3 parts: it must be the same place"):
        folder.end([*parts, GOOD])


def test_another_kind_of_address():
    folder = Scored("memory://scored_here")
    folder.begin(MODEL, INPUTS, 100)
    assert folder.end(two_parts(folder))["rows_in"] == 15
    assert folder.finished(0) == [GOOD, BAD]
