"""Whether every level of chosen columns is served about as well as all rows are.

A slice's error (slices.py) is held to a wide limit, and small slices are left out. Inclusion is
asked of columns that a person names, such as where somebody lives: none of their levels may be
left out, however rare. A rare level's error is not known well, so its sampling error is allowed.
"""

import math
from collections.abc import Mapping

from scipy.special import stdtrit

from sales.judging.slices import SliceKey
from sales.judging.tallies import Tally, significant

CONFIDENCE = 0.95  # that no level is found fault with for chance alone, all levels together


def told(
    whole: Tally, levels: Mapping[SliceKey, Tally], fewest: int
) -> dict[str, float | str | int | None]:
    """Return how the worst level's RMSE compares with that of all rows.

    `ratio` is what the gate holds to its limit: the least ratio of both that the level's rows allow
    for, the largest of all levels. `level` names the one it is of, `measured` is its ratio as it
    was counted. `few_rows` names levels of fewer rows than `fewest`: their errors are hardly
    known, so that they can be served badly and pass. Nothing where no column is named.
    """
    if not levels:
        return {}
    least = {key: beyond_chance(whole, one, len(levels)) for key, one in levels.items()}
    # A level whose error is not finite is the worst of all, and has no ratio.
    worst = max(sorted(levels), key=lambda key: math.inf if math.isnan(least[key]) else least[key])
    few = sorted(key for key, one in levels.items() if one.rows < fewest)
    return {
        "ratio": significant(least[worst]),
        "level": worst[2],
        "measured": significant(_ratio(whole, levels[worst])),
        "rows": levels[worst].rows,
        "levels": len(levels),
        "few_rows": ", ".join(name for _, _, name in few),
    }


def beyond_chance(whole: Tally, level: Tally, levels: int = 1) -> float:
    """Return the lower end of the ratio of a level's RMSE to that of all rows, its own among them.

    By the delta method on the logarithm of the ratio. The level's rows and the others are
    independent samples of squared errors; the means of both have the variance that their sums of
    squares and fourth powers tell. The end is Student's with the level's degrees of freedom, one
    side, and by Bonferroni's correction for so many levels. 0 where a level has a single row, of
    which nothing is known; NaN where an error is not finite.
    """
    ratio = _ratio(whole, level)
    if math.isnan(ratio) or not (math.isfinite(level.fourth) and math.isfinite(whole.fourth)):
        return math.nan
    if level.rows < 2:
        return 0.0
    if not ratio or not whole.squares:
        return ratio
    rest = whole.rows - level.rows
    share = level.rows / whole.rows
    mean_all, mean = whole.squares / whole.rows, level.squares / level.rows
    own = (1 / mean - share / mean_all) ** 2 * _variance(level.squares, level.fourth, level.rows)
    others = ((1 - share) / mean_all) ** 2 * _variance(
        whole.squares - level.squares, whole.fourth - level.fourth, rest
    )
    away = -float(stdtrit(level.rows - 1, (1 - CONFIDENCE) / levels))
    return ratio * math.exp(-away * math.sqrt(own + others) / 2)


def _ratio(whole: Tally, level: Tally) -> float:
    """Return a level's RMSE against that of all rows; 1 where nobody errs at all."""
    if not whole.squares:
        return 1.0
    return level.rmse / whole.rmse


def _variance(squares: float, fourth: float, rows: int) -> float:
    """Return the variance of the mean squared error of so many rows."""
    if rows < 2:
        return 0.0
    return max(fourth / rows - (squares / rows) ** 2, 0.0) / (rows - 1)
