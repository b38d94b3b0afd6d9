"""The range that a column of numbers is drafted with, and how numbers and units are told."""

import math
import re

from sales.contract import cells
from sales.drafting.forms import Fit

UNIT = re.compile(r"[(\[]([^()\[\]]{1,12})[)\]]\s*$|\bin ([€$£¥%]|m²|m2|km|kg|cm|mm|[A-Z]{3})$")


def of(fit: Fit) -> dict[str, float | int]:
    """Return a least and a greatest value with room for what may come.

    >>> of(Fit(3, 0, 0.2, 5.01)), of(Fit(3, 3, -7, 12))
    ({'min': 0, 'max': 10}, {'min': -20, 'max': 50})
    """
    span = fit.high - fit.low or abs(fit.high) or 1.0
    high = _round_up(fit.high + span / 2)
    low = 0 if fit.low >= 0 else -_round_up(-fit.low + span / 2)
    if not (math.isfinite(high) and math.isfinite(low) and max(high, -low) < 1e300):
        return {}
    return {"min": low, "max": high}


def _round_up(number: float) -> float | int:
    """Return the next of 1, 2 or 5 times a power of ten; 0 for what is below.

    >>> _round_up(7.4), _round_up(0.013), _round_up(-3)
    (10, 0.02, 0)
    """
    if number <= 0:
        return 0
    power = math.floor(math.log10(number))
    for digit in (1, 2, 5, 10):
        found = float(f"{digit}e{power}")
        if found >= number:
            return int(found) if found >= 1 and found < cells.WHOLE else found
    return number


def shown(number: float) -> str:
    """Return a number as a person reads it."""
    if number % 1 == 0 and abs(number) < 10_000:
        return f"{number:.0f}"  # it may be a year
    return f"{number:,.6g}" if abs(number) < 1e6 else f"{number:.6g}"


def unit(name: str) -> dict[str, str]:
    """Return the unit that a column's name tells, as the contract has it.

    >>> unit("Area (m²)"), unit("price in €"), unit("price")
    ({'unit': 'm²'}, {'unit': '€'}, {})
    """
    found = UNIT.search(name)
    return {"unit": (found[1] or found[2]).strip()} if found else {}
