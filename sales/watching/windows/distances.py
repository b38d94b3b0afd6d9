"""How far the rows of a window lie from the reference's, field by field, in units that people read.

Of numbers the Wasserstein distance, in standard deviations of the train rows: 0.1 is what a shift
of all values by a tenth of one makes. Of categories the total variation: 0.1 means that one row of
ten has another level than it would have had. Rows that lack a value are left out of both.
"""

import numpy as np

from sales.judging.shapes import Levels, Numbers, Shape


def distance(shape: Shape, counts: np.ndarray, against: np.ndarray | None = None) -> np.ndarray:
    """Return how far counts by the shape's cells are from the shape's own, or from others.

    The last axis of both is of cells; the result has the others. NaN where there are no rows.
    """
    known = own(shape) if against is None else against
    if isinstance(shape, Levels):
        apart = _shares(_folded(counts)) - _shares(_folded(known))
        return np.abs(apart).sum(axis=-1) / 2
    return _between(shape, _shares(counts) - _shares(known))


def _folded(counts: np.ndarray) -> np.ndarray:
    """Return counts with rare levels and new ones together: where many are rare new ones come."""
    rest = counts[..., -2:].sum(axis=-1, keepdims=True)
    return np.concatenate([counts[..., :-2], rest], axis=-1)


def own(shape: Shape) -> np.ndarray:
    """Return the reference's counts by cell; of a level that nobody knew there are none."""
    counts = shape.counts.astype(np.float64)
    return np.append(counts, (shape.others, 0.0)) if isinstance(shape, Levels) else counts


def unit(shape: Shape) -> str:
    """Return what a distance is measured in."""
    return "share" if isinstance(shape, Levels) else "SD"


def _shares(counts: np.ndarray) -> np.ndarray:
    rows = counts.sum(axis=-1, keepdims=True, dtype=np.float64)
    return np.divide(counts, rows, out=np.full(counts.shape, np.nan), where=rows > 0)


def _between(shape: Numbers, apart: np.ndarray) -> np.ndarray:
    """Return the area between two distribution functions, in standard deviations.

    Within a bin rows are taken to lie evenly, so that both functions are lines there. Rows outside
    of the reference's range count as at its end: how far outside they are is another question.
    """
    if not shape.spread:
        return np.zeros(apart.shape[:-1])
    above = np.cumsum(apart, axis=-1)
    widths = np.diff(shape.edges)
    if shape.discrete:
        area = np.abs(above[..., :-1]) * widths
    else:
        right = above
        left = np.concatenate([np.zeros((*above.shape[:-1], 1)), above[..., :-1]], axis=-1)
        sides = np.abs(left) + np.abs(right)
        crossing = np.divide(
            np.square(left) + np.square(right), sides, out=np.zeros_like(sides), where=sides > 0
        )
        area = np.where(left * right < 0, crossing, sides) / 2 * widths
    return area.sum(axis=-1) / shape.spread
