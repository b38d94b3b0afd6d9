"""A category as one number: by its formula, the same by parts, and never of a row's own target."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sales import params
from sales.contract import Contract
from sales.errors import PipelineError
from sales.models import features, out_of_fold, target_encoding
from sales.models.feature_sets import FeaturizeParams
from sales.models.features import Featuriser

CONTRACT = params.validate(
    {
        "columns": {
            "street": {"role": "categorical", "missing": "allowed"},
            "size": {"role": "numeric"},
            "price": {"role": "target"},
        }
    },
    Contract,
    "contract",
)
ALL = FeaturizeParams.model_validate(
    {
        "feature_set": "all",
        "target_encoding": {"columns": ["street"]},
        "feature_sets": {"all": {"add": ["street", "size"]}},
    }
)


def table(streets, prices):
    """Return rows; a street may be None."""
    named = sorted({street for street in streets if street is not None})
    return pd.DataFrame(
        {
            "street": pd.Categorical(streets, categories=named),
            "size": np.arange(len(prices), dtype=np.float64),
            "price": np.asarray(prices, np.float64),
        }
    )


def rows(count, seed, levels=40):
    rng = np.random.default_rng(seed)
    street = np.minimum(rng.integers(0, levels, count), rng.integers(0, levels, count))
    effect = np.random.default_rng(0).normal(0, 50, levels)
    return table([f"s{n:03}" for n in street], 500 + effect[street] + rng.normal(0, 40, count))


def seen_of(train, *stops, forward=None):
    cuts = zip((0, *stops), (*stops, len(train)), strict=True)
    return [features.seen(train[a:b], ALL, CONTRACT, a, forward) for a, b in cuts]


def fitted(train, *stops):
    """Return the featuriser, and what its train rows become."""
    seen = seen_of(train, *stops)
    featuriser = features.fit(seen, ALL, CONTRACT)
    return featuriser, out_of_fold.transform(out_of_fold.fit(featuriser, seen), train)


def by_formula(levels, y):
    """Return what each level adds, as the module's docstring has it."""
    groups = [y[levels == level] for level in np.unique(levels)]
    total, many, whole = len(y), len(groups), y.mean()
    within = sum(((own - own.mean()) ** 2).sum() for own in groups) / (total - many)
    apart = sum(len(own) * (own.mean() - whole) ** 2 for own in groups)
    between = (apart - (many - 1) * within) / (total - sum(len(g) ** 2 for g in groups) / total)
    k = within / between
    return [len(g) / (len(g) + k) * (g.mean() - whole) for g in groups]


def test_a_level_adds_what_its_rows_prove():
    train = rows(2000, 1)
    featuriser, _ = fitted(train)
    assert featuriser.levels["street"] == tuple(sorted(set(train["street"])))
    expected = by_formula(train["street"].to_numpy(str), train["price"].to_numpy())
    assert featuriser.encoded["street"] == pytest.approx(expected, abs=1e-6)
    assert featuriser.sizes() == (0, 0)  # a number: least squares have one column for it
    assert featuriser.lacking() == (False, False)


def test_valid_rows_orders_and_what_is_served_have_the_estimate_of_all_rows(tmp_path):
    train, valid = rows(2000, 1), rows(300, 2)
    featuriser, _ = fitted(train)
    adds = dict(zip(featuriser.levels["street"], featuriser.encoded["street"], strict=True))
    found = featuriser.transform(valid)
    assert found[:, 0].tolist() == [adds.get(street, 0.0) for street in valid["street"]]
    featuriser.save(tmp_path / "featuriser.json")
    again = Featuriser.load(tmp_path / "featuriser.json")
    assert again == featuriser
    for row in range(20):
        one = {"street": [valid["street"][row]], "size": [valid["size"][row]]}
        assert again.transform(one).tobytes() == found[row].tobytes()


def test_what_training_never_saw_adds_nothing_nor_does_what_is_missing_where_nothing_was():
    featuriser, _ = fitted(rows(2000, 1))
    for street in ("elsewhere", None):
        assert featuriser.transform({"street": [street], "size": [1.0]})[0, 0] == 0
    assert featuriser.unknown({"street": ["elsewhere"]}) == {"street": ["elsewhere"]}
    assert featuriser.never_missing({"street": [None], "size": [1.0]}) == ["street"]


