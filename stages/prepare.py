"""Holds the raw rows against the contract and splits the good ones; sets the bad ones aside."""

import shutil
from pathlib import Path
from typing import Any

from sales import engine, files, params
from sales.contract import Contract, mentions
from sales.data import division, preparation, spans
from sales.data.division import Divided
from sales.data.preparation import Checked
from sales.data.result import RECORD
from sales.data.split import PrepareParams
from sales.engine import partitions
from sales.errors import PipelineError, run

RAW = Path("data/raw")
PREPARED = Path("data/prepared")
CONTRACT = Path("data/contract.json")
TARGET = Path("data/target.json")  # no training waits for the rest of the contract
PLOTS = Path("plots")


def main() -> None:
    """Write data/prepared/ (three parts, quarantine), its contract, metrics/data.json, pictures."""
    contract = params.read("contract", Contract)
    settings = params.read("prepare", PrepareParams)
    mentions.check()
    with engine.started() as on, files.replacing(PREPARED) as beside:
        folder = beside.absolute()  # as workers know it
        folder.mkdir()
        scratch = folder / "scratch"
        checked = preparation.check(contract, RAW.absolute(), on, scratch, settings.group)
        if checked.extra_columns:
            extra = (" ".join(name.split()) for name in checked.extra_columns)
            print(f"ignored, not in the contract: {', '.join(extra)}")
        rejected_pct = 100 * checked.rejected / checked.rows_in
        if rejected_pct > settings.max_rejected_pct:
            raise _too_many(checked, settings)
        divided = division.divide(contract, settings, checked.accepted, on, folder, checked.begins)
        accepted = sum(divided.rows.values())
        if accepted + checked.rejected != checked.rows_in:  # counted, not deduced
            raise AssertionError("a row was lost: rows in are not rows out + quarantined")
        checked.quarantine.to_csv(folder / "quarantine.csv", index=False)
        if scratch.is_dir():
            shutil.rmtree(scratch)
    files.write_json(CONTRACT, contract.model_dump(mode="json"))
    least = contract.columns[contract.target].min
    told = {"name": contract.target, "least": None if least is None else float(least)}
    files.write_json(TARGET, told)
    for name, table in (("numeric", divided.numeric), ("categorical", divided.categorical)):
        with files.replacing(PLOTS / f"data_{name}.csv") as beside:
            table.to_csv(beside, index=False)
    files.write_json(
        Path("metrics/data.json"),
        {
            "rows_in": checked.rows_in,
            "rows_accepted": accepted,
            "rows_quarantined": checked.rejected,
            "quarantined_pct": round(rejected_pct, 4),
            "quarantined_by_reason": checked.by_reason,
            **({"rows_without_cells": checked.blank} if checked.blank else {}),
            **({"rows_without_target": checked.without_target} if checked.without_target else {}),
            **({"missing_pct": _missing(divided)} if contract.optional else {}),
            "ignored_columns": ", ".join(checked.extra_columns),
            **{f"{part}_rows": rows for part, rows in divided.rows.items()},
            "sha256": files.content_hash(PREPARED),
            **asked(RAW / RECORD),
            **came_in(RAW, divided),
        },
    )
    if checked.blank:
        print(f"skipped, as they hold no cell at all: {checked.blank:,} row(s)")
    if checked.without_target:
        print(f"left out, as they have no {contract.target}: {checked.without_target:,} row(s)")
    print(f"{checked.rows_in:,} rows in, {accepted:,} accepted, {checked.rejected:,} quarantined")


def asked(record: Path) -> dict[str, Any]:
    """Return what was asked of a database, and what it answered, where the rows are from one."""
    return {"sql": files.read_json(record)} if record.is_file() else {}


def came_in(raw: Path, divided: Divided) -> dict[str, Any]:
    """Return the files that the rows are from, where they are from files."""
    if not (raw / spans.RECORD).is_file():
        return {}
    told = []
    for file in files.read_json(raw / spans.RECORD):
        rows = sum(partitions.rows(partitions.of(raw / f"{file['name']}.parquet")))
        accepted, first, last = divided.files[file["name"]]
        told.append({**file, "rows": rows, "accepted": accepted, "first": first, "last": last})
    return {"files": told}


def _missing(divided: Divided) -> dict[str, dict[str, float]]:
    """Return how many percent of the rows of each part lack a value, by column."""
    return {
        name: {
            part: round(100 * rows / max(1, divided.rows[part]), 4)
            for part, rows in by_part.items()
        }
        for name, by_part in divided.missing.items()
    }


def _too_many(checked: Checked, settings: PrepareParams) -> PipelineError:
    """Leave the quarantine for the person who looks for what is wrong; return the error."""
    with files.replacing(PREPARED / "quarantine.csv") as beside:
        checked.quarantine.to_csv(beside, index=False)
    counts = ", ".join(f"{reason} ({rows})" for reason, rows in checked.by_reason.items())
    return PipelineError(
        f"{checked.rejected} of {checked.rows_in} rows are bad, "
        f"{100 * checked.rejected / checked.rows_in:.2f} % and more than "
        f"prepare.max_rejected_pct allows ({settings.max_rejected_pct:g}): {counts}; "
        f"each one stands in {PREPARED}/quarantine.csv{_advice(checked)}"
    )


def _advice(checked: Checked) -> str:
    """Return which key of a column may be wanting, where cells could not be read."""
    keys = {": not a number": "decimal", ": not a date": "format or dayfirst"}
    wanting = [key for end, key in keys.items() if any(r.endswith(end) for r in checked.by_reason)]
    if not wanting:
        return ""
    return f"; if they are right as they are written, name {' and '.join(wanting)} of the column"


if __name__ == "__main__":
    run(main)
