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
