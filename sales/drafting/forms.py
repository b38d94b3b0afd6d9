"""The ways in which a column's texts may be written: numbers, dates, durations, truth values.

Each is read by the contract's own code, so that what a draft says of a form is what prepare does.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sales.contract import Column, cells, date_forms, dates, numbers

# Words for a value that is not there, beside those that the contract knows by itself.
MARKS = frozenset(
    (
        *("-", "--", "---", "?", "??", ".", "..", "*", "n/a", "na", "#n/a", "#na", "<na>", "n.a."),
        *("nan", "nat", "none", "null", "nil", "missing", "unknown", "undefined", r"\n", "(null)"),
        *("#value!", "#ref!", "#div/0!", "not available", "k.a.", "keine angabe", "s/o"),
        *("0000-00-00", "0000-00-00 00:00:00", "00/00/0000"),
    )
)
# Numbers that people write for it, where all others are no less than zero.
SENTINELS = (-99.0, -999.0, -9999.0, -99999.0, -999999.0)
# Two words for yes and no, in other languages than the contract's own.
PAIRS = (
    *(("oui", "non"), ("vrai", "faux"), ("ja", "nein"), ("wahr", "falsch"), ("ja", "nee")),
    *(("ja", "nej"), ("sí", "no"), ("si", "no"), ("vero", "falso"), ("sim", "não")),
    *(("sim", "nao"), ("tak", "nie"), ("on", "off"), ("x", "-")),
)
FORMATS = (
    *("%d %b %Y", "%d %B %Y", "%b %d %Y", "%B %d %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y"),
    *("%d-%b-%y", "%b %d, %Y %H:%M", "%d %b %Y %H:%M:%S", "%d %b %Y %H:%M"),
    *("%a %b %d %H:%M:%S %Y", "%a, %d %b %Y %H:%M:%S", "%Y/%m/%d", "%Y/%m/%d %H:%M"),
    *("%Y/%m/%d %H:%M:%S", "%Y.%m.%d", "%d.%m.%Y %H:%M:%S"),
)
SHAPES = {
    **dict.fromkeys(("%d", "%m", "%H", "%M", "%S"), r"\d{1,2}"),
    **{"%Y": r"\d{4}", "%y": r"\d{2}", "%b": "[A-Za-z]{3}", "%B": "[A-Za-z]{3,9}"},
    "%a": "[A-Za-z]{3}",
}
LONGEST = 40  # characters of a text that may be a number or a date
DIGIT = r"\d"
ISO = r"^\s*\d{4}-?\d\d-?\d\d"
SLASHED = r"^\s*\d{1,2}[./-]\d{1,2}[./-](\d{4}|\d\d)\b"
WORDED = r"^\s*(\d{1,2}[ -][A-Za-z]{3}|[A-Za-z]{3}|\d{4}[/.]\d\d?[/.]|\d\d?\.\d\d?\.\d{4} )"
CLOCK = r"\d:\d\d|^\s*P(\d+D)?T\d+[HMS]|^\s*P\d+D\s*$|\d\s*(d|h|min|s|sec|days?|hours?)\b"
CODES = (
    "USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RON|BRL|MXN|ZAR|KRW|TRY|RUB|"
    "SGD|HKD|THB|IDR|ILS|AED|SAR|(US|CA|AU|A|C|HK|R)\\$"
)
AMOUNT = rf"^[^A-Za-z]*((?:{CODES})[^A-Za-z]*|\d[eE][+-]?\d+[^A-Za-z]*)?$"
GROUPED = r"^\s*[+-]?\d{1,3}\.\d{3}\s*$"  # thousands, where the decimal mark is a comma
ZEROS = r"^\s*0\d+\s*$"  # 01067: a code, not a number
NUMBER = Column(role="numeric")


class Fit(NamedTuple):
    """How many cells a form reads, how many are whole numbers, and the least and greatest.

    Of dates these are in milliseconds since 1970.
    """

    cells: int = 0
    whole: int = 0
    low: float = np.inf
    high: float = -np.inf

    def plus(self, other: "Fit") -> "Fit":
        """Return what it is of both."""
        return Fit(
            self.cells + other.cells,
            self.whole + other.whole,
            min(self.low, other.low),
            max(self.high, other.high),
        )


def of_values(values: np.ndarray, weights: np.ndarray) -> Fit:
    """Return the fit of numbers, each for so many cells; NaN is none."""
    there = ~np.isnan(values)
    if not there.any():
        return Fit()
    values, weights = values[there], weights[there]
    whole = int(weights[values % 1 == 0].sum())
    return Fit(int(weights.sum()), whole, float(values.min()), float(values.max()))


def plain(texts: pa.Array) -> np.ndarray:
    """Return numbers as every CSV has them; NaN for what is none."""
    try:
        read = texts.cast(pa.float64()).to_numpy(zero_copy_only=False)
        if np.isfinite(read).all():
            return read  # the usual column: Arrow takes less for a number than the contract does
    except pa.ArrowInvalid:
        pass
    return cells.number(texts).to_numpy(zero_copy_only=False)


def of_numbers(
    texts: pa.Array, weights: np.ndarray, values: np.ndarray, *, commas: bool
) -> dict[str, Fit]:
    """Return the fit of texts that are numbers, each for so many cells.

    Of a file with decimal `commas`, or not. Forms are `plain`, `point` and `comma` (by the decimal
    mark), and `iso` of eight digits that are a day.
    """
    own = of_values(values, weights)
    if commas:
        return {"plain": own, "comma": own}
    found = {"plain": own, "point": own}
    whole = values % 1 == 0
    with_comma = of_values(values[whole], weights[whole])
    thousandths = np.round(np.where(np.abs(values) < 1000, values, 0.5) * 1000, 6)
    grouped = ~whole & (thousandths % 1 == 0) & (thousandths % 10 != 0)
    if grouped.any():
        chosen = texts.filter(pa.array(grouped))
        mask = _matches(chosen, GROUPED)
        thousand = of_values(values[grouped][mask] * 1000, weights[grouped][mask])
        with_comma = with_comma.plus(thousand)
    if with_comma.cells:
        found["comma"] = with_comma
    days = whole & (values >= 1_900_01_01) & (values <= 2_100_12_31)
    return found | _dates(texts, weights, days, ("iso",))


def of_others(texts: pa.Array, weights: np.ndarray) -> dict[str, Fit]:
    """Return the fit of texts that are no plain numbers.

    Forms are `point` and `comma`, `clock`, `iso`, `dayfirst`, `monthfirst` and those of FORMATS.
    """
    found: dict[str, Fit] = {}
    short = _matches(texts, DIGIT) & (pc.utf8_length(texts).to_numpy() <= LONGEST)
    if not short.any():
        return found
    texts, weights = texts.filter(pa.array(short)), weights[short]
    amounts = _matches(texts, AMOUNT)  # the contract takes ORD0001 for one too, of a currency ORD
    if amounts.any():
        chosen = texts.filter(pa.array(amounts))
        for form_name, mark in (("point", "."), ("comma", ",")):
            read = plain(numbers.written(chosen, mark))
            found[form_name] = of_values(read, weights[amounts])
    timed = _matches(texts, CLOCK) & ~_matches(texts, ISO)
    if timed.any():
        spans = numbers.durations(texts.filter(pa.array(timed)), "minutes")
        found["clock"] = of_values(spans.to_numpy(zero_copy_only=False), weights[timed])
    for pattern, names in (
        (ISO, ("iso",)),
        (SLASHED, ("dayfirst", "monthfirst")),
        (WORDED, FORMATS),
    ):
        found |= _dates(texts, weights, _matches(texts, pattern), names)
    return {name: fit for name, fit in found.items() if fit.cells}


def _dates(
    texts: pa.Array, weights: np.ndarray, mask: np.ndarray, names: tuple[str, ...]
) -> dict[str, Fit]:
    if not mask.any():
        return {}
    chosen, weights = texts.filter(pa.array(mask)), weights[mask]
    found = {}
    for name in names:
        if name not in FORMATS:
            found[name] = of_instants(date_forms.read(chosen, form(name)), weights)
            continue
        like = _matches(chosen, _shape(name))  # to try each format on all would take long
        if like.any():
            read = date_forms.read(chosen.filter(pa.array(like)), form(name))
            found[name] = of_instants(read, weights[like])
    return {name: fit for name, fit in found.items() if fit.cells}


@cache
def _shape(name: str) -> str:
    """Return the pattern of texts that a format may read."""
    pattern = re.escape(name).replace("%%", "%").replace("\\ ", " ")
    for part, like in SHAPES.items():
        pattern = pattern.replace(part, like)
    return rf"^\s*{pattern}\s*$"


def of_instants(read: pa.Array, weights: np.ndarray) -> Fit:
    """Return the fit of dates."""
    there = read.is_valid().to_numpy(zero_copy_only=False)
    if not there.any():
        return Fit()
    instants = read.drop_null().cast(pa.int64()).to_numpy()
    days = int(weights[there][instants % 86_400_000 == 0].sum())
    return Fit(int(weights[there].sum()), days, float(instants.min()), float(instants.max()))


@cache
def form(name: str) -> date_forms.Form:
    """Return a form of dates by its name."""
    if name in ("dayfirst", "monthfirst"):
        return date_forms.Form(dayfirst=name == "dayfirst")
    return date_forms.Form(None if name == "iso" else name)


def keys(name: str) -> dict[str, object]:
    """Return what a column of the contract says of a form.

    >>> keys("iso"), keys("comma"), keys("monthfirst"), keys("%d %b %Y")
    ({}, {'decimal': ','}, {'dayfirst': False}, {'format': '%d %b %Y'})
    """
    marks: Mapping[str, dict[str, object]] = {
        "plain": {},
        "iso": {},
        "point": {"decimal": "."},
        "comma": {"decimal": ","},
        "clock": {"duration": "minutes"},
        "dayfirst": {"dayfirst": True},
        "monthfirst": {"dayfirst": False},
    }
    return dict(marks[name]) if name in marks else {"format": name}


def is_mark(text: str) -> bool:
    """Return whether a text is a word for nothing, though the contract does not know it.

    >>> is_mark("-"), is_mark(" "), is_mark("Unknown"), is_mark("x")
    (True, True, True, False)
    """
    plain_text = text.strip().lower()
    return not plain_text or plain_text in MARKS


def truths(words: frozenset[str]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Return the words for yes and those for no, where words say nothing else; else None.

    Empty where the contract knows them.

    >>> truths(frozenset(("Yes", "no"))), truths(frozenset(("Oui", "non")))
    (((), ()), (('Oui',), ('non',)))
    >>> truths(frozenset(("1", "2"))) is None
    True
    """
    plain_words = {word.strip().casefold() for word in words}
    if len(plain_words) != 2:
        return None
    told = {numbers.truth(word, None, None) for word in plain_words}
    pairs = {frozenset(pair) for pair in OWN}
    if told == {0.0, 1.0} and plain_words in pairs:
        return (), ()
    for yes, no in PAIRS:
        if plain_words == {yes, no}:
            both = [
                tuple(sorted(word for word in words if word.strip().casefold() == side))
                for side in (yes, no)
            ]
            return both[0], both[1]
    return None


OWN = (("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("1", "0"), ("1.0", "0.0"))


def _matches(texts: pa.Array, pattern: str) -> np.ndarray:
    found = pc.match_substring_regex(texts, pattern)
    return np.asarray(found.to_numpy(zero_copy_only=False), bool)


def instants(raw: pa.Array, zone: str | None) -> pa.Array:
    """Return typed dates as milliseconds since 1970, in the zone."""
    return date_forms.read(raw, date_forms.Form(zone=zone)) if zone else dates.read(raw)
