"""What a table holds, counted over all its rows as they stream by: types, holes, values, forms.

A profile is a sum: those of two parts of a table make the profile of both. It is what a draft of
the contract is made from. Nothing that a file says is executed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sales.contract import Column, cells, decimals
from sales.contract.holes import MISSING
from sales.drafting import forms
from sales.drafting.forms import Fit

MOST_VALUES = 1_000  # of a column, that are counted one by one
MOST_WORDS = 40  # of texts without a digit
MOST_CHARACTERS = 200  # of a word or a value that is counted
NOTHING = pa.array(sorted(forms.MARKS))
TEXT = Column(role="ignored")


@dataclass(frozen=True)
class Profile:
    """A column. Counts are of cells; `holes` are empty or say so (`NA`).

    `stored` is how the file stores it: text, number, truth, date, duration, or nested, which
    nobody can read. `fits` has, by form, which of the rest can be read so (`forms.py`); `zeros` are
    numbers that begin with a nought. `values` counts each value, None where there are more than
    MOST_VALUES; `words` those without a digit and those that mean nothing, likewise; `sentinels`
    some numbers that may stand for nothing, and `least` is the least of all others. `longest` is
    the most characters that a cell has, `characters` those of all.
    `keys` are the cells' hashes, as long as no batch has had one twice; else None.
    """

    rows: int = 0
    holes: int = 0
    stored: str = ""
    zone: str | None = None
    fits: Mapping[str, Fit] = field(default_factory=dict)
    zeros: int = 0
    longest: int = 0
    characters: int = 0
    values: Mapping[str, int] | None = field(default_factory=dict)
    words: Mapping[str, int] | None = field(default_factory=dict)
    sentinels: Mapping[float, int] = field(default_factory=dict)
    least: float = np.inf
    keys: tuple[np.ndarray, ...] | None = field(default=(), compare=False)

    def __add__(self, other: "Profile") -> "Profile":
        """Return the profile of the rows of both."""
        names = [*self.fits, *(name for name in other.fits if name not in self.fits)]
        kinds = [kind for kind in dict.fromkeys((self.stored, other.stored)) if kind]
        unique = self.keys is not None and other.keys is not None
        return Profile(
            self.rows + other.rows,
            self.holes + other.holes,
            "text" if len(kinds) > 1 else "".join(kinds),
            self.zone or other.zone,
            {n: self.fits.get(n, Fit()).plus(other.fits.get(n, Fit())) for n in names},
            self.zeros + other.zeros,
            max(self.longest, other.longest),
            self.characters + other.characters,
            _counted(self.values, other.values, MOST_VALUES),
            _counted(self.words, other.words, MOST_WORDS),
            _counted(self.sentinels, other.sentinels, len(forms.SENTINELS)) or {},
            min(self.least, other.least),
            (*(self.keys or ()), *(other.keys or ())) if unique else None,
        )

    @property
    def filled(self) -> int:
        """How many rows hold a value."""
        return self.rows - self.holes

    @property
    def distinct(self) -> int | None:
        """How many different values there are; None: more than are counted, but not all."""
        if self.values is not None:
            return len(self.values)
        return self.filled if self.unique else None

    @property
    def unique(self) -> bool:
        """Whether all cells that hold something differ; never asked of numbers with fractions."""
        if self.keys is None or not self.filled:
            return False
        return len(np.unique(np.concatenate(self.keys))) == self.filled


def _counted(one: Any, other: Any, most: int) -> dict[Any, int] | None:
    if one is None or other is None:
        return None
    counts = dict(one)
    for value, count in other.items():
        counts[value] = counts.get(value, 0) + count
    return counts if len(counts) <= most else None


class Looked(NamedTuple):
    """A column's cells of one batch: its profile, and a number for each cell that tells its value.

    Equal cells have equal numbers, in whichever batch.
    """

    profile: Profile
    hashes: np.ndarray


def of(batches: Iterable[pa.RecordBatch]) -> dict[str, Profile]:
    """Return the profile of each column of a table that comes in batches."""
    parts = (of_table(pa.Table.from_batches([batch])) for batch in batches)
    return reduce(merged, parts, {})


def merged(one: Mapping[str, Profile], other: Mapping[str, Profile]) -> dict[str, Profile]:
    """Return the profiles of the columns of two parts of a table."""
    return {name: one.get(name, Profile()) + profile for name, profile in other.items()}


def of_table(table: pa.Table) -> dict[str, Profile]:
    """Return the profile of each column."""
    return {name: looked(table, name).profile for name in table.column_names}


def looked(table: pa.Table, name: str) -> Looked:
    """Return what a column's cells are."""
    raw = table[name]
    stored = _stored(raw.type)
    if stored == "nested":
        hashes = np.zeros(table.num_rows, np.uint64)
        return Looked(Profile(table.num_rows, stored=stored, values=None, keys=None), hashes)
    if stored in ("number", "date", "duration"):
        return _of_numbers(raw.combine_chunks(), stored)
    pointed = decimals.column(table, name, forms.NUMBER) if decimals.commas(table.schema) else None
    if pa.types.is_boolean(raw.type):
        raw = raw.cast(pa.string())
    text = raw if pa.types.is_string(raw.type) else cells.read(raw, TEXT).values
    return _of_texts(_one(text), stored, None if pointed is None else _one(pointed))


