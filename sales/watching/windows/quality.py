"""Whether rows lack values, bring new ones or lie outside of what was seen, more than by chance.

If the window's rows come from where the reference's came from, any row of both is as likely to be
one of them as any other: so the tests are exact, but for `unseen`, as new values come in clumps.
"""

import math

from scipy.stats import hypergeom


def more_often(found: float, rows: float, known: int, reference: int) -> float:
    """Return how likely a window has so many such rows of all, where `known` of the reference are.

    Fisher's exact test, one-sided.

    >>> round(more_often(3, 100, 3, 100), 3), round(more_often(12, 100, 3, 100), 3)
    (0.659, 0.014)
    """
    window, many = _whole(rows), _whole(found)
    return float(hypergeom.sf(many - 1, reference + window, known + many, window))


def unseen(found: float, rows: float, once: int, twice: int, reference: int) -> float:
    """Return how likely a window has so many rows with a level that no reference row has.

    So often as the reference has a level once a new row has one that it has not (Good 1953). By how
    much that is off in a sample the levels that come twice tell besides (Esty 1983): its variance
    is that of a smaller reference, which Fisher's test is asked with. Each level counts as if it
    came once more, as few tell little.

    >>> round(unseen(30, 100, 20, 20, 100), 3), round(more_often(30, 100, 20, 100), 3)
    (0.133, 0.071)
    """
    part = (once + 1) / (once + 2 + twice)
    return more_often(found, rows, int(once * part), max(int(reference * part), 1))


def beyond(found: float, rows: float, reference: int) -> float:
    """Return how likely so many rows of a window lie outside of the reference's range by chance.

    That the k rows at the ends of both together are all the window's, for each way in which k rows
    are shared out over the two ends.

    >>> beyond(0, 500, 70_000), round(beyond(3, 500, 70_000), 8)
    (1.0, 1.42e-06)
    """
    many, window = _whole(found), _whole(rows)
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
    window, many = _whole(rows), _whole(found)
    return float(hypergeom.cdf(many, reference + window, known + many, window))


def _whole(rows: float) -> int:
    """Return so many rows as a whole number: weighted ones are some, and 11.999999 are 12."""
    return int(rows + 1e-6)
