"""The error on rows that came true, against what the test rows promise; and else an estimate of it.

The estimate weighs the test rows' squared errors by the bands into which the window's predictions
fall. It sees that the mix of rows has changed, and not that the truth has.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from sales.judging.reference import PREDICTION, Reference
from sales.judging.tallies import NORMAL_95, significant
from sales.watching.windows import chance, quality, slice_error
from sales.watching.windows.came_true import Sums
from sales.watching.windows.settings import WatchParams
from sales.watching.windows.sketches import Sketch

QUESTIONS = 4  # the clipped RMSE, errors larger than any, bias, coverage


@dataclass(frozen=True)
class ErrorLimits:
    """By which factor chance lifts the clipped RMSE of `rows` rows.

    And by which it lifts that of a window that has not ended.
    """

    rows: int
    ratio: float
    open_ratio: float

    def threshold(self, rows: float, reference: int, part: float) -> float:
        """Return that factor at another size: its logarithm goes as sampling noise does."""
        ratio = self.ratio if part == 1.0 else self.open_ratio
        noise = math.sqrt((1 / rows + 1 / reference) / (1 / self.rows + 1 / reference))
        return math.exp(math.log(max(ratio, 1.0)) * noise)


def limits(reference: Reference, rows: float, false_alarm_pct: float) -> ErrorLimits:
    """Return what chance makes of the errors at the size that stands for so many rows."""
    size = chance.size(rows)
    pct = chance.ERROR / QUESTIONS * false_alarm_pct
    return ErrorLimits(size, *chance.error_ratio(reference.errors, size, pct))


def error(
    sketch: Sketch, reference: Reference, limit: ErrorLimits, settings: WatchParams, part: float
) -> dict[str, Any]:
    """Return the error of the rows that came true, and whether it is worse than was promised."""
    sums, promised = sketch.errors, reference.errors
    rmse, low, high = _rmse(sums)
    bias = sums.signed / sums.weight
    spread = math.sqrt(max(sums.squares / sums.weight - bias**2, 0.0))
    off = NORMAL_95 * spread / math.sqrt(sums.effective)
    worse = 100 * (_ratio(rmse, promised.rmse) - 1)
    by_chance = limit.threshold(sums.effective, promised.rows, part)
    least = chance.ERROR / QUESTIONS * settings.false_alarm_pct / 100 * part
    # Errors have heavy tails: of a few rows an RMSE says little. So whether it is more than chance
    # is asked of errors that are clipped, and of how many are larger than any that was known.
    clipped = _ratio(math.sqrt(sums.clipped / sums.weight), promised.clipped)
    many = sums.beyond / sums.weight * sums.effective
    strange = quality.beyond(many, sums.effective, promised.rows) < least
    beyond = bool(clipped > by_chance or strange)
    large = beyond and worse >= settings.large.rmse_pct
    held = _held(sums, reference, settings, least)
    return {
        "rmse": significant(rmse),
        "rmse_low": significant(low),
        "rmse_high": significant(high),
        "mae": significant(sums.absolute / sums.weight),
        "bias": significant(bias),
        "bias_low": significant(bias - off),
        "bias_high": significant(bias + off),
        "worse_pct": significant(min(worse, 1e9)),
        "clipped_pct": significant(min(100 * (clipped - 1), 1e9)),
        "threshold_pct": significant(100 * (by_chance - 1)),
        "more_than_chance": beyond,
        "rmse_alarm": large,
        "bias_alarm": _biased(bias, sums.effective, reference, settings, least),
        **held,
        "slices": _slices(sketch, reference, settings, part, worse if large else 0.0),
    }


def _ratio(rmse: float, promised: float) -> float:
    if promised:
        return rmse / promised
    return math.inf if rmse else 1.0


def _rmse(sums: Sums) -> tuple[float, float, float]:
    """Return the RMSE, and between which two it lies 95 times of a hundred."""
    mean = sums.squares / sums.weight
    if not mean or sums.effective < 2:
        return math.sqrt(mean), math.sqrt(mean), math.sqrt(mean)
    variance = max(sums.fourths / sums.weight - mean**2, 0.0) / (sums.effective - 1)
    off = math.exp(NORMAL_95 * math.sqrt(variance) / (2 * mean))
    return math.sqrt(mean), math.sqrt(mean) / off, math.sqrt(mean) * off


def _biased(
    bias: float, rows: float, reference: Reference, settings: WatchParams, least: float
) -> bool:
    """Return whether predictions lie to one side by more than the test rows' did."""
    promised = reference.errors
    variance = max(promised.rmse**2 - promised.bias**2, 0.0)
    apart = abs(bias - promised.bias)
    noise = math.sqrt(variance * (1 / rows + 1 / promised.rows))
    return bool(
        apart > norm.isf(least / 2) * noise
        and apart >= settings.large.bias_pct / 100 * promised.rmse
        and apart > 0
    )


