"""What the draft asks of a model."""

import numpy as np
import pytest

from sales import params
from sales.data import folds
from sales.data.split import PrepareParams
from sales.drafting import groups
from sales.judging.gates import GateParams
from tests.examples import ROOT


@pytest.mark.parametrize("by_time", [True, False])
def test_the_latest_rows_own_mean_is_no_bar(by_time):
    """Where the target drifts, a model far better than any known mean has an R² below 0."""
    base = params.read("gate", GateParams, ROOT / "params.yaml").model_dump()
    parts = groups.sizes(1000)
    found = groups.gate(base, np.arange(1000.0), parts, by_time=by_time).tree
    assert found["min_test_r2"] == (None if by_time else 0.0)
    assert found["max_generalization_gap_pct"] == (None if by_time else 75.0)
    assert found["min_skill_pct"] > 1  # which is against the train rows' mean
    params.validate(found, GateParams, "gate")


def test_few_test_rows_have_no_slices_to_judge():
    base = params.read("gate", GateParams, ROOT / "params.yaml").model_dump()
    for rows, most in ((83, None), (1000, 6.0)):
        found = groups.gate(base, np.arange(9.0), groups.sizes(rows), by_time=False)
        assert found.tree["max_slice_rmse_ratio"] == most


@pytest.mark.parametrize(
    ("target", "allowed"),
    [([1.0, 2.0], 10.0), ([0.0, 1.0, 2.0, 3.0], 35.0), ([0.0] * 3, 100.0)],
)
def test_a_target_that_is_often_zero_may_be_missed_below(target, allowed):
    base = params.read("gate", GateParams, ROOT / "params.yaml").model_dump()
    found = groups.gate(base, np.array(target), groups.sizes(1000), by_time=False).tree
    assert found["max_negative_prediction_pct"] == allowed


@pytest.mark.parametrize(
    ("rows", "ordered_by", "valid", "repeats"),
    [
        (83, None, "folds", 3),
        (499, None, "folds", 3),
        (500, None, "folds", 1),
        (4999, None, "folds", 1),
        (5000, None, "part", 1),
        (400, "Day", "part", 1),
    ],
)
def test_few_rows_that_are_in_no_order_are_laid_into_folds(rows, ordered_by, valid, repeats):
    base = params.read("prepare", PrepareParams, ROOT / "params.yaml").model_dump()
    found = groups.prepare(base, groups.sizes(rows), ordered_by, None, 0.0)
    drafted = params.validate(found.tree, PrepareParams, "prepare")
    assert (drafted.valid, drafted.repeats) == (valid, repeats)
    assert (("valid",) in found.comments) == (valid == "folds")
    train = rows - int(np.ceil(rows * drafted.test_size))
    if valid == "folds":
        folds.assign(train, drafted, None, None)  # which has rows enough
