"""How numbers and names are written for people: currency, thousands, words."""

import math
import re
from decimal import Decimal
from typing import Any

from sales.contract import Column

SYMBOLS = {"$": "dollar", "€": "euro", "¥": "yen"}  # the units that stand before a number


def amount(value: float, unit: str | None = None, digits: int | None = None) -> str:
    """Return `$1,234.50`, or `1,234.50 min` for a unit that is no currency.

    Two digits follow the point; four that count, where a number below 1 is no currency's.
    """
    if digits is None:
        small = unit not in SYMBOLS and 0 < abs(value) < 1
        digits = 3 - math.floor(math.log10(abs(value))) if small else 2
    text = f"{abs(value):,.{digits}f}"
    sign = "−" if value < 0 and float(text.replace(",", "")) else ""
    if unit in SYMBOLS:
        return f"{sign}{unit}{text}"
    return f"{sign}{text} {unit or ''}".rstrip()


def apart(low: float, high: float, unit: str | None = None) -> tuple[str, str]:
    """Return two amounts with as many digits as it takes to tell them apart, within reason.

    >>> apart(1786.5458, 1786.5532, "$"), apart(1.0, 2.0, "$"), apart(3.0, 3.0, "$")
    (('$1,786.546', '$1,786.553'), ('$1.00', '$2.00'), ('$3.00', '$3.00'))
    """
    for digits in (None, 3, 4, 5, 6):
        found = amount(low, unit, digits), amount(high, unit, digits)
        if found[0] != found[1]:
            return found
    return amount(low, unit), amount(high, unit)


def signed(value: float, unit: str | None = None, digits: int | None = None) -> str:
    """Return a difference with its sign: `+$3.20`, `−$3.20`; none where it shows as nothing."""
    text = amount(value, unit, digits)
    return f"+{text}" if value > 0 and text != amount(0.0, unit, digits) else text


def value_of(value: Any, column: Column | None) -> str:
    """Return a field's value as people read it: `15 %`, `$299.99`, `3`, `yes`, `not known`."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return str(value)
    if column is not None and is_share(column):
        return percent(value)
    if column is not None and column.unit in SYMBOLS:
        return amount(value, column.unit)
    text = f"{value:,.12g}"
    unit = column.unit if column is not None and column.unit else ""
    return f"{text} {unit}".rstrip()


def is_share(column: Column) -> bool:
    """Return whether a number is a part of a whole, which people read in percent: 0 to 1, no unit.

    What is sent and what a file holds stays between 0 and 1.
    """
    ends = (column.min, column.max) == (0, 1)
    return column.role == "numeric" and ends and not column.integer and column.unit is None


def in_percent(share: float) -> float:
    """Return 15.0 for 0.15: the decimals that are written, moved, not multiplied."""
    return float(Decimal(repr(float(share))) * 100)


def from_percent(percent: float) -> float:
    """Return 0.15 for 15.0: what a person who writes the share would write."""
    return float(Decimal(repr(float(percent))) / 100)


def percent(share: float) -> str:
    """Return `15 %` for 0.15."""
    return f"{in_percent(share):,.6g} %"


def small(value: float, digits: int = 2) -> str:
    """Return a measured number with so many decimals at most, never an exponent: `under 0.01`."""
    least = 10.0**-digits
    if 0 < abs(value) < least:
        return f"under {least:.{digits}f}" if value > 0 else f"above −{least:.{digits}f}"
    text = f"{abs(value):,.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"−{text}" if value < 0 else text


def error_size(value: float, unit: str | None = None, digits: int = 2) -> str:
    """Return an error with as many digits as it takes to tell good from very good."""
    if unit not in SYMBOLS:
        return amount(value, unit)
    return amount(value, unit, max(4, digits) if abs(value) < 1 else digits)


def column_format(unit: str | None) -> str:
    """Return the name of Streamlit's number format for a unit."""
    return SYMBOLS.get(unit or "", "localized")


def axis_format(unit: str | None) -> str:
    """Return the d3 format of an axis."""
    return "$,~f" if unit == "$" else ",~f"


def tip_format(unit: str | None) -> str:
    """Return the d3 format of a number in a tooltip."""
    return ",.2f" if unit in SYMBOLS else ",.4~r"


MODELS = {
    "linear_regression": "Linear regression",
    "polynomial_regression": "Polynomial regression",
    "random_forest": "Random forest",
    "hist_gradient_boosting": "Histogram gradient boosting",
    "xgboost": "XGBoost",
    "lightgbm": "LightGBM",
    "ensemble": "Ensemble",
}


def model_name(name: str) -> str:
    """Return a model's name as the field writes it."""
    return MODELS.get(name) or words(name)


def words(name: str) -> str:
    """Return `UnitPrice` as `Unit price`, `amazon_pay` as `Amazon pay`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", name)
    parts = [part if part.isupper() and len(part) > 1 else part.lower() for part in spaced.split()]
    text = " ".join(parts)
    return text[:1].upper() + text[1:]


def group(name: str) -> str:
    """Return `UnitPrice<50` as `Unit price below 50`, `City=Austin` as `City: Austin`."""
    column, sign, value = [*re.split("(>=|<|=)", name, maxsplit=1), "", ""][:3]
    said = {">=": " from ", "<": " below ", "=": ": ", "": ""}[sign]
    return f"{words(column)}{said}{value.replace('..', ' to ')}"


def plain(text: str) -> str:
    """Return text that Markdown shows as it is: two dollar signs would make a formula."""
    return re.sub(r"([\\`*_{}\[\]<>#$~|:])", r"\\\1", text)
