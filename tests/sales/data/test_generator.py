"""The generator keeps every rule that the public file was found to keep."""

import hashlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sales.data import generator

COLUMNS = (
    *("OrderID", "OrderDate", "CustomerID", "CustomerName", "ProductID", "ProductName"),
    *("Category", "Brand", "Quantity", "UnitPrice", "Discount", "Tax", "ShippingCost"),
    *("TotalAmount", "PaymentMethod", "OrderStatus", "City", "State", "Country", "SellerID"),
)
# A right generator fails a check at this level once in a thousand seeds; the seed is fixed.
LEVEL = 0.001


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    table = generator.generate(100_000, 42).to_pandas()
    return table.assign(OrderDate=pd.to_datetime(table["OrderDate"]))


def as_expected(values: pd.Series, weights: dict) -> bool:
    counts = values.value_counts()
    assert set(counts.index) == set(weights)
    total = sum(weights.values())
    expected = [len(values) * weights[value] / total for value in counts.index]
    return stats.chisquare(counts.to_numpy(), expected).pvalue > LEVEL


def net(orders):
    return orders["Quantity"] * orders["UnitPrice"] * (1 - orders["Discount"])


def test_the_columns_of_the_public_file_in_its_order(orders):
    assert tuple(orders.columns) == COLUMNS


def test_the_total_is_the_sum_of_its_parts_without_exception(orders):
    parts = net(orders) + orders["Tax"] + orders["ShippingCost"]
    assert (orders["TotalAmount"] == np.round(parts, 2)).all()


def test_the_tax_is_one_of_five_rates(orders):
    quantity, price, left = orders["Quantity"], orders["UnitPrice"], 1 - orders["Discount"]
    rates = {0.0: 10, 0.05: 30, 0.08: 30, 0.12: 20, 0.18: 10}
    fits = pd.DataFrame(
        {rate: orders["Tax"] == np.round(rate * quantity * price * left, 2) for rate in rates}
    )
    assert fits.any(axis=1).all()
    assert as_expected(fits[fits.sum(axis=1) == 1].idxmax(axis=1), rates)


WEIGHTS = {
    "Quantity": dict.fromkeys(range(1, 6), 1),
    "Discount": {0.0: 40, 0.05: 20, 0.1: 15, 0.15: 10, 0.2: 8, 0.25: 5, 0.3: 2},
    "Category": dict.fromkeys(generator.CATEGORIES, 1),
    "Brand": dict.fromkeys(generator.BRANDS, 1),
    "PaymentMethod": {
        "Credit Card": 35,
        "Debit Card": 20,
        "Amazon Pay": 15,
        "UPI": 15,
        "Net Banking": 10,
        "Cash on Delivery": 5,
    },
    "OrderStatus": {"Delivered": 75, "Shipped": 15, "Pending": 4, "Returned": 3, "Cancelled": 3},
    "Country": {
        "United States": 70,
        "India": 15,
        "Canada": 6,
        "United Kingdom": 5,
        "Australia": 4,
    },
    "ProductID": dict.fromkeys([f"P{i:05d}" for i in range(1, 51)], 1),
}


@pytest.mark.parametrize("column", WEIGHTS)
def test_marginals_by_chi_square(orders, column):
    assert as_expected(orders[column], WEIGHTS[column])


def test_prices_are_uniform_cents_from_5_to_600(orders):
    price = orders["UnitPrice"]
    assert (price == price.round(2)).all()
    assert 5 <= price.min() < 5.05
    assert 599.95 < price.max() <= 600
    assert stats.kstest(price, stats.uniform(5, 595).cdf).pvalue > LEVEL


@pytest.mark.parametrize(("small", "most"), [(True, 8), (False, 15)])
def test_shipping_is_uniform_up_to_a_bound_that_small_orders_halve(orders, small, most):
    chosen = (orders["Quantity"] * orders["UnitPrice"] < 50) == small
    shipping = orders.loc[chosen, "ShippingCost"]
    assert shipping.between(0, most).all()
    assert (shipping == shipping.round(2)).all()
    assert stats.kstest(shipping, stats.uniform(0, most).cdf).pvalue > LEVEL


def test_dates_are_uniform_over_five_years(orders):
    days = (orders["OrderDate"] - pd.Timestamp("2020-01-01")).dt.days
    assert (days.min(), days.max()) == (0, 1824)
    assert orders["OrderDate"].max() == pd.Timestamp("2024-12-29")
    assert stats.chisquare(np.bincount(days, minlength=1825)).pvalue > LEVEL


def test_numbers_grow_longer_where_their_width_is_used_up():
    for first in (1, 42, 100, 101):
        numbered = generator._numbered("P", first, 1001, 2).to_pylist()
        assert numbered == [f"P{i:02d}" for i in range(first, first + 1001)]


def test_ids(orders):
    assert list(orders["OrderID"]) == [f"ORD{i:07d}" for i in range(1, 100_001)]
    assert orders["CustomerID"].str.fullmatch(r"CUST\d{6}").all()
    assert orders["SellerID"].str.fullmatch(r"SELL\d{5}").all()
    assert orders["SellerID"].astype(str).agg(["min", "max"]).tolist() == ["SELL00001", "SELL01999"]
    assert 42_000 < orders["CustomerID"].nunique() < 44_500  # of 50,000, drawn 100,000 times


