"""What changes in the generated orders from a day on, and that nothing else does."""

import hashlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sales import params
from sales.data import drift, generator
from sales.data.drift import DriftParams
from sales.errors import PipelineError

LEVEL = 0.001
DAY = "2023-06-15"
ALL = {
    "prices": {"from": DAY, "pct_a_month": 3.0},
    "brand": {"from": "2022-01-01", "name": "Novus", "share": 0.3, "price_factor": 1.5},
    "categories": {"from": "2024-02-01", "shares": {"Books": 0.5, "Electronics": 0.3}},
}


def asked(**groups) -> DriftParams:
    return DriftParams.model_validate(groups)


def made(rows: int, seed: int, changes: DriftParams) -> pd.DataFrame:
    table = generator.generate(rows, seed, changes).to_pandas()
    return table.assign(OrderDate=pd.to_datetime(table["OrderDate"]))


@pytest.fixture(scope="module")
def plain() -> pd.DataFrame:
    return made(60_000, 42, DriftParams())


@pytest.fixture(scope="module")
def changed() -> pd.DataFrame:
    return made(60_000, 42, asked(**ALL))


def test_off_is_what_is_committed_and_changes_no_byte():
    committed = params.read("ingest.drift", DriftParams)
    assert committed.truth() == []
    text = generator.generate(1000, 7, committed).to_pandas()
    written = text.to_csv(index=False, lineterminator="\n").encode()
    assert hashlib.sha256(written).hexdigest() == (
        "669c24e8996a6f076bd82fb65011563a9acb5f5c4dd81661ec985adce10c21c4"
    )


def test_orders_before_the_first_change_are_the_same(plain, changed):
    before = plain["OrderDate"] < "2022-01-01"
    assert before.sum() > 20_000
    pd.testing.assert_frame_equal(
        plain[before].astype(object), changed[before].astype(object), check_dtype=False
    )


def test_what_a_change_does_not_touch_stays_for_all_orders(plain, changed):
    moved = {"Category", "Brand", "UnitPrice", "Tax", "ShippingCost", "TotalAmount"}
    same = [name for name in plain.columns if name not in moved]
    assert plain[same].astype(object).equals(changed[same].astype(object))


def test_prices_rise_on_the_day_and_with_each_month_that_begins(plain):
    found = made(60_000, 42, asked(prices=ALL["prices"]))
    ratio = found["UnitPrice"] / plain["UnitPrice"]
    month = found["OrderDate"].dt.to_period("M")
    begun = found["OrderDate"] >= DAY
    steps = np.where(begun, month.map(lambda m: m.ordinal) - pd.Period("2023-06").ordinal + 1, 0)
    expected = np.round(plain["UnitPrice"] * 1.03**steps, 2)
    assert np.abs(found["UnitPrice"] - expected).max() < 0.011  # a cent, where it is rounded
    assert (ratio[~begun] == 1).all()
    assert steps.max() == 19  # of December 2024
    assert found["Brand"].astype(str).equals(plain["Brand"].astype(str))


def test_a_new_brand_has_its_share_and_its_prices(plain):
    found = made(60_000, 42, asked(brand=ALL["brand"]))
    begun = found["OrderDate"] >= "2022-01-01"
    new = found["Brand"] == "Novus"
    assert not new[~begun].any()
    assert stats.binomtest(int(new.sum()), int(begun.sum()), 0.3).pvalue > LEVEL
    old = found[begun & ~new]["Brand"].astype(str).value_counts()
    assert stats.chisquare(old).pvalue > LEVEL
    assert len(old) == 10
    assert (found["UnitPrice"][~new] == plain["UnitPrice"][~new]).all()
    assert (found["UnitPrice"][new] == np.round(plain["UnitPrice"][new] * 1.5, 2)).all()


def test_categories_have_the_shares_asked_for_and_the_others_what_is_left():
    found = made(60_000, 42, asked(categories=ALL["categories"]))
    begun = found["OrderDate"] >= "2024-02-01"
    counts = found["Category"][begun].value_counts()
    shares = {"Books": 0.5, "Electronics": 0.3}
    expected = [shares.get(name, 0.05) * begun.sum() for name in counts.index]
    assert len(counts) == 6
    assert stats.chisquare(counts, expected).pvalue > LEVEL
    assert stats.chisquare(found["Category"][~begun].value_counts()).pvalue > LEVEL


def test_changed_orders_keep_every_rule(changed):
    quantity, price = changed["Quantity"], changed["UnitPrice"]
    left, total = 1 - changed["Discount"], changed["TotalAmount"]
    parts = quantity * price * left + changed["Tax"] + changed["ShippingCost"]
    assert (total == np.round(parts, 2)).all()
    rates = [0.0, 0.05, 0.08, 0.12, 0.18]
    fits = [changed["Tax"] == np.round(rate * quantity * price * left, 2) for rate in rates]
    assert np.logical_or.reduce(fits).all()
    begun = changed["OrderDate"] >= DAY
    for small, most in ((True, 8), (False, 15)):
        shipping = changed["ShippingCost"][begun & ((quantity * price < 50) == small)]
        assert shipping.between(0, most).all()
        assert stats.kstest(shipping, stats.uniform(0, most).cdf).pvalue > LEVEL
    assert not changed.isna().any(axis=None)


