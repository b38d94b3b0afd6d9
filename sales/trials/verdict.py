"""The verdict on a challenger, from sums: better, worse, equal, or not yet, and how far it is."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sales.trials import confidence_sequence, losses
from sales.trials.paired_sums import PairedSums

What = Literal["better", "worse", "equal", "not yet"]


@dataclass(frozen=True)
class Rules:
    """What was set before the first truth, and does not change as they come.

    `margin_pct` is by how many percent of RMSE (or MAE) a challenger must be better to be worth
    it; `least_units` is below how many the sequence does not speak, as no limit theorem holds yet;
    `tightest_at` is the number of units for which it is made.
    """

    alpha: float
    margin_pct: float
    least_units: int
    tightest_at: float
    loss: losses.Kind = "squared"
    bound: float | None = None

    @property
    def rate(self) -> float:
        """The sequence's r²."""
        return confidence_sequence.rate(self.alpha, self.tightest_at)


@dataclass(frozen=True)
class Verdict:
    """What the truths so far say: by how many percent the challenger is better, and between what.

    `rows_needed` is about how many more truths a verdict takes, if the figures stay what they are;
    None where there is one, or where it cannot be told.
    """

    what: What
    units: int
    rows: int
    improvement_pct: float
    low_pct: float
    high_pct: float
    rows_needed: int | None = None


def of(sums: PairedSums, rules: Rules) -> Verdict:
    """Return the verdict.

    Better: the interval is above zero, and what was seen is worth `margin_pct`. Equal: the interval
    is within the margin to both sides. Worse: it is below zero. The margin is in percent of the
    champion's mean loss as it is seen, of which chance has a small part that is not counted; what
    is above or below zero does not depend on it.
    """
    if sums.units < 2:
        few = rules.least_units - int(sums.units)
        return Verdict("not yet", int(sums.units), int(sums.rows), 0.0, -math.inf, math.inf, few)
    mean, champion, deviation = sums.mean, sums.champion_loss, sums.deviation
    half = deviation * float(
        confidence_sequence.width(np.array(sums.units), rules.alpha, rules.rate)
    )
    improvement, low, high = losses.improvement_pct(
        np.array([mean, mean - half, mean + half]), champion, rules.loss
    ).tolist()
    what: What = "not yet"
    if sums.units >= rules.least_units:
        what = decided(improvement, low, high, rules.margin_pct)
    needed = _rows_needed(sums, rules) if what == "not yet" else None
    return Verdict(what, int(sums.units), int(sums.rows), improvement, low, high, needed)


def decided(improvement_pct: float, low_pct: float, high_pct: float, margin_pct: float) -> What:
    """Return the verdict by an interval in percent.

    >>> [decided(*told, 1.0) for told in ((3, 1, 5), (0.4, 0.1, 0.9), (-2, -3, -1))]
    ['better', 'equal', 'worse']
    """
    if -margin_pct <= low_pct and high_pct <= margin_pct:
        return "equal"
    if low_pct > 0 and improvement_pct >= margin_pct:
        return "better"
    return "worse" if high_pct < 0 else "not yet"


def _rows_needed(sums: PairedSums, rules: Rules) -> int | None:
    """Return about how many more rows it takes: until zero, or one side of the margin, is out."""
    mean, champion, deviation = sums.mean, sums.champion_loss, sums.deviation
    above, below = (
        losses.saved_by(pct, champion, rules.loss) for pct in (rules.margin_pct, -rules.margin_pct)
    )
    enough = 0.0
    if deviation > 0:
        worth = mean < 0 or mean >= above
        goals = [abs(mean) if worth else 0.0, min(above - mean, mean - below)]
        enough = confidence_sequence.units_until(max(goals) / deviation, rules.alpha, rules.rate)
    units = max(enough, rules.least_units) - sums.units
    return math.ceil(units * sums.rows / sums.units) if math.isfinite(units) else None
