"""What columns have to do with one another, guessed from rows."""

import numpy as np
import pandas as pd
import pytest

from sales.drafting import giveaways, relations
from sales.drafting.giveaways import Giveaway
from sales.drafting.relations import Follows, Same, Sum

ROWS = 400


@pytest.fixture
def rows():
    rng = np.random.default_rng(1)
    city = rng.choice(["Austin", "Dallas", "Miami", "Tampa"], ROWS)
    area = np.round(rng.uniform(20, 200, ROWS), 1)
    price = np.round(rng.uniform(1, 9, ROWS), 2)
    return pd.DataFrame(
        {
            "city": city,
            "state": np.where(np.isin(city, ["Austin", "Dallas"]), "TX", "FL"),
            "other": rng.choice(["a", "b"], ROWS),
            "area": area,
            "price": price,
            "rent": np.round(area * price, 2),
            "tax": np.round(price / 10, 3),
            "whole": np.round(area + price, 2),
        }
    )


def test_a_category_that_another_decides_is_found_and_no_other(rows):
    assert relations.follows(rows, ["city", "state", "other"]) == [Follows("state", "city")]


def test_what_holds_by_chance_is_no_relation(rows):
    few = rows.assign(key=[f"k{n}" for n in range(ROWS)]).head(60)
    assert relations.follows(few, ["key", "state"]) == []
    rare = rows.assign(rare=["x"] * (ROWS - 2) + ["y"] * 2)
    assert all(each.name != "rare" for each in relations.follows(rare, ["city", "rare"]))


def test_of_two_that_decide_each_other_one_follows(rows):
    rows["code"] = rows["city"].str[:1]
    found = relations.follows(rows, ["city", "code"])
    assert found == [Follows("city", "code")]


def test_a_row_that_says_otherwise_breaks_it(rows):
    held = Follows("state", "city")
    held.add(rows)
    assert held.leads == {"Austin": "TX", "Dallas": "TX", "Miami": "FL", "Tampa": "FL"}
    assert not held.broken
    held.add(pd.DataFrame({"city": ["Austin", None], "state": ["FL", "TX"]}))
    assert held.broken


def test_numbers_that_two_others_make_are_found(rows):
    found = relations.sums(rows, ["area", "price", "rent", "tax", "whole"])
    assert {each[:4] for each in found} == {
        ("rent", "area", "*", "price"),
        ("whole", "area", "+", "price"),
    }
    assert all(each.tolerance == pytest.approx(0.005, rel=1e-3) for each in found)


def test_a_sum_is_not_judged_where_one_is_missing(rows):
    rows.loc[:50, "price"] = np.nan
    [found] = relations.sums(rows, ["area", "price", "whole"])
    assert found[:4] == ("whole", "area", "+", "price")
    numbers = {name: rows[name].to_numpy(float).copy() for name in ("area", "price", "whole")}
    assert found.holds(numbers)
    numbers["whole"][100] += 0.02
    assert not found.holds(numbers)


def test_numbers_that_two_others_nearly_make_are_none(rows):
    rows.loc[7, "whole"] += 0.5
    assert relations.sums(rows, ["area", "price", "whole"]) == []


def test_zeros_and_ones_make_no_rule(rows):
    rows["none"] = [0.0] * (ROWS - 3) + [1.0, 2.0, 3.0]
    rows["again"] = rows["area"] + rows["none"]
    assert relations.sums(rows, ["area", "none", "again"]) == []


def test_columns_that_say_the_same_are_found(rows):
    rows["again"] = rows["area"]
    rows["grade"] = rows["city"].map({"Austin": 1.0, "Dallas": 2.0, "Miami": 3.0, "Tampa": 4.0})
    found = relations.same(rows, ["city", "area", "again", "grade"])
    assert found == [Same("again", "area", near=False), Same("grade", "city", near=True)]


def test_columns_of_different_numbers_each_are_not_alike(rows):
    rows["n"], rows["m"] = np.arange(ROWS), np.arange(ROWS)[::-1] * 2
    assert relations.same(rows, ["n", "m"]) == []


def test_what_gives_the_target_away_is_found(rows):
    rng = np.random.default_rng(2)
    y = np.exp(rng.normal(0, 1, ROWS))
    rows = rows.assign(
        y=y,
        log=np.log(y),
        falls=-np.round(y, 6),
        band=pd.Categorical(np.where(y > np.quantile(y, 0.3), "high", "low")),
        dear=(y > 1).astype(float),
        near=y + rng.normal(0, 0.1 * y.std(), ROWS),
        honest=y + rng.normal(0, y.std(), ROWS),
    )
    names = ["log", "falls", "band", "dear", "near", "honest", "area", "city"]
    found = giveaways.find(rows, "y", names)
    assert {each.name for each in found if each.sure} == {"log", "falls", "band", "dear"}
    assert {each.name for each in found if not each.sure} <= {"near"}
    assert found[0] == Giveaway("log", "it rises or falls with the target in every row", sure=True)


def test_a_cause_that_leaves_gaps_is_no_class_of_the_target():
    rng = np.random.default_rng(3)
    grade = rng.choice(["1", "2", "10"], ROWS)
    rows = pd.DataFrame({"grade": grade, "wage": 1000.0 * grade.astype(int)})
    rows["wage"] += rng.integers(0, 15, ROWS)
    [found] = giveaways.find(rows, "wage", ["grade"])
    assert not found.sure


def test_few_rows_prove_nothing():
    rows = pd.DataFrame({"x": np.arange(30.0), "y": np.arange(30.0)})
    assert giveaways.find(rows, "y", ["x"]) == []


def test_a_sum_says_how_far_off_it_is():
    numbers = {"c": np.array([3.0, 4.0]), "a": np.array([1.0, 2.0]), "b": np.array([2.0, np.nan])}
    apart = Sum("c", "a", "+", "b", 0.1).apart(numbers)
    np.testing.assert_array_equal(apart, [0.0, np.nan])
