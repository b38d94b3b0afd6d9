"""A table is priced as the service prices it; bad rows are told apart, cell by cell."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from sales.data.reading import delimited
from sales.errors import PipelineError
from sales.serving import answering, scoring
from sales.serving.ranges import UNSEEN
from tests.examples import make_orders

ADDED = ("PredictedTotalAmount", "PredictedTotalAmountLow", "PredictedTotalAmountHigh")


@pytest.fixture(scope="module")
def models(promoted):
    return answering.load(promoted)


def as_text(orders) -> pa.Table:
    """Return orders as ingest reads a CSV of them."""
    sink = io.BytesIO(orders.to_csv(index=False).encode())
    return pa.csv.read_csv(sink, convert_options=delimited.AS_TEXT)


def bits(table: pa.Table) -> list[bytes]:
    return [table[name].combine_chunks().to_numpy().tobytes() for name in ADDED]


@pytest.mark.parametrize("alias", ["champion", "challenger"])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_bits_are_those_that_the_service_answers(models, alias, kind):
    orders, served = make_orders(500, seed=9), models[alias]
    if kind == "csv":
        table, body = as_text(orders), orders.to_csv(index=False).encode()
    else:
        table, sink = pa.Table.from_pandas(orders), io.BytesIO()
        orders.to_parquet(sink)
        body = sink.getvalue()
    scored, cells, warnings = scoring.priced(table, served, "a", 0)
    answered, predictions, told, *_ = served.file(body, 1000)
    assert (cells, warnings) == ([], told)
    assert scored.column_names == [*orders.columns, *ADDED]
    assert scored.select(list(orders.columns)).equals(table)
    assert scored[ADDED[0]].combine_chunks().to_numpy().tobytes() == predictions.tobytes()
    if kind == "parquet":
        assert bits(scored) == bits(pa.parquet.read_table(pa.BufferReader(answered)))
    low, high = served.model.intervals.around(predictions)
    assert bits(scored) == [values.tobytes() for values in (predictions, low, high)]


def test_bad_rows_are_told_cell_by_cell_and_the_others_are_priced_as_if_alone(models):
    table = as_text(make_orders(100))
    columns = {name: table[name].to_pylist() for name in table.column_names}
    columns["UnitPrice"][3] = "cheap"
    columns["UnitPrice"][41] = "-1"
    columns["Discount"][3] = None
    columns["OrderDate"][99] = "someday"
    columns["Brand"][7] = "Acme"
    spoilt = pa.table(columns, table.schema)
    scored, cells, warnings = scoring.priced(spoilt, models["champion"], "a.csv", 1000)
    assert cells == [
        ("a.csv", 1004, "Discount", "", "missing"),
        ("a.csv", 1004, "UnitPrice", "cheap", "not a number"),
        ("a.csv", 1042, "UnitPrice", "-1", "below 0.01"),
        ("a.csv", 1100, "OrderDate", "someday", "not a date"),
    ]
    assert warnings[0] == "Brand: 'Acme' was not in the training data"
    assert all(UNSEEN in warning for warning in warnings[1:])
    good = np.setdiff1d(np.arange(100), [3, 41, 99])
    alone, none, _ = scoring.priced(spoilt.take(good), models["champion"], "a.csv", 0)
    assert none == []
    assert scored.equals(alone)


def test_where_all_rows_are_bad_the_columns_are_still_those_of_any_part(models):
    table = as_text(make_orders(3)).drop_columns(["UnitPrice"])
    table = table.append_column("UnitPrice", pa.array(["x", None, "0"]))
    scored, cells, warnings = scoring.priced(table, models["champion"], "a.csv", 0)
    assert scored.num_rows == 0
    assert len(cells) == 3
    assert warnings == []
    good, _, _ = scoring.priced(as_text(make_orders(3)), models["champion"], "a.csv", 0)
    assert scored.select(good.column_names).schema.equals(good.schema)


def test_a_column_of_an_earlier_scoring_is_replaced(models):
    table = as_text(make_orders(5)).append_column(ADDED[1], pa.array(["old"] * 5))
    scored, _, _ = scoring.priced(table, models["champion"], "a.csv", 0)
    assert scored.column_names[-3:] == [*ADDED]
    assert scored.schema.field(ADDED[1]).type == pa.float64()


def test_a_missing_column_is_a_line(models):
    table = as_text(make_orders(5)).drop_columns(["Tax", "Brand"])
    with pytest.raises(PipelineError) as caught:
        scoring.priced(table, models["champion"], "a.csv", 0)
    assert str(caught.value) == "a.csv: missing columns Brand, Tax, which the champion asks for"


def test_parts_of_the_date_may_stand_in_its_place(models):
    orders = make_orders(20)
    dated, _, _ = scoring.priced(as_text(orders), models["champion"], "a", 0)
    date = orders["OrderDate"].dt
    parts = orders.drop(columns="OrderDate").assign(
        OrderYear=date.year, OrderMonth=date.month, OrderDayOfWeek=date.day_of_week
    )
    found, _, _ = scoring.priced(as_text(parts), models["champion"], "a", 0)
    assert bits(found) == bits(dated)


def test_an_alias_that_was_not_promoted_is_told(promoted):
    told = "^there is no promoted winner, but champion, challenger, fallback$"
    with pytest.raises(PipelineError, match=told):
        scoring.load(promoted, "winner")


def test_values_outside_of_what_training_saw_are_warned_of_once_a_field(models):
    orders = make_orders(300, seed=9).astype({"Quantity": float})
    orders.loc[:2, "Quantity"] = [50, 60, 70]
    _, bad, warnings = scoring.priced(as_text(orders), models["champion"], "a.csv", 0)
    assert bad == []
    [quantity] = [text for text in warnings if text.startswith("Quantity")]
    assert quantity == f"Quantity: 3 rows, 50 to 70, are outside 1 to 5, {UNSEEN}"


def test_rows_without_any_cell_are_skipped_and_the_others_keep_their_numbers(models):
    table = as_text(make_orders(4))
    none = pa.table({name: pa.nulls(2, pa.string()) for name in table.column_names})
    spoilt = table.set_column(
        table.schema.get_field_index("Tax"), "Tax", pa.array(["1", "1", "x", "1"])
    )
    whole = pa.concat_tables([spoilt.slice(0, 1), none, spoilt.slice(1), none])
    scored, bad, _ = scoring.priced(whole, models["champion"], "a.csv", 100)
    assert bad == [("a.csv", 105, "Tax", "x", "not a number")]
    assert scored["OrderID"].to_pylist() == ["ORD0000001", "ORD0000002", "ORD0000004"]
    scored, bad, warnings = scoring.priced(none, models["champion"], "a.csv", 100)
    assert (scored.num_rows, bad, warnings) == (0, [], [])
    assert scored.column_names[-3:] == [*ADDED]


def test_a_column_of_lists_is_a_line(models):
    table = as_text(make_orders(5)).drop_columns(["Brand"])
    table = table.append_column("Brand", pa.array([["Apex"]] * 5))
    with pytest.raises(PipelineError, match=r"^a.csv: the column 'Brand' holds lists or structs"):
        scoring.priced(table, models["champion"], "a.csv", 0)
