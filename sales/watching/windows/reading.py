"""The log read into sketches: some parts at a time, on either engine, in bounded memory."""

import functools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from sales.engine import Engine
from sales.judging.reference import Reference
from sales.watching import joined, parts
from sales.watching.parts import REFUSED, ROWS, Part
from sales.watching.refused import called
from sales.watching.windows import cuts, sketches
from sales.watching.windows.cuts import Asked, Cuts
from sales.watching.windows.sketches import Key, Sketches

TOGETHER = 50  # parts that a worker reads before it tells what they come to


class Log(NamedTuple):
    """Where the rows are, from which day on, and when that was asked, by the machine's clock.

    A worker reads the truths once for each.
    """

    address: str
    first: str
    when: int


def windows(
    log: Log, asked: Asked, references: Mapping[str, Reference], engine: Engine
) -> tuple[Cuts, Sketches]:
    """Return how the log is cut into windows, and what each comes to."""
    chunks = _chunks(log, ROWS)
    if not chunks:
        return cuts.by_rows(asked, {}) if asked.rows else cuts.by_time(asked), {}
    many = len(chunks)
    if asked.rows:
        counted = engine.map(_seconds, [log] * many, chunks, what="rows in time")
        cut = cuts.by_rows(asked, sum(counted, Counter[int]()))
    else:
        cut = cuts.by_time(asked)
    told = engine.map(
        *(_sketched, [log] * many, chunks, [cut] * many, [references] * many), what="windows"
    )
    return cut, functools.reduce(_merged, told, {})


def refused(log: Log, cut: Cuts, engine: Engine) -> dict[int, Counter[str]]:
    """Return how many requests were refused, by start of the window and by reason."""
    if cut.asked.rows and not len(cut.starts):
        return {}
    chunks = _chunks(log, REFUSED)
    many = len(chunks)
    told = engine.map(_refused, [log] * many, chunks, [cut] * many, what="refused requests")
    found: dict[int, Counter[str]] = {}
    for each in told:
        for start, counts in each.items():
            found.setdefault(start, Counter()).update(counts)
    return found


def _chunks(log: Log, kind: str) -> list[list[Part]]:
    found = [*parts.listed(log.address, kind, log.first)]
    return [found[at : at + TOGETHER] for at in range(0, len(found), TOGETHER)]


def _merged(one: Sketches, other: Sketches) -> Sketches:
    for named, sketch in other.items():
        key = Key(*named)  # Dask hands it on as a plain tuple
        one[key] = one[key] + sketch if key in one else sketch
    return one


def _seconds(log: Log, some: Iterable[Part]) -> Counter[int]:
    found = Counter[int]()
    for part in some:
        table = joined.read(log.address, part, ["time"])
        if table is not None and table.num_rows:
            found += cuts.per_second(table["time"].cast(pa.int64()).to_numpy())
    return found


def _refused(log: Log, some: Iterable[Part], cut: Cuts) -> dict[int, Counter[str]]:
    found: dict[int, Counter[str]] = {}
    for part in some:
        table = joined.read(log.address, part)
        if table is None or not table.num_rows:
            continue
        starts = cut.of(table["time"].cast(pa.int64()).to_numpy()).tolist()
        whys = zip(*(table[name].to_pylist() for name in ("reason", "what", "field")), strict=True)
        counts = table["requests"].to_pylist()
        for start, why, count in zip(starts, whys, counts, strict=True):
            found.setdefault(start, Counter())[called(*why)] += count
    return found


def _sketched(
    log: Log, some: Sequence[Part], cut: Cuts, references: Mapping[str, Reference]
) -> Sketches:
    """Return what some parts come to."""
    known = _truths(log)
    wanted = [*sketches.columns([*references.values()]), "request_id", *known.by]
    found: Sketches = {}
    for part in some:
        table = joined.read(log.address, part, wanted)
        if table is None or not table.num_rows:
            continue
        values, _ = known.of(table)
        table = table.append_column(sketches.TRUTH, pa.array(values))
        found = _merged(found, sketches.of(table, cut, references))
    return found


@functools.lru_cache(maxsize=1)
def _truths(log: Log) -> joined.Known:
    return joined.Window(log.address, log.first).truths
