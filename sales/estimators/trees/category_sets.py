"""Splits of trees that part a category's levels into two sets, as Treelite keeps them.

A node lists some levels. A row whose level is among them goes right where the node says that they
do, else left; any other row, of a level that training never saw too, goes to the other side.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

SETS = 2  # Treelite's kind of such a node


@dataclass(frozen=True)
class Sets:
    """A table of bits: a row for each node that parts levels, a bit for each level; 1 is left.

    `of` has for each node its row, 0 where it parts none, as `parts` tells. Beyond the levels that
    any node lists stand those that none does, at the last bit of all.
    """

    parts: np.ndarray
    of: np.ndarray
    bits: np.ndarray

    @property
    def last(self) -> int:
        """The last bit's number."""
        return 8 * self.bits.shape[1] - 1

    def levels(self, row: np.ndarray) -> np.ndarray:
        """Return a row's features as bits' numbers; of numbers, and what is missing, any."""
        listed = (row >= 0) & (row < self.last)  # not so of NaN
        return np.where(listed, row, self.last).astype(np.intp)

    def left(self, nodes: np.ndarray, levels: np.ndarray) -> np.ndarray:
        """Return whether the level at each of some nodes goes left; they all part levels."""
        at = self.of.take(nodes) * self.bits.shape[1] + (levels >> 3)
        return (self.bits.take(at) >> (levels & 7).astype(np.uint8) & 1).astype(bool)


def parted(tree: Any) -> np.ndarray:
    """Return which nodes of a tree part levels; `tree` is Treelite's accessor."""
    return np.asarray(tree.get_field("node_type")) == SETS


def of(trees: list[Any]) -> Sets | None:
    """Return the sets of all trees, their nodes one after the other; None where none parts levels.

    `trees` are Treelite's accessors.
    """
    parts = [parted(tree) for tree in trees]
    if not any(each.any() for each in parts):
        return None
    lists = [_lists(tree, each) for tree, each in zip(trees, parts, strict=True)]
    node, level = (np.concatenate([one[i] for one in lists]) for i in (0, 1))
    every, right = (np.concatenate(each) for each in (parts, [one[2] for one in lists]))
    starts = np.cumsum([0, *(len(each) for each in parts)])[:-1]
    node = node + np.repeat(starts, [len(one[0]) for one in lists])
    of = np.where(every, np.cumsum(every) - 1, 0)
    width = (int(level.max(initial=0)) + 1) // 8 + 1  # bytes: a bit more, for levels of no list
    left = np.repeat(right[every][:, None], 8 * width, axis=1)
    left[of[node], level] = ~right[node]
    return Sets(every, of, np.packbits(left, axis=1, bitorder="little"))


def _lists(tree: Any, parts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return nodes and the levels that they list, side by side, and of all whether those go right.

    In the place of a node that parts no levels stands nothing that counts.
    """
    names = ("category_list", "category_list_begin", "category_list_end")
    levels, begin, end = (np.asarray(tree.get_field(n)).astype(np.intp) for n in names)
    right = np.asarray(tree.get_field("category_list_right_child")).astype(bool)
    if not parts.any():
        nothing = np.zeros(0, np.intp)
        return nothing, nothing, np.zeros(len(parts), bool)
    at = np.flatnonzero(parts)
    counts = (end - begin)[at]
    places = np.concatenate([levels[begin[i] : end[i]] for i in at.tolist()])
    return np.repeat(at, counts), places, right
