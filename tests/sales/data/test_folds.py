"""Which fold each train row is held out in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sales.data import folds
from sales.data.folds import NEVER, assign, held_out
from sales.data.split import PrepareParams, split
from sales.errors import PipelineError


def settings(**changes):
    given = {"split": "random", "seed": 42, "test_size": 0.2, "valid_size": 0.1, "valid": "folds"}
    return PrepareParams(**{**given, "max_rejected_pct": 1.0, **changes})


def random_keys(rows, seed=0, groups=None):
    found = np.random.default_rng(seed).integers(0, 2**64, groups or rows, np.uint64)
    return found if groups is None else np.resize(found, rows)


@given(
    rows=st.integers(800, 2000),
    kind=st.sampled_from(["random", "time", "hash"]),
    group=st.sampled_from([None, "Customer"]),
    test_size=st.sampled_from([0.1, 0.2, 0.5]),
    seed=st.integers(0, 99),
)
def test_the_test_rows_are_the_same_and_all_others_are_train_rows(
    rows, kind, group, test_size, seed
):
    keys = random_keys(rows, seed, rows // 2 if group else None)
    dates = np.random.default_rng(seed).integers(0, 50, rows)
    own = {"split": kind, "group": group, "seed": seed, "test_size": test_size, "valid_size": 0.3}
    given = (dates, keys if kind == "hash" or group else None)
    by_part = split(rows, settings(**own, valid="part"), *given)
    by_folds = split(rows, settings(**own), *given)
    assert by_folds["test"].tolist() == by_part["test"].tolist()
    assert not len(by_folds["valid"])
    others = np.sort(np.concatenate([by_part["train"], by_part["valid"]]))
    assert by_folds["train"].tolist() == others.tolist()


@given(rows=st.integers(200, 2000), many=st.integers(2, 10), seed=st.integers(0, 99))
def test_each_row_is_held_out_once_in_each_repeat_and_folds_are_alike_in_size(rows, many, seed):
    found = assign(rows, settings(folds=many, repeats=3, seed=seed), None, None)
    assert found.shape == (rows, 3)
    for repeat in found:
        counts = np.bincount(found[repeat], minlength=many)
        assert len(counts) == many
        assert counts.max() - counts.min() <= 1
    assert (found["0"] != found["1"]).any()
    assert (found["1"] != found["2"]).any()


@given(rows=st.integers(1000, 2000), kind=st.sampled_from(["random", "hash"]))
def test_a_groups_rows_are_in_one_fold(rows, kind):
    keys = random_keys(rows, rows, 300)
    found = assign(rows, settings(split=kind, group="Customer", repeats=2), None, keys)
    for repeat in found:
        pairs = set(zip(keys.tolist(), found[repeat].tolist(), strict=True))
        assert len(pairs) == len(set(keys.tolist()))


@given(rows=st.integers(1000, 3000), more=st.integers(1, 1000), seed=st.integers(0, 99))
def test_by_hash_no_row_changes_its_fold_as_others_come_in_any_order(rows, more, seed):
    keys = random_keys(rows + more, seed)
    before = assign(rows, settings(split="hash", repeats=2), None, keys[:rows])
    order = np.random.default_rng(seed).permutation(rows + more)
    after = assign(rows + more, settings(split="hash", repeats=2), None, keys[order])
    back = np.argsort(order)[:rows]
    assert before.to_numpy().tolist() == after.to_numpy()[back].tolist()


def test_by_hash_a_fold_is_independent_of_where_the_key_lies():
    """The place of a key tells test rows from the others: a fold must be spread over all places."""
    keys = np.sort(random_keys(20_000))
    found = assign(len(keys), settings(split="hash", repeats=2), None, keys)
    for repeat in found:
        halves = [np.bincount(half, minlength=10) for half in np.split(found[repeat], 2)]
        assert np.abs(np.array(halves) - 1000).max() < 4 * np.sqrt(900)
    assert 0.05 < (found["0"] == found["1"]).mean() < 0.15  # a tenth by chance


@given(
    rows=st.integers(300, 1000),
    many=st.integers(2, 8),
    groups=st.sampled_from([None, 150]),
    seed=st.integers(0, 99),
)
def test_by_time_no_fold_learns_from_later_rows(rows, many, groups, seed):
    dates = np.random.default_rng(seed).integers(0, 80, rows)
    keys = None if groups is None else random_keys(rows, seed, groups)
    changes = {"split": "time", "folds": many, "group": groups and "Customer"}
    found = assign(rows, settings(**changes), dates, keys)["0"].to_numpy()
    at = dates
    if keys is not None:
        at = np.array([dates[keys == key].max() for key in keys])
    for fold in range(many):
        teach, held = held_out(found, fold)
        assert len(teach) >= folds.FEWEST
        assert at[teach].max() <= at[held].min()
    assert (found == NEVER).any()


@given(seed=st.integers(0, 99), kind=st.sampled_from(["random", "time"]))
def test_no_fold_teaches_the_model_that_is_judged_by_it(seed, kind):
    dates = np.random.default_rng(seed).integers(0, 50, 300)
    found = assign(300, settings(split=kind, seed=seed), dates, None)["0"].to_numpy()
    seen = []
    for fold in range(10):
        teach, held = held_out(found, fold)
        assert not set(teach) & set(held)
        seen += held.tolist()
    assert sorted(seen) == np.flatnonzero(found != NEVER).tolist()


def test_too_few_rows_for_the_folds_are_told():
    with pytest.raises(PipelineError, match=r"^49 train rows come to folds of 4 to 5, and each n"):
        assign(49, settings(), None, None)
    keys = random_keys(500, 0, 3)
    with pytest.raises(PipelineError, match=r"lower prepare\.folds \(is 10\), or set prepare"):
        assign(500, settings(group="Customer"), None, keys)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"folds": 1}, "folds"),
        ({"repeats": 0}, "repeats"),
        ({"valid": "parts"}, "valid"),
        ({"split": "time", "repeats": 2}, "by time there is one way"),
    ],
)
def test_absurd_settings_are_refused(changes, said):
    with pytest.raises(ValidationError, match=said):
        settings(**changes)
