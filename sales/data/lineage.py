"""The way of one order through the data: its raw rows, what the contract said, where it went."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet

from sales.contract import Column, cells
from sales.data.split import PARTS
from sales.engine import partitions
from sales.errors import PipelineError


@dataclass(frozen=True)
class RawRow:
    """A row as it came in: its file, its number there from 1, its cells.

    `faults` are the quarantine's lines on it, each a column, the value and the reason; a row that
    was accepted has none.
    """

    file: str
    number: int
    cells: dict[str, Any]
    faults: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Lineage:
    """An order's raw rows, and the prepared one with its part; none where all are quarantined."""

    rows: tuple[RawRow, ...]
    part: str | None
    order: pd.DataFrame | None


def trace(order: str, column: str, raw: Path, prepared: Path) -> Lineage:
    """Return the way of the order whose id stands in `column`, from folder to folder.

    Raises PipelineError for an order that is not there, or folders of different runs.
    """
    quarantine = pd.read_csv(prepared / "quarantine.csv", dtype=str, keep_default_na=False)
    rows: list[RawRow] = []
    seen, first = 0, ""
    for path in sorted(raw.glob("*.parquet")):
        ids = _ids(path, column)
        first = first or (ids[0].as_py() or "" if len(ids) else "")
        seen += len(ids)
        for at in pc.indices_nonzero(pc.equal(ids, order)).to_pylist():
            here = (quarantine["file"] == path.stem) & (quarantine["row"] == str(at + 1))
            lines = quarantine.loc[here, ["column", "value", "reason"]]
            faults = tuple(lines.itertuples(index=False, name=None))
            [content] = pa.dataset.dataset(partitions.of(path)).take([at]).to_pylist()
            rows.append(RawRow(path.stem, at + 1, content, faults))
    if not rows:
        raise PipelineError(f"no order '{order}' in {raw}: {seen:,} rows, the first is '{first}'")
    for part in PARTS:
        where = [(column, "==", order)]
        for path in partitions.of(prepared / f"{part}.parquet"):
            found = pa.parquet.read_table(path, filters=where)
            if found.num_rows:
                return Lineage(tuple(rows), part, found.to_pandas())
    if any(not row.faults for row in rows):
        raise PipelineError(f"{prepared} was made from other rows than {raw} holds: make repro")
    return Lineage(tuple(rows), None, None)


def _ids(path: Path, column: str) -> pa.Array:
    """Return a column as the quarantine reads ids."""
    texts = []
    for part in partitions.of(path):
        ids = pa.parquet.read_table(part, columns=[column])[column]
        texts.append(cells.read(ids, Column(role="id")).values)
    return pa.concat_arrays(texts)