changes = st.fixed_dictionaries(
    {
        "prices": st.fixed_dictionaries(
            {"from": st.sampled_from([None, "2020-01-01", DAY]), "pct_a_month": st.floats(-10, 20)}
        ),
        "brand": st.fixed_dictionaries({"from": st.sampled_from([None, "2024-12-29", DAY])}),
        "categories": st.fixed_dictionaries(
            {
                "from": st.sampled_from([None, DAY]),
                "shares": st.sampled_from([{"Books": 1.0}, {"Books": 0.0, "Clothing": 0.1}]),
            }
        ),
    }
)


@settings(max_examples=25)
@given(rows=st.integers(1, 400), seed=st.integers(0, 2**63), groups=changes)
def test_any_change_of_any_number_of_orders_keeps_the_identity(rows, seed, groups):
    wanted = asked(**groups)
    table = generator.generate(rows, seed, wanted)
    assert table.equals(generator.generate(rows, seed, wanted))
    orders = table.to_pandas()
    net = orders["Quantity"] * orders["UnitPrice"] * (1 - orders["Discount"])
    assert (
        orders["TotalAmount"] == np.round(net + orders["Tax"] + orders["ShippingCost"], 2)
    ).all()
    assert (orders["UnitPrice"] >= 0.01).all()
    assert len(orders) == rows


def test_blocks_are_the_same_alone_and_together(monkeypatch):
    monkeypatch.setattr(generator, "BLOCK", 100)
    wanted = asked(**ALL)
    blocks = [generator.generate_block(250, 7, number, wanted) for number in range(3)]
    assert pa.concat_tables(blocks).equals(generator.generate(250, 7, wanted))
    few, many = (generator.generate_block(rows, 7, 0, wanted) for rows in (100, 1000))
    assert few.equals(many)


def test_the_same_bytes_on_every_machine():
    text = generator.generate(1000, 7, asked(**ALL)).to_pandas()
    written = text.to_csv(index=False, lineterminator="\n").encode()
    assert hashlib.sha256(written).hexdigest() == (
        "c0a66bd21dc5c9328566109ac9d546e21a01b3cde38331798721ffa23c13cc9b"
    )


def test_the_truth_is_told_the_earliest_first():
    assert asked(**ALL).truth() == [
        ("2022-01-01", "the brand Novus has 30 % of the orders, at 1.5 times the prices"),
        (DAY, "prices rise by 3 % a month"),
        ("2024-02-01", "the shares of categories become Books 50 %, Electronics 30 %"),
    ]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("prices", {"from": "2019-12-31"}, r"ingest\.drift\.prices: Value error, orders are from"),
        ("prices", {"from": "2025-01-01"}, r"ingest\.drift\.prices: .* to 2024-12-29: from is"),
        ("prices", {"from": "soon"}, r"ingest\.drift\.prices\.from: "),
        ("prices", {"pct_a_month": 200}, r"ingest\.drift\.prices\.pct_a_month: "),
        ("prices", {"pct": 2}, r"ingest\.drift\.prices\.pct: unknown key"),
        ("brand", {"share": 0}, r"ingest\.drift\.brand\.share: "),
        ("brand", {"name": ""}, r"ingest\.drift\.brand\.name: "),
        ("brand", {"price_factor": 0}, r"ingest\.drift\.brand\.price_factor: "),
        ("categories", {"shares": {"Books": 2}}, r"ingest\.drift\.categories\.shares\.Books: "),
        (
            "categories",
            {"shares": {"Books": 0.6, "Clothing": 0.6}},
            r"ingest\.drift\.categories: .* more than 1 together",
        ),
        ("categories", {"from": DAY, "shares": {}}, r"ingest\.drift\.categories: .* name the"),
        ("colours", {}, r"ingest\.drift\.colours: unknown key"),
    ],
)
def test_an_absurd_change_is_named(key, value, message):
    with pytest.raises(PipelineError, match=message):
        params.validate({key: value}, DriftParams, "ingest.drift")


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"brand": {"name": "Apex"}}, r"drift\.brand\.name: Apex is a brand already"),
        ({"categories": {"shares": {"Cars": 1}}}, r"drift\.categories\.shares: no category 'Cars'"),
        (
            {"categories": {"from": DAY, "shares": dict.fromkeys(generator.CATEGORIES, 0.1)}},
            r"drift\.categories\.shares: all are named, and 0\.4 is left over",
        ),
    ],
)
def test_what_only_the_generator_knows_to_be_wrong(groups, message):
    with pytest.raises(PipelineError, match=message):
        generator.refuse_unlike(asked(**groups))


@given(
    shares=st.lists(st.floats(0, 1), min_size=1, max_size=5).filter(lambda s: sum(s) > 0.01),
    lot=st.integers(0, drift.SHARE - 1),
)
def test_every_lot_falls_on_a_name_with_a_share(shares, lot):
    total = sum(shares)
    names = [f"n{i}" for i in range(len(shares))]
    wanted = {name: share / total for name, share in zip(names, shares, strict=True)}
    [place] = drift.drawn_shares(np.array([lot]), names, wanted)
    assert round(drift.SHARE * wanted[names[place]]) > 0
