"""Sketches are counts: those of parts add up to that of all rows."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sales.judging.reference import PREDICTION
from sales.watching.windows import cuts, sketches
from sales.watching.windows.sketches import Key
from tests import watched
from tests.watched import HASH

DAY = cuts.by_time(cuts.asked("day"))
REFERENCE = watched.made()
ROWS = watched.table(watched.rows(300, 3))


def sketched(table: pa.Table):
    return sketches.of(table, DAY, {HASH: REFERENCE})


def test_rows_are_counted_by_the_bins_of_the_reference():
    [(key, one)] = sketched(ROWS).items()
    assert key.content_hash == HASH
    assert cuts.told(key.start) == "2026-11-25T00:00:00+00:00"
    assert (one.rows, one.weight, one.version, one.aliases) == (300, 300, 3, {"champion": 300})
    assert set(one.fields) == {"Price", "Brand", "Month", PREDICTION}
    for cells in one.fields.values():
        assert cells.counts.sum() == 300
    price = ROWS["field.Price"].to_numpy()
    assert one.fields["Price"].total == pytest.approx(price.sum())
    errors = ROWS["prediction"].to_numpy() - ROWS["truth"].to_numpy()
    assert one.errors.rows == 300
    assert one.errors.squares == pytest.approx((errors**2).sum())
    assert one.errors.held == np.count_nonzero(np.abs(errors) <= 16.45)
    assert sum(each.rows for each in one.slices.values()) == 300


@settings(max_examples=15)
@given(st.lists(st.integers(0, 299), min_size=1, max_size=4))
def test_parts_add_up_whatever_they_are(places):
    [whole] = sketched(ROWS).values()
    bounds = [0, *sorted(places), 300]
    total = None
    for first, last in pairwise(bounds):
        for part in sketched(ROWS.slice(first, last - first)).values():
            total = part if total is None else total + part
    assert (total.rows, total.first, total.last) == (whole.rows, whole.first, whole.last)
    for name, cells in whole.fields.items():
        assert total.fields[name].counts.tolist() == cells.counts.tolist()
    assert total.errors.squares == pytest.approx(whole.errors.squares)
    assert {name: one.rows for name, one in total.slices.items()} == {
        name: one.rows for name, one in whole.slices.items()
    }


def test_windows_and_models_are_kept_apart():
    other = watched.table(watched.rows(50), day=26, content_hash=["b" * 64] * 50)
    found = sketched(pa.concat_tables([ROWS, watched.table(watched.rows(20), day=24), other]))
    told = {(cuts.told(key.start)[:10], key.content_hash[0]): one for key, one in found.items()}
    assert {key: one.rows for key, one in told.items()} == {
        **{("2026-11-25", "a"): 300, ("2026-11-24", "a"): 20, ("2026-11-26", "b"): 50}
    }
    assert not told["2026-11-26", "b"].fields  # of whom there is no reference


def test_a_row_counts_as_much_as_it_stands_for():
    weighted = watched.table(watched.rows(4), weight=[1.0, 1, 1, 97])
    [one] = sketched(weighted).values()
    assert (one.rows, one.weight) == (4, 100)
    assert one.effective == pytest.approx(100**2 / (97**2 + 3))
    assert one.fields[PREDICTION].counts.sum() == 100


def test_what_is_missing_outside_and_unknown():
    told = watched.rows(100)
    told["Price"][:7] = np.nan
    told["Price"][7:10] = [0.01, 10_000, 20_000]
    told["Brand"][:5] = None
    told["Brand"][5:8] = "Novus"
    [one] = sketched(watched.table(told)).values()
    assert one.fields["Price"].counts[-1] == 7
    assert one.fields["Price"].outside == 3
    assert one.fields["Brand"].counts[-2:].tolist() == [3, 5]


def test_a_dates_parts_are_computed_or_taken_as_they_came():
    [computed] = sketched(ROWS).values()
    months = ROWS["field.Date"].to_numpy().astype("datetime64[M]").astype(int) % 12 + 1.0
    parts = ROWS.drop_columns(["field.Date"]).append_column("field.Month", pa.array(months))
    [came] = sketched(parts).values()
    assert came.fields["Month"].counts.tolist() == computed.fields["Month"].counts.tolist()
    [without] = sketched(ROWS.drop_columns(["field.Date", "field.Price"])).values()
    assert "Month" not in without.fields
    assert "Price" not in without.fields


def test_rows_without_a_truth_are_no_errors():
    told = watched.rows(10)
    told["truth"][:6] = np.nan
    [one] = sketched(watched.table(told)).values()
    assert one.errors.rows == 4
    told["truth"][:] = np.nan
    [one] = sketched(watched.table(told)).values()
    assert (one.errors.rows, one.slices) == (0, {})


def test_no_rows_are_no_sketch():
    assert sketched(ROWS.slice(0, 0)) == {}
    assert Key(0, HASH) not in sketched(ROWS)
