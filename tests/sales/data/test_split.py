"""Which rows train, which tune, which judge."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.model_selection import train_test_split

from sales.data.split import PrepareParams, split
from sales.errors import PipelineError

SETTINGS = {"split": "random", "seed": 42, "test_size": 0.2, "valid_size": 0.1}


def settings(**changes):
    return PrepareParams(**{**SETTINGS, "max_rejected_pct": 1.0, **changes})


@given(rows=st.integers(100, 5000), seed=st.integers(0, 2**32 - 1))
@example(rows=100_000, seed=42)
def test_the_rows_are_those_that_train_test_split_draws(rows, seed):
    parts = split(rows, settings(seed=seed), None)
    rest, test = train_test_split(np.arange(rows), test_size=0.2, random_state=seed)
    train, valid = train_test_split(rest, test_size=len(parts["valid"]), random_state=seed)
    assert len(parts["valid"]) == -(-rows // 10)
    for part, expected in (("train", train), ("valid", valid), ("test", test)):
        assert parts[part].tolist() == sorted(expected)


@given(
    rows=st.integers(100, 2000),
    kind=st.sampled_from(["random", "time"]),
    test_size=st.sampled_from([0.1, 0.2, 0.33]),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_row_is_in_one_part(rows, kind, test_size, seed):
    dates = np.random.default_rng(seed).integers(0, 50, rows)
    parts = split(rows, settings(split=kind, test_size=test_size, seed=seed), dates)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(rows))
    for positions in parts.values():
        assert (np.diff(positions) > 0).all()


@given(seed=st.integers(0, 2**32 - 1))
def test_a_time_split_judges_on_the_latest(seed):
    dates = np.random.default_rng(seed).integers(0, 50, 500)
    parts = split(500, settings(split="time"), dates)
    assert dates[parts["train"]].max() <= dates[parts["valid"]].min()
    assert dates[parts["valid"]].max() <= dates[parts["test"]].min()


def test_too_few_rows():
    with pytest.raises(PipelineError, match="50 rows are too few: train, valid and test need 10"):
        split(50, settings(), None)


def test_a_time_split_needs_dates():
    with pytest.raises(PipelineError, match=r"prepare\.split: time needs a column with the role"):
        split(500, settings(split="time"), None)


def test_parts_must_leave_train_rows():
    with pytest.raises(ValidationError, match="leave no train rows"):
        settings(test_size=0.9)


def random_keys(rows, seed=0, groups=None):
    found = np.random.default_rng(seed).integers(0, 2**64, groups or rows, np.uint64)
    return found if groups is None else np.resize(found, rows)


@given(
    rows=st.integers(300, 3000),
    more=st.integers(1, 3000),
    seed=st.integers(0, 99),
    test_size=st.sampled_from([0.1, 0.2, 0.5]),
)
def test_by_hash_no_row_changes_its_part_as_others_come_in_any_order(rows, more, seed, test_size):
    keys = random_keys(rows + more, seed)
    before = split(rows, settings(split="hash", test_size=test_size), None, keys[:rows])
    order = np.random.default_rng(seed).permutation(rows + more)
    after = split(rows + more, settings(split="hash", test_size=test_size), None, keys[order])
    for part, positions in before.items():
        assert set(keys[positions]) == set(keys[order][after[part]]) & set(keys[:rows])


def test_by_hash_the_shares_are_nearly_those_asked_for():
    rows = 100_000
    parts = split(rows, settings(split="hash"), None, random_keys(rows))
    for part, share in {"train": 0.7, "valid": 0.1, "test": 0.2}.items():
        deviation = (len(parts[part]) - share * rows) / np.sqrt(rows * share * (1 - share))
        assert abs(deviation) < 4
    assert sorted(np.concatenate(list(parts.values()))) == list(range(rows))


@pytest.mark.parametrize("kind", ["random", "time", "hash"])
@given(seed=st.integers(0, 99), groups=st.integers(200, 400))
def test_rows_of_one_group_are_in_one_part(kind, seed, groups):
    rows = 3000
    keys = random_keys(rows, seed, groups)
    dates = np.random.default_rng(seed).integers(0, 50, rows)
    parts = split(rows, settings(split=kind, group="Customer", seed=seed), dates, keys)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(rows))
    found = [set(keys[positions]) for positions in parts.values()]
    assert sum(map(len, found)) == groups
    if kind == "time":
        latest = {key: dates[keys == key].max() for key in set(keys)}
        ends = [[latest[key] for key in part] for part in found]
        assert max(ends[0]) <= min(ends[1])
        assert max(ends[1]) <= min(ends[2])
    if kind != "hash":  # as many groups as it takes
        assert 600 <= len(parts["test"]) < 600 + 2 * rows / groups


def test_too_few_groups():
    keys = random_keys(500, 0, 2)
    for kind in ("random", "hash"):
        with pytest.raises(PipelineError, match="2 groups of Customer are too few: they come to"):
            split(500, settings(split=kind, group="Customer"), None, keys)
    with pytest.raises(PipelineError, match=r"^30 rows are too few: they come to train "):
        split(30, settings(split="hash"), None, random_keys(30))
