"""Whether the error of a slice is worse than that of the reference's rows of it.

A slice has few rows, in the window as in the reference, and errors of its own kind. So it is not
its RMSE that is asked whether it is more than chance, but how many errors are above some that were
marked in the reference: above what a third of its rows had, a twentieth, and none. The answer is
exact however few rows there are, and whatever errors are like (quality.more_often).
"""

import math
from typing import Any

from sales.judging.marks import MARKED
from sales.judging.reference import Reference
from sales.judging.tallies import significant
from sales.watching.windows import chance, quality
from sales.watching.windows.came_true import SliceSums
from sales.watching.windows.settings import WatchParams

FEWEST = 30  # truths of a slice, to tell its error


def judged(
    name: str,
    sums: SliceSums,
    reference: Reference,
    settings: WatchParams,
    part: float,
    whole: float,
) -> dict[str, Any]:
    """Return by how many percent a slice is worse than was promised, and whether it alarms.

    All slices together alarm as seldom as was asked for. Where the error of all rows alarms, being
    `whole` percent worse, a slice does only where it is that much worse than they.
    """
    promised, marks = reference.slice_rmse.get(name), reference.slice_marks.get(name)
    if marks is None or promised is None:
        return {"worse_pct": None, "more_than_chance": False, "alarm": False}
    least = chance.SLICES * settings.false_alarm_pct / 100 * part
    least /= len(MARKED) * len(reference.slice_marks)
    rows = sums.effective
    likely = (
        quality.more_often(above / sums.weight * rows, rows, known, marks.rows)
        for above, known in zip(sums.above, marks.above, strict=True)
    )
    rmse = math.sqrt(sums.squares / sums.weight)
    times = rmse / promised if promised else math.inf if rmse else 1.0
    beyond = min(likely) < least
    large = times >= (1 + whole / 100) * (1 + settings.large.rmse_pct / 100)
    quiet = reference.column_of(name) in settings.quiet
    return {
        "worse_pct": significant(min(100 * (times - 1), 1e9)),
        "more_than_chance": beyond,
        "alarm": beyond and large and not quiet,
    }
