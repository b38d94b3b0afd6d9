"""Rows by month: the same file whatever else comes, and which months a model learns from."""

import numpy as np
import pandas as pd
import pytest

from sales.contract import Contract
from sales.data import months
from sales.engine import partitions
from sales.errors import PipelineError
from tests.examples import make_orders


def few_months(rows: int) -> pd.DataFrame:
    """Return orders of November 2023 to February 2024."""
    orders = make_orders(rows)
    days = (np.arange(rows) % 120).astype("timedelta64[D]")
    return orders.assign(OrderDate=(np.datetime64("2023-11-01", "ms") + days))


def written(tmp_path, contract, *tables: pd.DataFrame) -> dict[str, bytes]:
    """Return each month's file of some partitions."""
    name = f"run{len([*tmp_path.iterdir()])}"
    folder, scratch, raw = (tmp_path / name / each for each in ("rows", "scratch", "raw"))
    parts = []
    for path in (folder, scratch, raw):
        path.mkdir(parents=True)
    for number, table in enumerate(tables):
        parts.append(partitions.name(raw, number))
        partitions.write(table, parts[-1])
    counts, _ = months.write(parts, contract, folder, scratch)
    found = {path.stem: path.read_bytes() for path in folder.iterdir()}
    assert {*found} == {*counts}
    assert sum(counts.values()) == sum(map(len, tables))
    return found


def test_every_row_is_in_the_file_of_its_month(tmp_path, contract):
    orders = few_months(300)
    written(tmp_path, contract, orders)
    folder = tmp_path / "run0" / "rows"
    for path in folder.iterdir():
        rows = pd.read_parquet(path)
        assert set(rows["OrderDate"].dt.strftime("%Y-%m")) == {path.stem}
    found = pd.concat([pd.read_parquet(path).astype(object) for path in sorted(folder.iterdir())])
    expected = orders.astype(object).set_index("OrderID").sort_index()
    assert found.set_index("OrderID").sort_index().equals(expected)


@pytest.mark.parametrize("id_role", ["id", "ignored"])
def test_a_months_file_is_the_same_in_any_order_and_parts_and_with_other_months(
    tmp_path, contract, id_role
):
    told = contract.model_dump(mode="json")
    told["columns"]["OrderID"] = {"role": id_role}
    contract = Contract.model_validate(told)
    orders = few_months(300)[list(contract.required)]
    first = written(tmp_path, contract, orders)
    shuffled = orders.sample(frac=1, random_state=1).reset_index(drop=True)
    assert written(tmp_path, contract, shuffled[:90], shuffled[90:]) == first
    late = orders["OrderDate"] >= "2024-01-01"
    more = orders.assign(Brand=orders["Brand"].cat.add_categories("Novus"))
    more.loc[late, "Brand"] = "Novus"  # no level of the months before
    again = written(tmp_path, contract, more)
    before = {month for month in first if month < "2024"}
    assert {month: again[month] for month in before} == {month: first[month] for month in before}
    assert again != first


def test_rows_without_a_date_are_counted_and_left_out(tmp_path, contract):
    orders = few_months(50)
    orders.loc[:4, "OrderDate"] = np.datetime64("NaT")
    path, folder, scratch = tmp_path / "a.parquet", tmp_path / "rows", tmp_path / "scratch"
    folder.mkdir()
    scratch.mkdir()
    partitions.write(orders, path)
    counts, without = months.write([path], contract, folder, scratch)
    assert (sum(counts.values()), without) == (45, 5)


def test_a_contract_without_a_date_is_told_what_to_name(contract):
    told = contract.model_dump(mode="json")
    told["columns"]["OrderDate"] = {"role": "ignored"}
    with pytest.raises(PipelineError, match=r"needs a date: no column .* has `role: date`$"):
        months.dated(Contract.model_validate(told))


YEAR = {f"2024-{month:02d}": 10 for month in range(1, 13)}


@pytest.mark.parametrize(
    ("window", "latest", "expected"),
    [
        (3, None, [f"2024-{month:02d}" for month in range(3, 12)]),
        (3, 2, ["2024-10", "2024-11"]),
        (10, None, ["2024-10", "2024-11"]),
        (None, None, [f"2024-{month:02d}" for month in range(1, 12)]),
    ],
)
def test_a_model_ends_with_each_month_that_has_a_window_before_and_rows_after(
    window, latest, expected
):
    assert months.origins(YEAR, window, latest) == expected


def test_too_few_months_are_told():
    with pytest.raises(PipelineError, match=r"^a backtest needs 13 months or more, the rows are"):
        months.origins(YEAR, 11, None)


def test_months_without_rows_have_a_model_as_long_as_the_window_has_some():
    counts = {"2023-01": 5, "2023-02": 5, "2023-09": 5, "2023-10": 5, "2023-11": 5}
    assert months.origins(counts, 2, None) == ["2023-02", "2023-03", "2023-09", "2023-10"]
    assert months.learnt_from(counts, "2023-03", 2) == ["2023-02"]
    assert months.learnt_from(counts, "2023-10", None) == [*counts][:4]