def test_a_product_has_one_name_and_is_sold_in_every_category_and_brand(orders):
    names = orders.groupby("ProductID", observed=True)["ProductName"].nunique()
    ids = orders.groupby("ProductName", observed=True)["ProductID"].nunique()
    assert len(names) == len(ids) == 50
    assert (names == 1).all()
    assert (ids == 1).all()
    for column, count in (("Category", 6), ("Brand", 10)):
        assert (orders.groupby("ProductID", observed=True)[column].nunique() == count).all()


def test_a_city_fixes_its_state_and_is_uniform(orders):
    pairs = orders[["City", "State"]].drop_duplicates()
    assert len(pairs) == 20
    assert dict(zip(pairs["City"], pairs["State"], strict=True)) == generator.CITIES
    assert as_expected(orders["City"], dict.fromkeys(generator.CITIES, 1))


@pytest.mark.parametrize(
    ("one", "other"),
    [("Country", "City"), ("Category", "Brand"), ("Quantity", "Discount"), ("Country", "Category")],
)
def test_independent_columns(orders, one, other):
    table = pd.crosstab(orders[one], orders[other])
    assert stats.chi2_contingency(table).pvalue > LEVEL


def test_the_target_is_spread_like_the_public_files(orders):
    assert orders["TotalAmount"].mean() == pytest.approx(918.26, rel=0.01)
    assert orders["TotalAmount"].std() == pytest.approx(724.51, rel=0.01)


def test_the_same_seed_gives_the_same_orders_on_every_machine():
    table = generator.generate(1000, 7)
    text = table.to_pandas().to_csv(index=False, lineterminator="\n")
    assert hashlib.sha256(text.encode()).hexdigest() == (
        "669c24e8996a6f076bd82fb65011563a9acb5f5c4dd81661ec985adce10c21c4"
    )


@settings(max_examples=25)
@given(rows=st.integers(1, 400), seed=st.integers(0, 2**63))
def test_any_number_of_rows_and_any_seed_keep_the_identity(rows, seed):
    table = generator.generate(rows, seed)
    assert table.num_rows == rows
    assert table.equals(generator.generate(rows, seed))
    orders = table.to_pandas()
    parts = net(orders) + orders["Tax"] + orders["ShippingCost"]
    assert (orders["TotalAmount"] == np.round(parts, 2)).all()
    assert not orders.isna().any(axis=None)


def test_another_seed_gives_other_orders():
    assert not generator.generate(100, 1).equals(generator.generate(100, 2))


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(generator, "BLOCK", 100)


@pytest.mark.parametrize(("rows", "sizes"), [(99, [99]), (100, [100]), (250, [100, 100, 50])])
def test_the_blocks_one_after_another_are_all_orders(small_blocks, rows, sizes):
    blocks = [generator.generate_block(rows, 7, number) for number in range(len(sizes))]
    assert generator.blocks(rows) == len(sizes)
    assert [block.num_rows for block in blocks] == sizes
    assert pa.concat_tables(blocks).equals(generator.generate(rows, 7))
    ids = pa.concat_tables(blocks)["OrderID"].to_pylist()
    assert ids == [f"ORD{i:07d}" for i in range(1, rows + 1)]


def test_a_whole_block_is_the_same_however_many_come_after_it(small_blocks):
    for number in (0, 1):
        few, many = (generator.generate_block(rows, 7, number) for rows in (200, 1000))
        assert few.equals(many)


def test_each_block_is_drawn_from_a_stream_of_its_own(small_blocks):
    for number in (0, 1, 2):
        stream = np.random.Generator(np.random.PCG64(7).jumped(number))
        drawn = 1 + stream.integers(0, 5, 100, dtype=np.int32)
        quantity = generator.generate_block(300, 7, number)["Quantity"]
        assert quantity.to_pylist() == drawn.tolist()


def test_the_last_orders_of_a_billion_are_drawn_alone():
    table = generator.generate_block(999_000_003, 42, 999)
    assert table["OrderID"].to_pylist() == ["ORD999000001", "ORD999000002", "ORD999000003"]


def test_columns_are_typed_not_text():
    schema = generator.generate(1, 0).schema
    assert schema.field("UnitPrice").type == pa.float64()
    assert schema.field("Quantity").type == pa.int64()
    assert pa.types.is_date(schema.field("OrderDate").type)
    assert pa.types.is_dictionary(schema.field("Brand").type)


@pytest.mark.public_data
@pytest.mark.parametrize(
    "column", ["Category", "Brand", "PaymentMethod", "OrderStatus", "Country", "City", "Quantity"]
)
def test_the_public_file_has_the_same_distribution(orders, public_data, column):
    public = pd.read_csv(public_data, usecols=[column])[column]
    counts = pd.DataFrame({"ours": orders[column].value_counts(), "theirs": public.value_counts()})
    assert not counts.isna().any(axis=None)
    assert stats.chi2_contingency(counts).pvalue > LEVEL
