"""Where an axis has its marks: round numbers, one at each end, none where nothing can be."""

import math

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
LEAST = 1e-300  # below it numbers have too few digits to be divided


def ticks(low: float, high: float, most: int = 5, *, whole: bool = False) -> list[float]:
    """Return round numbers from one at or below `low` to one at or above `high`.

    There are at most `most` steps between them; of whole numbers, whole steps.
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = 0.0, 1.0
    if whole:
        low, high = float(math.floor(low)), float(math.ceil(high))
    if high - low <= max(1e-9 * max(abs(low), abs(high)), LEAST):  # one value, as far as marks tell
        around = abs(low) / 2 if abs(low) > LEAST else 1.0
        low, high = low - around, low + around
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    power = max(power, 1.0) if whole else power
    for step in (size * scale for scale in (power, 10 * power) for size in STEPS):
        if whole and step % 1:
            continue
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if last - first <= most:
            break
    return [_round(place * step) for place in range(first, last + 1)]


def _round(value: float) -> float:
    """Return 0.3 for 0.30000000000000004."""
    return float(f"{value:.12g}")
