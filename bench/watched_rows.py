"""How long `make watch` takes, and how much memory, for how many answered rows.

    python -m bench.watched_rows [--rows 1000000 10000000]

A log as the service leaves one, of rows that the promoted champion was made and tested with, drawn
again and again over thirty days; one row of ten comes true. What a hundred million would take is
told by the growth, and said so.
"""

import argparse
import os
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from sales import files
from sales.models import saved
from sales.models.saved import Model
from sales.watching import parts, rows, truths
from sales.watching.rows import FIELD

PREPARED, PROMOTED = Path("data/prepared"), Path("models/promoted")
DAYS = 30
TRUE = 10  # of so many rows one comes true
MORE = 100_000_000  # told by the growth


class Champion(NamedTuple):
    """The promoted champion, its version, and rows with what it answers of them, as they are kept.

    `truth` is what they came to.
    """

    model: Model
    version: int
    answered: pa.Table
    truth: np.ndarray


def champion(promoted: Path, table: pd.DataFrame) -> Champion:
    """Return the champion of an export and what it answers of a table of rows."""
    model = saved.load(promoted / "champion")
    version = int(files.read_json(promoted / "promoted.json")["champion"]["version"])
    predicted = model.predict(table)
    within = model.within(table, predicted)
    columns: dict[str, pa.Array] = {"prediction": pa.array(predicted)}
    if within is not None:
        columns |= {"low": pa.array(within.low), "high": pa.array(within.high)}
    for name, column in model.featuriser.fields.items():
        if name in table:
            columns[f"{FIELD}{name}"] = _kept(table[name], column.role)
    truth = table[model.featuriser.target].to_numpy(np.float64)
    return Champion(model, version, pa.table(columns), truth)


def _kept(values: pd.Series, role: str) -> pa.Array:
    if role == "date":
        return pa.array(values.to_numpy("datetime64[ms]")).cast(rows.TYPES["date"])
    if role == "categorical":
        return pa.array(values.astype(object), pa.string(), from_pandas=True)
    return pa.array(values.to_numpy(np.float64, na_value=np.nan), from_pandas=True)


def write(
    address: Path,
    many: int,
    of: Champion,
    last: date,
    days: int = DAYS,
    part: int = 10_000,
    before: int = 0,
) -> None:
    """Write so many rows of the days up to the last one, in parts of so many, and their truths.

    `before` are how many were written there already: an id each.
    """
    rng = np.random.default_rng(1)
    first = np.datetime64(last - timedelta(days=days - 1), "us")
    step = days * 86_400_000_000 / many
    told: dict[str, list[pa.Table]] = {}
    for start in range(0, many, part):
        count = min(part, many - start)
        times = first + ((start + np.arange(count)) * step).astype("timedelta64[us]")
        drawn = rng.integers(0, len(of.truth), count)
        ids = [f"{before + start + number:012x}" for number in range(count)]
        signed = {
            "request_id": pa.array(ids),
            "time": pa.array(times).cast(rows.TIME),
            **{name: pa.repeat(pa.scalar(text), count) for name, text in _signed(of).items()},
            "outside": pa.repeat(pa.scalar(False), count),
            "weight": pa.array(np.ones(count)),
        }
        answered = of.answered.take(drawn)
        table = pa.table({**signed, **dict(zip(answered.column_names, answered, strict=True))})
        true = np.arange(count) % TRUE == 0
        came = pa.table(
            {
                "time": table["time"].filter(pa.array(true)),
                "request_id": table["request_id"].filter(pa.array(true)),
                "truth": of.truth[drawn][true],
            },
            schema=truths.SCHEMA,
        )
        for day, own in parts.by_day(table):
            _put(address, parts.ROWS, day, f"{start:012d}", own)
        for day, own in parts.by_day(came):
            told.setdefault(day, []).append(own)
    for day, own_truths in told.items():
        _put(address, parts.TRUTHS, day, "0", parts.together(own_truths))


def _signed(of: Champion) -> dict[str, str | int]:
    return {
        "route": "/predict",
        "alias": "champion",
        "version": of.version,
        "content_hash": of.model.content_hash,
    }


def _put(address: Path, kind: str, day: str, name: str, table: pa.Table) -> None:
    folder = address / kind / f"{parts.DAY}{day}"
    folder.mkdir(parents=True, exist_ok=True)
    pa.parquet.write_table(table, folder / f"{name}.parquet", **parts.HOW)


def measured(address: Path, state: Path) -> tuple[float, float, float, str]:
    """Return the seconds of a look, those of a processor, its most memory in MB, and its end."""
    told = state / "told"
    environ = os.environ | {"SERVED": str(address), "SALES_STATE": str(state)}
    start = time.perf_counter()
    with told.open("wb") as out:
        process = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "stages.watch"],
            environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, out.fileno(), 1)],
        )
        _, _, used = os.wait4(process, 0)
    seconds = time.perf_counter() - start
    last = told.read_text().splitlines()[-1]
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, last


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    sizes = sorted(parser.parse_args().rows)
    table = pd.concat([pd.read_parquet(PREPARED / f"{part}.parquet") for part in ("train", "test")])
    of = champion(PROMOTED, table)
    last = datetime.now(UTC).date() - timedelta(days=1)
    print("| rows | parts | MB on disk | seconds | of a processor | MB of memory | rows a second |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    found = []
    for many in sizes:
        with tempfile.TemporaryDirectory() as folder:
            served, state = Path(folder, "served"), Path(folder, "state")
            state.mkdir()
            write(served, many, of, last)
            there = [path.stat().st_size for path in served.glob("rows/*/*.parquet")]
            seconds, busy, memory, end = measured(served, state)
        found.append((many, seconds, memory))
        cells = f"{many:,}", f"{len(there):,}", f"{sum(there) / 1e6:,.0f}", f"{seconds:,.1f}"
        more = f"{busy:,.1f}", f"{memory:,.0f}", f"{many / seconds:,.0f}"
        print(f"| {' | '.join((*cells, *more))} |\n{end}", flush=True)
    if len(found) > 1:
        (few, short, small), (most, long, large) = found[-2:]
        times = (MORE - most) / (most - few)
        print(
            f"By the growth, not measured: {MORE:,} rows in {long + times * (long - short):,.0f} "
            f"seconds, {large + times * (large - small):,.0f} MB."
        )


if __name__ == "__main__":
    main()
