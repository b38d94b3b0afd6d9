"""Weights of an ensemble: the best shares there are, whatever the unit, of unseen rows."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sales.models import stacking
from sales.models.stacking import KEPT, answers, fit, kept, weights

SEEDS = st.integers(0, 2**32)


def errors(seed, models=3, rows=200):
    """Return errors of models, that have something in common and something of their own."""
    rng = np.random.default_rng(seed)
    common = rng.normal(0, rng.uniform(0, 2), rows)
    return common + rng.normal(0, 1, (models, rows)) * rng.uniform(0.2, 3, (models, 1))


def error(weights, of):
    return float(np.mean(np.square(np.asarray(weights) / 1000 @ of)))


@settings(max_examples=60)
@given(SEEDS, st.integers(2, 6), st.sampled_from([0.0, 0.05, 0.3]))
def test_weights_are_shares_and_none_is_too_small(seed, models, least):
    found = weights(errors(seed, models), least)
    assert len(found) == models
    assert sum(found) == 1000
    assert all(w == 0 or w >= 1000 * least - 1 for w in found)


@settings(max_examples=40)
@given(SEEDS)
def test_no_other_shares_err_less_on_these_rows(seed):
    of = errors(seed)
    best = error(weights(of, 0.0), of)
    grid = range(0, 1001, 50)
    others = [(a, b, 1000 - a - b) for a, b in itertools.product(grid, grid) if a + b <= 1000]
    # Weights are rounded: by as much as that moves the error at most.
    assert best <= min(error(other, of) for other in others) * 1.001


@settings(max_examples=40)
@given(SEEDS, st.floats(1e-6, 1e6), st.floats(0.0, 0.2))
def test_neither_the_targets_unit_nor_the_order_of_rows_matters(seed, unit, least):
    of = errors(seed)
    shuffled = of[:, np.random.default_rng(seed).permutation(of.shape[1])]
    found = np.array([weights(each, least) for each in (of, of * unit, shuffled)])
    assert np.abs(found - found[0]).max() <= 1  # a thousandth, on the edge of two roundings


@settings(max_examples=40)
@given(SEEDS, st.permutations(range(4)))
def test_nor_does_the_order_of_models(seed, order):
    of = errors(seed, 4)
    found, again = weights(of, 0.05), weights(of[list(order)], 0.05)
    assert np.abs(np.array(found)[list(order)] - again).max() <= 1


def test_models_that_answer_alike_share_evenly_and_an_exact_one_is_taken_alone():
    one, other = errors(1, 2)
    alike = np.array([one, one, one * (1 + 1e-12), other + 5])
    assert weights(alike[:3], 0.0) in {(334, 333, 333), (333, 334, 333), (333, 333, 334)}
    assert weights(np.array([one, np.zeros(200), other]), 0.0) == (0, 1000, 0)
    assert weights(np.zeros((2, 5)), 0.0) == (500, 500)
    assert weights(np.array([one, 1e9 * other]), 0.0) == (1000, 0)
    assert weights(np.array([one]), 0.05) == (1000,)


def test_a_small_share_is_given_to_the_others():
    rng = np.random.default_rng(3)
    of = rng.normal(0, 1, (2, 5000)) * np.array([[1.0], [3.0]])  # shares of 0.9 and 0.1
    assert weights(of, 0.05)[1] == pytest.approx(100, abs=20)
    assert weights(of, 0.2) == (1000, 0)


@settings(max_examples=30)
@given(SEEDS, st.data())
def test_what_answers_for_a_fold_has_not_seen_it(seed, data):
    """Whatever the targets of a fold are, the weights that answer for it stay what they were."""
    rng = np.random.default_rng(seed)
    fold = stacking.folds(120)
    true = rng.normal(0, 10, 120)
    predicted = true + errors(seed, 3, 120)
    held = fold == data.draw(st.sampled_from(sorted(set(fold.tolist()))))
    other = np.where(held, data.draw(st.floats(-1e6, 1e6)), true)
    before, after = fit(true, predicted, fold, 0.05), fit(other, predicted, fold, 0.05)
    number = int(fold[held][0])
    assert before.without[number] == after.without[number]
    assert before.out_of_fold[held].tobytes() == after.out_of_fold[held].tobytes()
    assert before.out_of_fold[held].tobytes() == (
        answers(before.without[number], predicted[:, held]).tobytes()
    )


def test_of_rows_in_one_fold_there_are_no_others_to_take_weights_from():
    of = errors(5, 2, 40)
    found = fit(np.zeros(40), of, np.zeros(40, np.intp), 0.0)
    assert found.without == {0: found.weights}


def test_out_of_fold_the_error_is_that_of_rows_to_come():
    """On the rows that gave the weights, those flatter themselves; out of fold they do not."""
    inside, outside, out = [], [], []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        of, later = rng.normal(0, 1, (6, 60)), rng.normal(0, 1, (6, 5000))
        found = fit(np.zeros(60), of, stacking.folds(60), 0.0)
        inside.append(error(found.weights, of))
        outside.append(error(found.weights, later))
        out.append(np.mean(np.square(found.out_of_fold)))
    assert np.mean(inside) < 0.95 * np.mean(outside)
    assert np.mean(out) == pytest.approx(np.mean(outside), rel=0.03)


def test_of_very_many_rows_some_are_kept():
    few = np.arange(20.0).reshape(2, 10)
    assert kept(few) is few
    many = np.tile(np.arange(3.0 * KEPT), (2, 1))
    found = kept(many)
    assert found.shape == (2, KEPT)
    assert (np.diff(found[0]) >= 2).all()
    assert found[0, -1] == 3 * KEPT - 1