def _one(raw: pa.ChunkedArray | pa.Array) -> pa.Array:
    return raw.combine_chunks() if isinstance(raw, pa.ChunkedArray) else raw


def _stored(kind: pa.DataType) -> str:
    if cells.nested(kind):
        return "nested"
    if pa.types.is_boolean(kind):
        return "truth"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return "date"
    return "duration" if pa.types.is_duration(kind) or pa.types.is_time(kind) else "text"


def _of_numbers(raw: pa.Array, stored: str) -> Looked:
    """Return what typed numbers are, dates and time spans among them."""
    zone = getattr(raw.type, "tz", None)
    if stored == "number":
        values = cells.number(raw).to_numpy(zero_copy_only=False)
        named = "plain"
    elif stored == "duration":
        column = Column(role="numeric", duration="minutes")
        values = cells.read(raw, column).values.to_numpy(zero_copy_only=False)
        named = "clock"
    else:
        instants = forms.instants(raw, zone)
        values = instants.cast(pa.int64()).cast(pa.float64(), safe=False)
        values = values.to_numpy(zero_copy_only=False)
        named = "iso"
    there = ~np.isnan(values)
    different, counts = np.unique(values[there], return_counts=True)
    fit = forms.of_values(different, counts)
    told = None
    if len(different) <= MOST_VALUES and stored == "number":
        told = {_plain(v): int(n) for v, n in zip(different, counts, strict=True)}
    keys = (
        (_mixed(different),) if len(different) == there.sum() and fit.whole == fit.cells else None
    )
    profile = Profile(
        len(values),
        int((~there).sum()),
        stored,
        zone,
        {named: fit} if fit.cells else {},
        values=told,
        **_odd_ones(different, counts),
        keys=keys,
    )
    return Looked(profile, _mixed(values))


def _plain(number: float) -> str:
    return str(int(number)) if number % 1 == 0 and abs(number) < cells.WHOLE else repr(number)


