"""A folder of scored rows: parts that are whole or not there, rows set aside, a record of it all.

A part is finished once its file of scored rows is there. Its footer tells what became of the rows
that went in, so that a run after a crash counts them without reading any again.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet
from fsspec import AbstractFileSystem

from sales.data import addresses, pieces
from sales.errors import PipelineError

SCORED, REJECTED, RECORD = "scored.parquet", "rejected", "score.json"
COLUMNS = ("file", "row", "column", "value", "reason")  # of rejected cells, as in the quarantine
FOOTER = b"amazon_sales.part"
MOST_WARNINGS = 20

Cell = tuple[str, int, str, str, str]


@dataclass(frozen=True)
class Part:
    """What became of a part's rows. `last`: of those of its task.

    `blank` rows held no cell at all, and are not among the others.
    """

    rows_in: int
    rejected: int
    by_reason: dict[str, int]
    warnings: list[str]
    last: bool
    blank: int = 0


@dataclass(frozen=True)
class Scored:
    """The folder, at any address."""

    address: str

    def begin(
        self, model: dict[str, Any], inputs: list[dict[str, Any]], rows: int
    ) -> tuple[int, int]:
        """Note what is scored; return how many rows a part has, and how many parts are there.

        What was begun goes on with parts as large as it began with. Raises PipelineError for a
        folder that holds something else, or what another model made, or of other rows.
        """
        there, root = self._there
        names = [name for name in addresses.listed(there, root) if not name.startswith(".")]
        if RECORD not in names:
            if names:
                raise PipelineError(f"{self.address} holds {names[0]}: name a new or empty folder")
            self._note({"model": model, "inputs": inputs, "rows_per_part": rows})
            return rows, 0
        before = self._noted()
        if before["model"]["content_hash"] != model["content_hash"]:
            other = "{name} version {version}".format(**before["model"])
            raise PipelineError(
                f"{self.address} was scored by another model, {other}: "
                "delete it, or name another folder"
            )
        if before["inputs"] != inputs:
            other = ", ".join(source["name"] for source in before["inputs"][:3])
            raise PipelineError(
                f"{self.address} was scored from other rows ({other}), or they have changed: "
                "delete it, or name another folder"
            )
        return before["rows_per_part"], self._count()

    def finished(self, task: int) -> list[Part]:
        """Return the parts of a task that are there, from its first one on."""
        there, root = self._there
        found: list[Part] = []
        while there.exists(path := f"{root}/{SCORED}/{pieces.name(task, len(found))}.parquet"):
            try:
                footer = pa.parquet.read_metadata(path, filesystem=addresses.arrow(there))
                found.append(Part(**json.loads(footer.metadata[FOOTER])))
            except (pa.ArrowInvalid, KeyError):  # the disk lost what was written: once more
                break
        return found

    def write(
        self, task: int, number: int, table: pa.Table, rejected: Sequence[Cell], part: Part
    ) -> None:
        """Write a part, its rejected cells first: with the scored rows it is finished."""
        there, root = self._there
        name = pieces.name(task, number)
        if rejected:
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rejected])
            with addresses.replacing(there, f"{root}/{REJECTED}/{name}.csv") as file:
                file.write(text.getvalue().encode())
        told = {FOOTER: json.dumps(asdict(part)).encode()}
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), **told})
        with addresses.replacing(there, f"{root}/{SCORED}/{name}.parquet") as file:
            pa.parquet.write_table(table, file, compression="zstd")

    def end(self, parts: Sequence[Part]) -> dict[str, Any]:
        """Note what became of the rows, and return it; what a crash left half-written goes.

        Raises PipelineError where parts that were written are not to be seen.
        """
        there, root = self._there
        for folder in (SCORED, REJECTED):
            addresses.sweep(there, f"{root}/{folder}")
        if missing := len(parts) - self._count():
            raise PipelineError(
                f"{self.address} lacks {missing} of {len(parts)} parts: it must be the same place "
                "for every worker"
            )
        rows = sum(part.rows_in for part in parts)
        rejected = sum(part.rejected for part in parts)
        blank = sum(part.blank for part in parts)
        by_reason = sum((Counter(part.by_reason) for part in parts), Counter())
        warnings = dict.fromkeys(warning for part in parts for warning in part.warnings)
        begun = self._noted()
        record = {
            **{key: begun[key] for key in ("model", "inputs", "rows_per_part")},
            "parts": len(parts),
            "rows_in": rows,
            "rows_scored": rows - rejected,
            "rows_rejected": rejected,
            "rejected_pct": round(100 * rejected / rows, 4) if rows else 0.0,
            **({"rows_without_cells": blank} if blank else {}),
            "rejected_by_reason": dict(sorted(by_reason.items())),
            "warnings": list(warnings)[:MOST_WARNINGS],
        }
        self._note(record)
        return record

    @cached_property
    def _there(self) -> tuple[AbstractFileSystem, str]:
        return addresses.resolve(self.address)

    def _count(self) -> int:
        there, root = self._there
        names = addresses.listed(there, f"{root}/{SCORED}")
        return sum(not name.startswith(".") for name in names)

    def _noted(self) -> dict[str, Any]:
        there, root = self._there
        return json.loads(there.cat_file(f"{root}/{RECORD}"))

    def _note(self, record: dict[str, Any]) -> None:
        there, root = self._there
        with addresses.replacing(there, f"{root}/{RECORD}") as file:
            file.write((json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode())
