"""Rows with their truths, read by days and parts."""

import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from sales.watching import joined, parts
from sales.watching.parts import ROWS, TRUTHS, Parts


def at(day: int, second: int = 0) -> datetime.datetime:
    return datetime.datetime(2026, 11, day, 12, 0, second, tzinfo=datetime.UTC)


def write(address, kind: str, table: pa.Table) -> None:
    for day, rows in parts.by_day(table):
        Parts(address, kind).add(day, rows)


def rows(*told: tuple[int, str, str | None]) -> pa.Table:
    days, ids, keys = zip(*told, strict=True)
    return pa.table(
        {
            "request_id": pa.array(ids),
            "time": pa.array([at(day) for day in days], pa.timestamp("us", "UTC")),
            "prediction": pa.array([float(n) for n in range(len(ids))]),
            "key.OrderID": pa.array(keys, pa.string()),
        }
    )


def truths(*told: tuple[datetime.datetime, str | None, str | None, float]) -> pa.Table:
    times, ids, keys, values = zip(*told, strict=True)
    return pa.table(
        {
            "time": pa.array(times, pa.timestamp("us", "UTC")),
            "request_id": pa.array(ids, pa.string()),
            "truth": pa.array(values),
            "key.OrderID": pa.array(keys, pa.string()),
        }
    )


def read(window: joined.Window, *columns: str) -> pd.DataFrame:
    tables = [table.to_pandas() for _, table in window.days(columns)]
    return pd.concat(tables) if tables else pd.DataFrame()


def test_late_truths_join_their_day(tmp_path):
    address = str(tmp_path)
    write(address, ROWS, rows((1, "a", "O1"), (2, "b", "O2"), (3, "c", None)))
    write(
        address,
        TRUTHS,
        truths(
            (at(9), "a", None, 1.0),
            (at(20), None, "O2", 2.0),
            (at(21), "z", None, 9.0),
            (at(22), None, "O9", 9.0),
        ),
    )
    whole = joined.window(address)
    found = read(whole, "request_id", "prediction")
    assert found.columns.tolist() == ["request_id", "prediction", "truth", "truth_time"]
    assert found["truth"].tolist()[:2] == [1.0, 2.0]
    assert np.isnan(found["truth"].tolist()[2])
    assert found["truth_time"].tolist()[:2] == [
        pd.Timestamp(at(d)).tz_localize(None) for d in (9, 20)
    ]
    assert (whole.truths.given, whole.truths.corrected, whole.unknown()) == (4, 0, 2)
    part = joined.window(address, datetime.date(2026, 11, 2), datetime.date(2026, 11, 2))
    assert read(part)["request_id"].tolist() == ["b"]
    assert read(part, "prediction").columns.tolist() == ["prediction", "truth", "truth_time"]


def test_the_last_truth_counts_by_whichever_id_it_came(tmp_path):
    address = str(tmp_path)
    write(address, ROWS, rows((1, "a", "O1"), (1, "b", "O1")))
    write(
        address,
        TRUTHS,
        truths((at(2), "a", None, 1.0), (at(3), None, "O1", 2.0), (at(4), "b", None, 3.0)),
    )
    assert read(joined.window(address))["truth"].tolist() == [2.0, 3.0]


def test_a_part_that_is_broken_or_still_being_written_is_left_out(tmp_path):
    address = str(tmp_path)
    write(address, ROWS, rows((1, "a", None)))
    folder = Path(address, ROWS, "day=2026-11-01")
    (folder / "0.broken.parquet").write_bytes(b"PAR1 cut")
    (folder / "0.empty.parquet").write_bytes(b"")
    (folder / ".1.x.parquet.ab.part").write_bytes(b"")
    assert read(joined.window(address))["request_id"].tolist() == ["a"]
    assert joined.window(address).unknown() == 0


def test_where_nothing_is_kept_there_is_nothing(tmp_path):
    window = joined.window(str(tmp_path / "none"))
    assert [*window.days()] == []
    assert (window.truths.given, window.unknown()) == (0, 0)


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 3)), max_size=12),
    st.lists(st.tuples(st.booleans(), st.sampled_from("abcde"), st.integers(0, 9)), max_size=20),
)
def test_it_is_what_a_loop_over_rows_and_truths_gives(served, told):
    """A truth by the id `a` and one by the key `a` are not the same."""
    table = pa.table(
        {
            "request_id": pa.array([one for one, _ in served], pa.string()),
            "key.OrderID": pa.array([one and f"{key}" for one, key in served], pa.string()),
        }
    )
    came = pa.table(
        {
            "time": pa.array(
                [at(1, second) for second in range(len(told))], pa.timestamp("us", "UTC")
            ),
            "request_id": pa.array([name if own else None for own, name, _ in told], pa.string()),
            "key.OrderID": pa.array(
                [None if own else str("abcde".index(name)) for own, name, _ in told], pa.string()
            ),
            "truth": pa.array([float(value) for _, _, value in told], pa.float64()),
        }
    )
    values, _ = joined.known(came).of(table)
    expected = []
    for one, key in served:
        last = np.nan
        for own, name, value in told:
            if name == one if own else str("abcde".index(name)) == str(key):
                last = float(value)
        expected.append(last)
    np.testing.assert_array_equal(values, expected)