def _of_texts(text: pa.Array, stored: str, pointed: pa.Array | None) -> Looked:
    encoded = text.dictionary_encode()
    texts, codes = encoded.dictionary, encoded.indices
    weights = np.bincount(codes.drop_null().to_numpy(), minlength=len(texts))
    values = forms.plain(texts if pointed is None else _first(pointed, codes, len(texts)))
    rest = np.isnan(values)
    hashes = _mixed(values)
    if rest.any():
        others = texts.filter(pa.array(rest))
        named = _mask(pc.is_in(others, pa.array(sorted(MISSING))))
        own = pd.util.hash_array(others.to_pandas().to_numpy(object), categorize=False)
        hashes[rest] = np.where(named, np.uint64(0), own)
        rest[rest] = ~named
    number = ~np.isnan(values)
    told: dict[str, Any] = {"values": None}
    if len(texts) <= MOST_VALUES + len(MISSING):
        told = {"values": _told(texts, weights, number | rest, MOST_VALUES)}
    found, zeros = {}, 0
    if number.any():
        chosen = texts if number.all() else texts.filter(pa.array(number))
        many, read = weights[number], values[number]
        found = forms.of_numbers(chosen, many, read, commas=pointed is not None)
        zeros = _with_nought(chosen, many, read)
        told |= _odd_ones(read, many)
    if rest.any():
        others = texts.filter(pa.array(rest))
        for name, fit in forms.of_others(others, weights[rest]).items():
            found[name] = found.get(name, Fit()).plus(fit)
        short = pc.less_equal(pc.utf8_length(others), MOST_CHARACTERS)
        bare = pc.invert(pc.match_substring_regex(others, forms.DIGIT))
        nothing = pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(others)), NOTHING)
        words = _mask(pc.and_(pc.or_(bare, nothing), short))
        told |= {"words": _told(others, weights[rest], words, MOST_WORDS)}
    there = number | rest
    filled = int(weights[there].sum())
    lengths = np.where(there, pc.utf8_length(texts).to_numpy(), 0)
    plain = found.get("plain", Fit())
    unique = there.sum() == filled and not plain.whole < plain.cells
    each = np.append(hashes, np.uint64(0))
    profile = Profile(
        len(text),
        len(text) - filled,
        stored,
        None,
        found,
        zeros,
        int(lengths.max(initial=0)),
        int((lengths * weights).sum()),
        keys=(hashes[there],) if unique else None,
        **told,
    )
    return Looked(profile, each[codes.fill_null(len(texts)).to_numpy()])


def _with_nought(texts: pa.Array, weights: np.ndarray, values: np.ndarray) -> int:
    """Return how many cells are a number that begins with a nought: 01067 is a code."""
    lengths = pc.utf8_length(texts).to_numpy()
    size = np.floor(np.log10(np.maximum(np.abs(values), 1))) + 1
    longer = (values % 1 == 0) & (lengths > size)
    if not longer.any():
        return 0
    begins = _mask(pc.match_substring_regex(texts.filter(pa.array(longer)), forms.ZEROS))
    return int(weights[longer][begins].sum())


def _odd_ones(values: np.ndarray, counts: np.ndarray) -> dict[str, Any]:
    odd = np.isin(values, forms.SENTINELS)
    sentinels = {
        float(value): int(counts[values == value].sum()) for value in np.unique(values[odd])
    }
    return {"sentinels": sentinels, "least": float(values[~odd].min(initial=np.inf))}


def _first(pointed: pa.Array, codes: pa.Array, many: int) -> pa.Array:
    """Return what stands at the first row of each distinct text."""
    rows = np.zeros(many, np.int64)
    there = codes.is_valid().to_numpy(zero_copy_only=False)
    at = np.flatnonzero(there)[::-1]
    rows[codes.drop_null().to_numpy()[::-1]] = at
    return pointed.take(pa.array(rows))


def _told(
    texts: pa.Array, weights: np.ndarray, which: np.ndarray, most: int
) -> dict[str, int] | None:
    if which.sum() > most:
        return None
    told = texts.filter(pa.array(which)).to_pylist()
    return dict(zip(told, weights[which].tolist(), strict=True))


def _mixed(values: np.ndarray) -> np.ndarray:
    """Return numbers that tell floats apart, spread over 64 bits; 0 of what is missing."""
    bits = (values.astype(np.float64) + 0.0).view(np.uint64).copy()  # -0.0 is 0.0
    with np.errstate(over="ignore"):
        bits ^= bits >> np.uint64(31)
        bits *= np.uint64(0x9E3779B97F4A7C15)
        bits ^= bits >> np.uint64(29)
        bits *= np.uint64(0xBF58476D1CE4E5B9)
        bits ^= bits >> np.uint64(32)
    return np.where(np.isnan(values), np.uint64(0), bits + np.uint64(1))


def _mask(found: Any) -> np.ndarray:
    return np.asarray(found.to_numpy(zero_copy_only=False), bool)
