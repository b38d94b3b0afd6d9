"""The log read into sketches: some parts at a time, on either engine, in bounded memory."""

import functools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from sales.engine import Engine
from sales.judging.reference import Reference
from sales.watching import joined, parts
from sales.watching.parts import ROWS, Part
from sales.watching.windows import cuts, sketches
from sales.watching.windows.cuts import Asked, Cuts
from sales.watching.windows.sketches import Sketches

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
    found = [*parts.listed(log.address, ROWS, log.first)]
    if not found:
        return cuts.by_rows(asked, {}) if asked.rows else cuts.by_time(asked), {}
    chunks = [found[at : at + TOGETHER] for at in range(0, len(found), TOGETHER)]
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


def _merged(one: Sketches, other: Sketches) -> Sketches:
    for key, sketch in other.items():
        one[key] = one[key] + sketch if key in one else sketch
    return one


def _seconds(log: Log, some: Iterable[Part]) -> Counter[int]:
    found = Counter[int]()
    for part in some:
        table = joined.read(log.address, part, ["time"])
        if table is not None and table.num_rows:
            found += cuts.per_second(table["time"].cast(pa.int64()).to_numpy())
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