def test_where_rows_lack_it_missing_is_a_level_as_any_other(tmp_path):
    train = rows(2000, 1)
    gone = np.arange(2000) % 5 == 0
    train.loc[gone, "street"] = None
    train.loc[gone, "price"] += 300
    featuriser, matrix = fitted(train)
    levels = train["street"].astype(object).where(~gone, "\uffff").to_numpy(str)
    expected = by_formula(levels, train["price"].to_numpy())
    assert featuriser.encoded["street"] == pytest.approx(expected, abs=1e-6)
    assert featuriser.encoded["street"][-1] > 200
    assert (matrix[gone, 0] > 200).all()
    assert (
        featuriser.transform({"street": [None], "size": [0.0]})[0, 0]
        == (featuriser.encoded["street"][-1])
    )
    featuriser.save(tmp_path / "featuriser.json")
    again = Featuriser.load(tmp_path / "featuriser.json")
    assert again.transform(train).tobytes() == featuriser.transform(train).tobytes()


def test_levels_that_prove_nothing_add_nothing():
    rng = np.random.default_rng(3)
    noise = table([f"s{n}" for n in np.arange(400) % 50], np.tile(rng.normal(0, 1, 50), 8))
    alike = noise.assign(price=np.repeat(rng.normal(0, 1, 8), 50))  # every level the same rows
    alone = table([f"s{n}" for n in range(60)], rng.normal(0, 1, 60))
    one = table(["s"] * 60, rng.normal(0, 1, 60))
    for train in (alike, alone, one):
        featuriser, matrix = fitted(train)
        assert set(featuriser.encoded["street"]) == {0.0}
        assert set(matrix[:, 0]) == {0.0}
    # A target that levels decide alone is believed whole.
    featuriser, _ = fitted(noise)
    told = noise.groupby("street", observed=True)["price"].mean() - noise["price"].mean()
    assert featuriser.encoded["street"] == pytest.approx(told.tolist(), abs=1e-7)


STREETS = st.lists(st.sampled_from(["a", "b", "c", "d", None]), min_size=30, max_size=80)


@settings(max_examples=60)
@given(STREETS, st.integers(0, 2**32), st.data())
def test_no_train_row_is_shown_its_own_target(streets, seed, data):
    """Whatever a row's target becomes, to the last bit its own encoding stays what it was."""
    prices = np.random.default_rng(seed).normal(100, 30, len(streets))
    row = data.draw(st.integers(0, len(streets) - 1))
    other = prices.copy()
    other[row] = data.draw(st.floats(-1e9, 1e9))
    _, before = fitted(table(streets, prices))
    _, after = fitted(table(streets, other))
    assert after[row].tobytes() == before[row].tobytes()
    # Nor is one of its fold's.
    fold = target_encoding.folds(0, len(streets))
    beside = fold == fold[row]
    assert after[beside].tobytes() == before[beside].tobytes()


@settings(max_examples=60)
@given(STREETS, st.integers(0, 2**32), st.data())
def test_where_rows_come_in_groups_none_is_shown_a_target_of_its_group(streets, seed, data):
    """Whatever the targets of a customer's rows become, what these rows are shown stays."""
    rng = np.random.default_rng(seed)
    prices, customers = rng.normal(100, 30, len(streets)), rng.integers(0, 12, len(streets))
    groups = pd.util.hash_array(customers)
    other, its = prices.copy(), customers == data.draw(st.sampled_from([*customers]))
    other[its] = data.draw(st.floats(-1e9, 1e9))
    shown = []
    for each in (prices, other):
        train = table(streets, each)
        seen = [features.seen(train, ALL, CONTRACT, groups=groups)]
        own = out_of_fold.fit(features.fit(seen, ALL, CONTRACT), seen)
        shown.append(out_of_fold.transform(own, train, groups=groups))
    assert shown[0][its].tobytes() == shown[1][its].tobytes()