def _held(sums: Sums, reference: Reference, settings: WatchParams, least: float) -> dict[str, Any]:
    """Return how many rows lie within their interval, with Wilson's interval of that."""
    told = ("coverage_pct", "coverage_low", "coverage_high")
    promised = reference.errors
    if not sums.bounded or promised.held is None:
        return {**dict.fromkeys(told), "coverage_alarm": False}
    share = sums.held / sums.bounded
    rows = sums.effective * sums.bounded / sums.weight
    z = NORMAL_95**2
    middle = (share + z / (2 * rows)) / (1 + z / rows)
    off = NORMAL_95 * math.sqrt(share * (1 - share) / rows + z / (4 * rows**2)) / (1 + z / rows)
    before = promised.held / promised.rows
    likely = quality.less_often(math.ceil(share * rows), rows, promised.held, promised.rows)
    large = 100 * (before - share) >= settings.large.coverage_points
    found = [significant(100 * x) for x in (share, max(middle - off, 0.0), min(middle + off, 1.0))]
    return {**dict(zip(told, found, strict=True)), "coverage_alarm": likely < least and large}


def _slices(
    sketch: Sketch, reference: Reference, settings: WatchParams, part: float, whole: float
) -> list[dict[str, Any]]:
    told = []
    for name, sums in sorted(sketch.slices.items()):
        if sums.rows < slice_error.FEWEST:
            continue
        rmse, low, high = map(significant, _rmse(sums))
        held = significant(100 * sums.held / sums.bounded) if sums.bounded else None
        told.append(
            {
                "slice": name,
                "truths": sums.rows,
                "rmse": rmse,
                "rmse_low": low,
                "rmse_high": high,
                "promised_rmse": reference.slice_rmse.get(name),
                "coverage_pct": held,
                **slice_error.judged(name, sums, reference, settings, part, whole),
            }
        )
    return told


def estimated(sketch: Sketch, reference: Reference) -> dict[str, Any] | None:
    """Return what the test rows' errors let expect of the window's mix of predictions."""
    cells = sketch.fields.get(PREDICTION)
    errors = reference.errors
    if cells is None or not cells.counts[:-1].sum():
        return None
    shares = cells.counts[:-1] / cells.counts[:-1].sum()
    rows = np.maximum(errors.band_rows, 1)
    means = errors.squares / rows
    mean = float(shares @ means)
    if not mean:
        return dict.fromkeys(("rmse", "rmse_low", "rmse_high"), 0.0) | {
            "promised_rmse": errors.rmse
        }
    of_bands = np.maximum(errors.fourths / rows - means**2, 0.0) / rows
    of_shares = max(float(shares @ means**2) - mean**2, 0.0) / sketch.effective
    variance = float(shares**2 @ of_bands) + of_shares
    off = math.exp(NORMAL_95 * math.sqrt(variance) / (2 * mean))
    rmse = math.sqrt(mean)
    told = {"rmse": rmse, "rmse_low": rmse / off, "rmse_high": rmse * off}
    return {key: significant(x) for key, x in told.items()} | {"promised_rmse": errors.rmse}
