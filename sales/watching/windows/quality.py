"""Whether rows lack values, bring new ones or lie outside of what was seen, more than by chance.

All three are exact: if the window's rows come from where the reference's came from, any row of both
is as likely to be one of them as any other.
"""

import math

from scipy.stats import hypergeom


def more_often(found: float, rows: float, known: int, reference: int) -> float:
    """Return how likely a window has so many such rows of all, where `known` of the reference are.

    Fisher's exact test, one-sided.

    >>> round(more_often(3, 100, 3, 100), 3), round(more_often(12, 100, 3, 100), 3)
    (0.659, 0.014)
    """
    window, many = int(rows), int(found)
    return float(hypergeom.sf(many - 1, reference + window, known + many, window))


def beyond(found: float, rows: float, reference: int) -> float:
    """Return how likely so many rows of a window lie outside of the reference's range by chance.

    That the k rows at the ends of both together are all the window's, for each way in which k rows
    are shared out over the two ends.

    >>> beyond(0, 500, 70_000), round(beyond(3, 500, 70_000), 8)
    (1.0, 1.42e-06)
    """
    many, window = int(found), int(rows)
    if not many:
        return 1.0
    if many > window:
        return 0.0
    together = reference + window
    ways = math.lgamma(window + 1) - math.lgamma(window - many + 1)
    ways -= math.lgamma(together + 1) - math.lgamma(together - many + 1)
    return min(math.exp(ways) * (many + 1), 1.0)


def less_often(found: float, rows: float, known: int, reference: int) -> float:
    """Return how likely a window has so few such rows, where `known` of the reference are.

    >>> round(less_often(90, 100, 900, 1000), 2), less_often(60, 100, 900, 1000) < 1e-9
    (0.55, True)
    """
    window, many = int(rows), int(found)
    return float(hypergeom.cdf(many, reference + window, known + many, window))
