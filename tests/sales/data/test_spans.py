"""Which files a run had, and what became of them since another one."""

import os

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales import files
from sales.data import sources, spans
from sales.data.spans import Changed, Span

MAY, JUNE = Span("may.csv", "a1", 100), Span("june.csv", "b2", 200)


def test_a_local_files_hash_is_of_what_it_holds_not_of_when(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "b.csv").write_text("x\n1\n")
    os.utime(tmp_path / "b.csv", (0, 0))
    a, b = sources.find(str(tmp_path))
    assert spans.content_hash(a) == spans.content_hash(b) == files.content_hash(tmp_path / "a.csv")


def test_a_data_sets_hash_changes_with_any_of_its_files(tmp_path):
    folder = tmp_path / "orders.parquet"
    folder.mkdir()
    for part in range(3):
        pd.DataFrame({"n": [part]}).to_parquet(folder / f"{part}.parquet")
    [source] = sources.find(str(tmp_path))
    before = spans.content_hash(source)
    assert spans.content_hash(source) == before
    pd.DataFrame({"n": [9]}).to_parquet(folder / "1.parquet")
    assert spans.content_hash(source) != before


def test_elsewhere_it_is_told_by_what_the_address_says(tmp_path):
    import fsspec

    there = fsspec.filesystem("memory")
    there.pipe("/spans/a.csv", b"x\n1\n")
    [source] = sources.find("memory://spans")
    before = spans.content_hash(source)
    there.pipe("/spans/a.csv", b"x\n1\n2\n")
    [source] = sources.find("memory://spans")
    assert spans.content_hash(source) != before
    there.rm("/spans", recursive=True)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({"rows_in": 9, "sha256": "d4"}, [Span("synthetic", "d4", 9, "2020-01-01", "2020-02-03")]),
        (
            {"rows_in": 9, "sha256": "d4", "sql": {"sha256": "e5", "rows": 9}},
            [Span("synthetic", "e5", 9, "2020-01-01", "2020-02-03")],
        ),
        (
            {"files": [{**MAY._asdict(), "accepted": 98, "first": "2020-05-01"}], "rows_in": 9},
            [Span("may.csv", "a1", 100, "2020-05-01", None)],
        ),
    ],
)
def test_of_what_prepare_has_written(data, found):
    assert spans.of(data, "synthetic", ("2020-01-01", "2020-02-03")) == found


def test_days_are_those_of_the_footers(tmp_path):
    days = pd.to_datetime(["2024-03-01", "2023-12-24", None])
    pd.DataFrame({"day": days}).to_parquet(tmp_path / "train.parquet")
    pd.DataFrame({"day": days + pd.Timedelta(days=9)}).to_parquet(tmp_path / "test.parquet")
    assert spans.dates(tmp_path, "day", ("train", "test")) == ("2023-12-24", "2024-03-10")
    assert spans.dates(tmp_path, None, ("train", "test")) is None


def test_what_becomes_of_each_file():
    other = JUNE._replace(sha256="c3", rows=250)
    assert spans.since([MAY, JUNE], [other, MAY._replace(name="Mai.csv")]) == [
        Changed(other, "changed", 200),
        Changed(MAY._replace(name="Mai.csv"), "known", 100),
    ]
    assert spans.since([MAY], [JUNE]) == [Changed(JUNE, "new", 0), Changed(MAY, "gone", 100)]


SOME = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 99), max_size=6)


@given(then=SOME, now=SOME)
def test_rows_that_are_new_are_those_of_now_without_those_of_then(then, now):
    spans_of = [[Span(n, f"{n}{rows}", rows) for n, rows in one.items()] for one in (then, now)]
    changes = spans.since(*spans_of)
    assert spans.new_rows(changes) == sum(now.values()) - sum(then.values())
    assert len(changes) == len({*then, *now})


def test_the_table_tells_a_person():
    changes = spans.since([MAY], [MAY._replace(sha256="a9"), JUNE])
    heading, may, june = spans.as_text(changes, {"b2": "2026-11-26T09:00:00+00:00"}).splitlines()
    assert heading.split() == [
        *("file", "rows", "from", "to", "SHA-256", "first", "seen", "since", "the", "champion")
    ]
    assert may.split() == ["may.csv", "100", "a9", *["changed:", "it", "had", "100", "rows"]]
    assert june.split() == ["june.csv", "200", "b2", "2026-11-26", "new"]
