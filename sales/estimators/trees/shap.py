"""What each feature adds to the prediction of a tree ensemble: path-dependent TreeSHAP.

The game is that of Lundberg et al. (2020, "From local explanations to global understanding with
explainable AI for trees"): at a split on a feature that is not known, both branches count, weighted
by the train rows that went down each. Its Shapley values are computed another way: as Owen's
integral ("Multilinear Extensions of Games", 1972) of a feature's effect while each other one is
known with the probability t, over t from 0 to 1. At a leaf the effect is a polynomial in t, of a
degree below the number of features on its path, and a few Gauss-Legendre points integrate it
exactly.

What a row does not change is found once an ensemble, by `of`: the leaves' paths. All splits of a
path on one feature together are one condition, an interval or a set of levels, and the share of
the train rows that meet it. A row then costs a comparison a condition, and some multiplications a
leaf: milliseconds where the libraries' own TreeSHAP takes ten times as long.
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
from sales.estimators.trees.category_sets import Sets

AT_ONCE = 500_000  # nodes x features whose paths are found together: some 20 MB
STEPS_AT_ONCE = 32_768  # of paths, by which one row is explained: in a core's own cache
MOST = 50_000_000  # leaves x features: some ten seconds, the first time
LESS = 2  # Treelite's operator <; the other one that trees of ours have is <=
LEAST_SHARE = 1e-12  # of the train rows, where none came by
LARGEST = np.finfo(np.float64).max


@dataclass(frozen=True)
class _Conditions:
    """What paths ask of a row, those on one feature side by side: `starts` tells where each begins.

    A value meets a condition from `lower` on and below `upper`, and `missing` tells whether none
    does. `gain` is 1 / the share of the train rows that do, of those which the splits on other
    features let by. Where a category's levels are parted, `levels` has a bit for each, 1 where it
    meets the condition.
    """

    starts: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    missing: np.ndarray
    gain: np.ndarray
    levels: np.ndarray | None

    def met(self, row: np.ndarray, sets: Sets | None) -> np.ndarray:
        """Return which conditions a row meets."""
        found = np.empty(len(self.lower), bool)
        levels = None if sets is None else sets.levels(row)
        for feature, value in enumerate(np.clip(row, -LARGEST, LARGEST).tolist()):
            its = slice(self.starts[feature], self.starts[feature + 1])
            if np.isnan(value):
                found[its] = self.missing[its]
                continue
            found[its] = (self.lower[its] <= value) & (value < self.upper[its])
            if self.levels is not None and levels is not None:
                level = int(levels[feature])
                found[its] &= (self.levels[its, level >> 3] >> (level & 7) & 1).astype(bool)
        return found


@dataclass(frozen=True)
class _Leaves:
    """Leaves whose paths ask of equally many features, `steps` (features x leaves) what.

    `weight` is a leaf's value times the share of all train rows that came there.
    """

    steps: np.ndarray
    feature: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True)
class Paths:
    """The paths to all leaves of an ensemble, as far as they depend on no row."""

    dtype: np.dtype
    conditions: _Conditions
    leaves: tuple[_Leaves, ...]
    sets: Sets | None
    base: float
    expected: float
    share_of_tree: float

    def contributions(self, row: np.ndarray) -> Contributions:
        """Return what each feature of a row adds, in float64."""
        given = row.astype(self.dtype).astype(np.float64)
        met = self.conditions.met(given, self.sets)
        gains = np.where(met, self.conditions.gain, 0.0)
        amounts = np.zeros(len(row))
        for leaves in self.leaves:
            features, count = leaves.steps.shape
            at_once = max(1, STEPS_AT_ONCE // features)
            for first in range(0, count, at_once):
                some = slice(first, first + at_once)
                added = _added(gains.take(leaves.steps[:, some]), leaves.weight[some])
                by = leaves.feature[:, some].ravel()
                amounts += np.bincount(by, added.ravel(), minlength=len(row))
        amounts *= self.share_of_tree
        return Contributions(self.base + self.expected * self.share_of_tree, amounts)


def of(parts: Sequence[treelite.Model]) -> Paths:
    """Return the paths of an ensemble, which may come in parts.

    Raises PipelineError for one so large that nobody would wait for it.
    """
    header = parts[0].get_header_accessor()
    features = int(header.get_field("num_feature")[0])
    trees = [part.get_tree_accessor(n) for part in parts for n in range(part.num_tree)]
    nodes = [len(tree.get_field("cleft")) for tree in trees]
    leaves = sum((count + 1) // 2 for count in nodes)
    if leaves * features > MOST:
        raise PipelineError(
            f"a model of {leaves:,} leaves and {features} features is too large to be explained"
        )
    sets = category_sets.of(trees)
    found, by_count, before = [], dict[int, list[tuple[np.ndarray, np.ndarray]]](), 0
    for some in _together(trees, nodes, features):
        asked, ways = _found(some, features, sets, before)
        for steps, value in ways:
            by_count.setdefault(len(steps), []).append((steps + before, value))
        found.append(asked)
        before += len(asked[0])
    feature, lower, upper, missing, share, *levels = map(np.concatenate, zip(*found, strict=True))
    order = np.argsort(feature, kind="stable")
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order))
    expected, laid_out = 0.0, []
    for count, some_ways in sorted(by_count.items()):
        steps = np.concatenate([steps for steps, _ in some_ways], axis=1)
        weight = np.concatenate([value for _, value in some_ways]) * share[steps].prod(axis=0)
        expected += float(weight.sum())
        if count:
            laid_out.append(_Leaves(place[steps], feature[steps], weight))
    return Paths(
        trees[0].get_field("threshold").dtype,
        _Conditions(
            np.searchsorted(feature[order], np.arange(features + 1)),
            lower[order],
            upper[order],
            missing[order],
            1 / share[order],
            levels[0][order] if levels else None,
        ),
        tuple(laid_out),
        sets,
        float(header.get_field("base_scores")[0]),
        expected,
        1 / len(trees) if header.get_field("average_tree_output")[0] else 1.0,
    )


def _added(gains: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return what each step of some leaves' paths adds; `gains` are features x leaves.

    A step's gain is 1 / share where the row meets it, else 0: by so much the leaf's weight grows
    as the feature is known. Known with the probability t, it is 1 + t (gain - 1) in the mean.
    """
    points, weights = _points((len(gains) + 1) // 2)
    added, factor = np.zeros_like(gains), np.empty_like(gains)
    for point, of_point in zip(points.tolist(), weights.tolist(), strict=True):
        np.multiply(gains, point, out=factor)
        factor += 1 - point
        whole = np.multiply.reduce(factor, axis=0)
        whole *= weight * of_point
        np.divide(whole, factor, out=factor)
        added += factor
    gains -= 1
    added *= gains
    return added


@cache
def _points(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return Gauss-Legendre points between 0 and 1, one at least, and their weights."""
    points, weights = np.polynomial.legendre.leggauss(max(1, count))
    return (points + 1) / 2, weights / 2


def _together(trees: Sequence[Any], nodes: Sequence[int], features: int) -> Iterator[list[Any]]:
    """Yield the trees, as many at once as AT_ONCE lets, one at least."""
    some: list[Any] = []
    size = 0
    for tree, count in zip(trees, nodes, strict=True):
        if some and (size + count) * features > AT_ONCE:
            yield some
            some, size = [], 0
        some.append(tree)
        size += count
    yield some


def _found(
    trees: Sequence[Any], features: int, sets: Sets | None, before: int
) -> tuple[tuple[np.ndarray, ...], list[tuple[np.ndarray, np.ndarray]]]:
    """Return the conditions of some trees, and their leaves' steps and values by their number.

    There is a condition for each node but the roots: that of all splits above it on the feature on
    which its parent splits. Their fields are those of _Conditions, after the feature's number.
    `before` is how many nodes the trees have that come before these.
    """
    left, right, split_on, cut, default, cover, value, roots = _joined(trees)
    nodes = len(left)
    feature = np.full(nodes, features, np.int8 if features < 127 else np.int32)  # of a root, none
    lower, upper = np.full(nodes, -np.inf), np.full(nodes, np.inf)
    missing, share = np.ones(nodes, bool), np.ones(nodes)
    levels = [] if sets is None else [np.full((nodes, sets.bits.shape[1]), 255, np.uint8)]
    ways: list[tuple[np.ndarray, np.ndarray]] = []
    at, last = roots, np.full((len(roots), features), -1, np.int32)
    while len(at):
        leaf = left[at] < 0
        ways += _by_count(last[leaf], value[at[leaf]])
        parents, last = at[~leaf], last[~leaf]
        asked = split_on[parents]
        each = np.arange(len(parents))
        above = last[each, asked]
        known = above >= 0
        below = []
        for child, goes_left in ((left[parents], True), (right[parents], False)):
            feature[child] = asked
            lower[child] = np.where(known, lower[above], -np.inf)
            upper[child] = np.where(known, upper[above], np.inf)
            side, keep = (upper, np.fmin) if goes_left else (lower, np.fmax)
            side[child] = keep(side[child], cut[parents])
            missing[child] = (~known | missing[above]) & (default[parents] == goes_left)
            own = np.maximum(cover[child] / cover[parents], LEAST_SHARE)
            share[child] = np.where(known, share[above], 1.0) * own
            if sets is not None:
                bits = _bits(sets, parents + before, goes_left)
                levels[0][child] = np.where(known[:, None], levels[0][above], 255) & bits
            taken = last.copy()
            taken[each, asked] = child
            below.append(taken)
        at = np.concatenate([left[parents], right[parents]])
        last = np.concatenate(below)
    return (feature, lower, upper, missing, share, *levels), ways


def _bits(sets: Sets, nodes: np.ndarray, goes_left: bool) -> np.ndarray:
    """Return which levels each node sends to that side; all, where it parts none."""
    bits = sets.bits[sets.of[nodes]]
    return np.where(sets.parts[nodes][:, None], bits if goes_left else ~bits, np.uint8(255))


def _by_count(last: np.ndarray, value: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield steps (features x leaves) and values of leaves, by how many features are asked."""
    asked = last >= 0
    counts = asked.sum(axis=1)
    for count in np.unique(counts).tolist():
        those = counts == count
        steps = last[those][asked[those]].reshape(int(those.sum()), count)
        yield np.ascontiguousarray(steps.T), value[those]


def _joined(trees: Sequence[Any]) -> tuple[np.ndarray, ...]:
    """Return the nodes of some trees, one after the other, as Treelite's accessors give them.

    These are children, -1 in the place of a leaf's; the feature; the cut, below which a value goes
    left, whatever the operator (of a node that parts levels, NaN); whether a missing value goes
    left; how many train rows came by; a leaf's value. The last are the trees' first nodes.
    """
    parts: list[tuple[np.ndarray, ...]] = []
    roots, size = [], 0
    for tree in trees:
        left, right, split_on, threshold, default, operator, value = map(
            tree.get_field,
            ("cleft", "cright", "split_index", "threshold", "default_left", "cmp", "leaf_value"),
        )
        # The sum of the rows' weights where there is one: a forest draws a row more than once.
        cover = next(f for f in map(tree.get_field, ("sum_hess", "data_count")) if len(f))
        cut = threshold.astype(np.float64)
        cut = np.where(operator == LESS, cut, np.nextafter(cut, np.inf))
        cut[category_sets.parted(tree)] = np.nan
        children = (np.where(child < 0, -1, child + size) for child in (left, right))
        rest = (default.astype(bool), cover.astype(np.float64), value.astype(np.float64))
        parts.append((*children, np.maximum(split_on, 0), cut, *rest))
        roots.append(size)
        size += len(value)
    return (*map(np.concatenate, zip(*parts, strict=True)), np.array(roots))