def test_groups_are_laid_into_folds_whole_and_evenly():
    groups = pd.util.hash_array(np.repeat(np.arange(3000), 4))
    fold = target_encoding.folds(0, len(groups), groups)
    assert (fold.reshape(-1, 4) == fold[::4, None]).all()
    assert np.bincount(fold, minlength=target_encoding.FOLDS).min() > 0.8 * len(groups) / 10
    # No matter where they lie, nor which other folds the same hashes tell (data/folds.py).
    assert (target_encoding.folds(99, len(groups), groups) == fold).all()
    for others in (groups, pd.util.hash_array(groups)):
        alike = (fold == others % np.uint64(target_encoding.FOLDS)).mean()
        assert alike == pytest.approx(1 / target_encoding.FOLDS, abs=0.03)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 300), max_size=4))
def test_partitions_come_to_the_same(stops):
    train = rows(300, 5)
    stops = sorted(stops)
    whole, matrix = fitted(train)
    parts, again = fitted(train, *stops)
    assert parts == whole
    assert again.tobytes() == matrix.tobytes()
    if stops:
        each = out_of_fold.fit(whole, seen_of(train))
        cuts = zip((0, *stops), (*stops, 300), strict=True)
        rows_of = [out_of_fold.transform(each, train[a:b], a) for a, b in cuts]
        assert np.concatenate(rows_of).tobytes() == matrix.tobytes()


def test_the_target_is_encoded_as_it_is_learnt():
    train = rows(500, 6)
    train["price"] = train["price"].abs() + 1
    found = features.fit(seen_of(train, forward=np.log1p), ALL, CONTRACT)
    plain = features.fit(seen_of(train.assign(price=np.log1p(train["price"]))), ALL, CONTRACT)
    assert found.encoded == plain.encoded


def test_folds_are_nearly_equal_and_no_pattern_of_the_rows():
    fold = target_encoding.folds(0, 10_000)
    counts = np.bincount(fold, minlength=target_encoding.FOLDS)
    assert counts.min() > 900
    for period in (5, 7, 10):
        first = np.bincount(fold[::period], minlength=target_encoding.FOLDS)
        assert first.min() > 0.75 * first.mean()


def test_a_model_that_trusted_its_own_targets_would_be_fooled():
    """Of levels without a meaning, each with a few rows, train rows show no more than others do."""
    rng = np.random.default_rng(7)
    levels = np.repeat(np.arange(1000), 3)
    train = table([f"s{n:04}" for n in levels], rng.normal(0, 1, 3000))
    featuriser, honest = fitted(train)
    # All of the rows, whatever the levels prove: what a plain mean would show.
    naive = train.groupby("street", observed=True)["price"].transform("mean").to_numpy()
    price = train["price"].to_numpy()
    assert np.corrcoef(naive, price)[0, 1] > 0.5
    assert honest[:, 0].std() == 0 or np.corrcoef(honest[:, 0], price)[0, 1] < 0.05
    assert featuriser.transform(train).shape == honest.shape


def test_above_a_number_of_levels_a_category_is_encoded_without_being_named():
    train = rows(2000, 1)
    levels = train["street"].nunique()
    for above, encoded in ((levels - 1, True), (levels, False)):
        told = {**ALL.model_dump(), "target_encoding": {"above_levels": above}}
        told = FeaturizeParams.model_validate(told)
        seen = [features.seen(train, told, CONTRACT)]
        found = features.fit(seen, told, CONTRACT)
        assert bool(found.encoded) is encoded
        assert len(found.levels["street"]) == levels
        assert (found.sizes()[0] == 0) is encoded
        assert bool(out_of_fold.fit(found, seen)) is encoded


def test_a_column_that_is_no_category_is_named():
    told = {"columns": ["size"]}
    wrong = FeaturizeParams.model_validate({**ALL.model_dump(), "target_encoding": told})
    with pytest.raises(
        PipelineError, match=r"target_encoding\.columns: 'size' is not a categorical"
    ):
        features.seen(rows(50, 1), wrong, CONTRACT)


def test_infinite_and_huge_targets_do_no_harm():
    train = rows(200, 8)
    train["price"] *= 1e150
    featuriser, matrix = fitted(train)
    assert all(map(math.isfinite, featuriser.encoded["street"]))
    assert np.isfinite(matrix).all()
    assert replace(featuriser).encoded == featuriser.encoded
