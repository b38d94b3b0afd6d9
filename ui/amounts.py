"""How numbers and names are written for people: currency, thousands, words."""

import math
import re

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


def error_size(value: float, unit: str | None = None) -> str:
    """Return an error with as many digits as it takes to tell good from very good."""
    return amount(value, unit, 4 if unit in SYMBOLS and abs(value) < 1 else None)


def column_format(unit: str | None) -> str:
    """Return the name of Streamlit's number format for a unit."""
    return SYMBOLS.get(unit or "", "localized")


def axis_format(unit: str | None) -> str:
    """Return the d3 format of an axis."""
    return "$,~f" if unit == "$" else ",~f"


def tip_format(unit: str | None) -> str:
    """Return the d3 format of a number in a tooltip."""
    return ",.2f" if unit in SYMBOLS else ",.4~r"


def words(name: str) -> str:
    """Return `UnitPrice` as `Unit price`, `amazon_pay` as `Amazon pay`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", name)
    parts = [part if part.isupper() and len(part) > 1 else part.lower() for part in spaced.split()]
    text = " ".join(parts)
    return text[:1].upper() + text[1:]


def plain(text: str) -> str:
    """Return text that Markdown shows as it is: two dollar signs would make a formula."""
    return re.sub(r"([\\`*_{}\[\]<>#$~|:])", r"\\\1", text)
