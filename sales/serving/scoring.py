"""The promoted model over rows of any number, a part at a time: what the service answers."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from sales.contract import cells
from sales.data import pieces
from sales.data.sources import Source, Stretch
from sales.errors import PipelineError
from sales.serving import answering, upload
from sales.serving.answering import Served
from sales.serving.request import Orders, RequestError, added_columns
from sales.serving.scored import MOST_WARNINGS, Cell, Part, Scored


@dataclass(frozen=True)
class Scoring:
    """By which of the promoted models rows are scored, to where, and how many rows a part has."""

    promoted: Path
    alias: str
    content_hash: str
    into: Scored
    rows: int


@dataclass(frozen=True)
class Task:
    """What is scored from beginning to end by one worker: a stretch of a source."""

    number: int
    source: str
    stretch: Stretch


@lru_cache(maxsize=1)
def load(promoted: Path, alias: str) -> Served:
    """Return a promoted model, read once in a process.

    Raises PipelineError where there is none of this alias.
    """
    models = answering.load(promoted)
    if alias not in models:
        raise PipelineError(f"there is no promoted {alias}, but {', '.join(models)}")
    return models[alias]


def tasks(found: Iterable[Source], rows: int) -> list[Task]:
    """Return what there is to score, in the order of sources and rows."""
    stretches = [(source.name, each) for source in found for each in source.stretches(rows)]
    return [Task(number, name, each) for number, (name, each) in enumerate(stretches)]


def score(job: Scoring, task: Task, told: Callable[[int], object] | None = None) -> list[Part]:
    """Score what is not yet finished of a task; return all its parts.

    `told` hears of the rows of each. Raises PipelineError for a column that is missing, a broken
    file, or models that were promoted meanwhile.
    """
    parts = job.into.finished(task.number)
    if told:
        told(sum(part.rows_in + part.blank for part in parts))
    if parts and parts[-1].last:
        return parts
    served = load(job.promoted, job.alias)
    if served.model.content_hash != job.content_hash:
        raise PipelineError(f"{job.promoted} holds another {job.alias} by now: score again")
    start, finished = task.stretch.start, len(parts)
    each = pieces.evenly(task.stretch.rows, job.rows)
    for number, (table, last) in enumerate(pieces.cut(task.stretch.batches(), each)):
        if number >= finished:
            scored, bad, warnings = priced(table, served, task.source, start)
            reasons = Counter(f"{column}: {reason}" for _, _, column, _, reason in bad)
            rejected = len({row for _, row, _, _, _ in bad})
            rows = scored.num_rows + rejected
            blank = table.num_rows - rows
            part = Part(rows, rejected, dict(reasons), warnings, last, blank)
            job.into.write(task.number, number, scored, bad, part)
            parts.append(part)
            if told:
                told(table.num_rows)
        start += table.num_rows
    return parts


def priced(
    table: pa.Table, served: Served, source: str, start: int
) -> tuple[pa.Table, list[Cell], list[str]]:
    """Return the good rows with their predictions and intervals, the bad cells, and warnings.

    The bits are those that the service answers; rows without any cell are skipped. `start` is how
    many rows of the source came before.
    """
    fields, parts = served.model.featuriser.fields, served.schema.parts
    bad: list[Cell] = []
    blank = cells.blank(table)
    numbers = np.arange(1, table.num_rows + 1)
    if blank is not None:  # here a part may hold nothing else
        table, numbers = table.filter(pa.array(~blank)), numbers[~blank]
    orders: Orders = {}
    try:
        orders = upload.orders(table, fields, parts) if table.num_rows else {}
    except RequestError as error:
        _refuse_whole(error, source, served.alias)
        good = np.ones(table.num_rows, dtype=bool)
        for fault in error.details:
            name, at = fault["loc"][-1], np.array(fault["rows"]) - 1
            good[at] = False
            values = table[name].take(pa.array(at))
            bad += [
                (source, start + int(numbers[row]), name, cells.shown(value), fault["msg"])
                for row, value in zip(at, values, strict=True)
            ]
        bad.sort(key=lambda cell: (cell[1], cell[2]))
        table = table.filter(pa.array(good))
        orders = upload.orders(table, fields, parts) if table.num_rows else {}
    names = added_columns(served.model.featuriser.target)
    table = table.drop_columns([name for name in names if name in table.column_names])
    predictions = served.model.predict(orders) if table.num_rows else np.empty(0)
    columns = [predictions]
    if served.model.intervals:
        within = served.model.within(orders, predictions) if table.num_rows else None
        columns += within[:2] if within else [np.empty(0)] * 2
    for name, values in zip(names, columns, strict=False):
        table = table.append_column(name, pa.array(values))
    warnings = upload.left_out(table, fields)
    warnings += upload.warnings(orders, served.schema) if table.num_rows else []
    return table, bad, warnings[:MOST_WARNINGS]


def _refuse_whole(error: RequestError, source: str, alias: str) -> None:
    """Raise PipelineError where columns are at fault, and not single cells."""
    missing = [fault["loc"][-1] for fault in error.details if fault["type"] == "missing"]
    if missing:
        plural = "s" if len(missing) > 1 else ""
        raise PipelineError(
            f"{source}: missing column{plural} {', '.join(missing)}, which the {alias} asks for"
        ) from None
    for fault in error.details:
        if "rows" not in fault:
            raise PipelineError(
                f"{source}: the column '{fault['loc'][-1]}' {fault['msg']}"
            ) from None
