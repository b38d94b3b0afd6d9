"""How much of each model an ensemble takes: non-negative least squares on rows that none has seen.

Of the errors e that the models make on rows which none of them was fitted to, those weights w are
taken under which the square of the sum of w e is least, none below zero, all together one (Breiman
1996, "Stacked regressions"; Lawson and Hanson's algorithm). A model whose errors another one makes
too gets none. The weights then are rounded to thousandths.

Weights chosen on rows flatter the ensemble on these. So how good it is on them, by which it is
ranked, and how far it errs, of which its intervals are made, is taken from weights that were found
without each row: the rows come in folds, and weights of the others answer for a fold's.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from sales.estimators.ensemble import WHOLE

FOLDS = 10  # of valid rows
RIDGE = 1e-6  # of the best model's squared error: models that answer alike share evenly
FAR = 1000.0  # times the best model's error: a weight that counts would be below a thousandth
KEPT = 100_000  # rows whose out-of-fold answers are kept, spread over all; fewer tell the error too


class Stacked(NamedTuple):
    """Weights in thousandths, those that were found without each fold, and what these answer."""

    weights: tuple[int, ...]
    without: dict[int, tuple[int, ...]]
    out_of_fold: np.ndarray


def fit(true: np.ndarray, predicted: np.ndarray, fold: np.ndarray, least: float) -> Stacked:
    """Return the weights of models from rows that they have not seen.

    `predicted` has a row for each model, `fold` says in which each row is held out. No weight is
    below `least`, but zero.
    """
    errors = predicted - true
    without, out = {}, np.empty(len(true))
    for number in np.unique(fold).tolist():
        held = fold == number
        found = weights(errors[:, ~held] if not held.all() else errors, least)
        without[number] = found
        out[held] = answers(found, predicted[:, held])
    return Stacked(weights(errors, least), without, out)


def weights(errors: np.ndarray, least: float) -> tuple[int, ...]:
    """Return how many thousandths of each model are taken, from its row of errors.

    >>> up, down = np.array([[1.0, 1.0], [-3.0, -3.0]])
    >>> weights(np.array([up, down]), 0.0), weights(np.array([up, down]), 0.3)
    ((750, 250), (1000, 0))
    """
    many = len(errors)
    # Not a matrix product, whose sums depend on the processor.
    moments = np.array([[np.mean(one * other) for other in errors] for one in errors])
    taken = np.arange(many)
    while True:
        shares = _shares(moments[np.ix_(taken, taken)])
        light = (shares < least) & (shares < shares.max())
        keep = shares > 0
        if light[keep].any():
            keep[np.flatnonzero(keep)[shares[keep].argmin()]] = False
        elif keep.all():
            break
        taken = taken[keep]
    found = np.zeros(many, np.int64)
    found[taken] = _thousandths(shares)
    return tuple(found.tolist())


def answers(weights: Sequence[int], predicted: np.ndarray) -> np.ndarray:
    """Return what an ensemble answers, from a row of predictions for each model."""
    total = np.zeros(predicted.shape[1])
    for weight, own in zip(weights, predicted, strict=True):
        if weight:
            total += weight * own
    return total / WHOLE


def folds(rows: int) -> np.ndarray:
    """Return the fold of each of so many valid rows, by a hash of its number."""
    numbers = np.arange(rows, dtype=np.uint64)
    return (pd.util.hash_array(numbers) % FOLDS).astype(np.intp)


def kept(out_of_fold: np.ndarray) -> np.ndarray:
    """Return the columns of which the error is told: all, or KEPT of them spread evenly."""
    rows = out_of_fold.shape[1]
    if rows <= KEPT:
        return out_of_fold
    return out_of_fold[:, np.linspace(0, rows - 1, KEPT).astype(np.intp)]


def _shares(moments: np.ndarray) -> np.ndarray:
    """Return w >= 0 with sum 1 for which w' moments w is least.

    It is the solution u of least squares |A u|^2 + (1 - sum u)^2, u >= 0, A'A being the moments,
    divided by its sum: both have the same conditions for a minimum.
    """
    from scipy.optimize import nnls  # here, not above: it is slow, and an ensemble seldom wanted

    squares = moments.diagonal()
    best = squares.min()
    if not best > 0:  # some are exact
        return (squares == best) / np.sum(squares == best)
    near = np.flatnonzero(squares <= FAR**2 * best)
    scaled = moments[np.ix_(near, near)] / best + RIDGE * np.eye(len(near))
    root = np.linalg.cholesky(scaled).T
    found, _ = nnls(np.vstack([root, np.ones(len(near))]), np.append(np.zeros(len(near)), 1.0))
    shares = np.zeros(len(moments))
    shares[near] = found / found.sum()
    return shares


def _thousandths(shares: np.ndarray) -> np.ndarray:
    """Return whole thousandths that add up to one: what is left goes to the largest remainders."""
    exact = shares * WHOLE
    whole = np.floor(exact + 1e-6).astype(np.int64)
    left = WHOLE - int(whole.sum())
    whole[np.argsort(-np.round(exact - whole, 6), kind="stable")[:left]] += 1
    return whole
