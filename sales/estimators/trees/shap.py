"""What each feature adds to the prediction of a tree ensemble: path-dependent TreeSHAP.

The game is that of Lundberg et al. (2020, "From local explanations to global understanding with
explainable AI for trees"): at a split on a feature that is not known, both branches count, weighted
by the train rows that went down each. Its Shapley values are computed another way: as Owen's
integral ("Multilinear Extensions of Games", 1972) of a feature's effect while each other one is
known with the probability t, over t from 0 to 1. At a leaf the effect is a polynomial in t, of a
degree below the number of features on its path, and a few Gauss-Legendre points integrate it
exactly. No path is unwound: a few NumPy calls a level of depth do for all trees at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import treelite

from sales.errors import PipelineError
from sales.estimators import Contributions
from sales.estimators.trees import category_sets

AT_ONCE = 500_000  # nodes x features: some 50 MB
MOST = 50_000_000  # leaves x features: some five seconds
LESS = 2  # Treelite's operator <; the other one that trees of ours have is <=


@dataclass(frozen=True)
class _Trees:
    """The nodes of some trees, one after the other; in the place of a leaf's children stands -1.

    `goes_left` tells whether the explained row does, `cover` how many train rows came by.
    """

    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    goes_left: np.ndarray
    cover: np.ndarray
    value: np.ndarray
    roots: np.ndarray


def contributions(parts: Sequence[treelite.Model], row: np.ndarray) -> Contributions:
    """Return what each feature of a row adds, in float64; an ensemble may come in parts.

    Raises PipelineError for one so large that nobody would wait for it.
    """
    features = len(row)
    trees = [part.get_tree_accessor(n) for part in parts for n in range(part.num_tree)]
    leaves = sum((len(tree.get_field("cleft")) + 1) // 2 for tree in trees)
    if leaves * features > MOST:
        raise PipelineError(
            f"a model of {leaves:,} leaves and {features} features is too large to be explained"
        )
    expected, amounts = 0.0, np.zeros(features)
    for some in _read(trees, row):
        for depth, own, share, value in _leaves(some, features):
            expected += float(value @ share.prod(axis=1))
            points, weights = _points((min(depth, features) + 1) // 2)
            # At each point, leaf and feature: the chance that the feature lets the row by.
            passing = share + points[:, None, None] * (own - share)
            others = passing.prod(axis=2, keepdims=True) / passing
            amounts += value @ ((own - share) * np.einsum("p,plf->lf", weights, others))
    header = parts[0].get_header_accessor()
    share_of_tree = 1 / len(trees) if header.get_field("average_tree_output")[0] else 1.0
    base = float(header.get_field("base_scores")[0])
    return Contributions(base + expected * share_of_tree, amounts * share_of_tree)


@cache
def _points(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return Gauss-Legendre points between 0 and 1, one at least, and their weights."""
    points, weights = np.polynomial.legendre.leggauss(max(1, count))
    return (points + 1) / 2, weights / 2


def _read(trees: Sequence[Any], row: np.ndarray) -> Iterator[_Trees]:
    """Yield the trees, some at once, as Treelite's accessors give them."""
    fields = ("cleft", "cright", "split_index", "threshold", "default_left", "cmp", "leaf_value")
    parts: list[tuple[np.ndarray, ...]] = []
    roots: list[int] = []
    size = 0
    for number, tree in enumerate(trees, start=1):
        left, right, feature, threshold, default, operator, value = map(tree.get_field, fields)
        # The sum of the rows' weights where there is one: a forest draws a row more than once.
        cover = next(f for f in map(tree.get_field, ("sum_hess", "data_count")) if len(f))
        given = row.astype(threshold.dtype)[feature]
        below = np.where(operator == LESS, given < threshold, given <= threshold)
        sets = category_sets.of([tree])
        if sets is not None:
            levels = sets.levels(row)[feature]
            below = np.where(sets.parts, sets.left(np.arange(len(given)), levels), below)
        goes_left = np.where(np.isnan(given), default, below).astype(bool)
        left, right = (np.where(child < 0, -1, child + size) for child in (left, right))
        parts.append((left, right, feature, goes_left, cover.astype(np.float64), value))
        roots.append(size)
        size += len(value)
        if size * len(row) > AT_ONCE or number == len(trees):
            yield _Trees(*map(np.concatenate, [*zip(*parts, strict=True), (roots,)]))
            parts, roots, size = [], [], 0


def _leaves(
    trees: _Trees, features: int
) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """Yield the leaves by depth: that, two arrays of leaves x features, and the leaves' values.

    The arrays hold, as far as the splits on the feature decide it, whether the row comes to the
    leaf, 1 or 0, and which share of the train rows does. Both are 1 where no split asks for it.
    """
    depth, at = 0, trees.roots
    own = share = np.ones((len(at), features))
    while len(at):
        leaf = trees.left[at] < 0
        if leaf.any():
            yield depth, own[leaf], share[leaf], trees.value[at[leaf]]
        inner, own, share = at[~leaf], np.tile(own[~leaf], (2, 1)), np.tile(share[~leaf], (2, 1))
        depth, at = depth + 1, np.concatenate([trees.left[inner], trees.right[inner]])
        each, split_on = np.arange(len(at)), np.tile(trees.feature[inner], 2)
        goes_left = trees.goes_left[inner]
        own[each, split_on] *= np.concatenate([goes_left, ~goes_left])
        share[each, split_on] *= trees.cover[at] / np.tile(trees.cover[inner], 2)
