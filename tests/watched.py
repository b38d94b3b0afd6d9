"""A small world for tests of watching: a reference, rows of the log with truths, windows."""

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from bench import watching as simulation
from sales.judging import reference, scores, shapes
from sales.judging.marks import Marks
from sales.judging.reference import PREDICTION, Reference
from sales.judging.slices import Slice
from sales.models.intervals import Within
from sales.watching.windows import cuts, report
from sales.watching.windows.limits import Simulated

HASH = "a" * 64
BRANDS = ("Apex", "Zenith", "Nexus")
SETTINGS = simulation.SETTINGS.model_copy(update={"min_rows": 100, "min_truths": 100})


def rows(count: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Return fields, predictions, and what came true, as the model learnt them."""
    rng = np.random.default_rng(seed)
    price, brand = rng.uniform(5, 600, count), rng.choice(BRANDS, count, p=[0.5, 0.3, 0.2])
    day = np.datetime64("2024-01-01") + rng.integers(0, 365, count)
    predicted = 2 * price
    return {
        "Price": price,
        "Brand": brand.astype(object),
        "Date": day.astype("datetime64[ms]"),
        "prediction": predicted,
        "truth": predicted - rng.normal(0, 10, count),
    }


def made(train: int = 5000, test: int = 2000) -> Reference:
    """Return the reference of such rows."""
    before, tested = rows(train, 1), rows(test, 2)
    month = before["Date"].astype("datetime64[M]").astype(int) % 12 + 1.0
    fields = (
        shapes.of_numbers("Price", "number", before["Price"]),
        shapes.of_levels("Brand", pd.Series(before["Brand"]), pd.Series(tested["Brand"])),
        shapes.of_numbers("Month", "date", month, source="month(Date)"),
    )
    prediction = shapes.of_numbers(PREDICTION, "prediction", tested["prediction"])
    assert prediction
    error = tested["prediction"] - tested["truth"]
    within = Within(tested["prediction"] - 16.45, tested["prediction"] + 16.45)
    tally = scores.counted(tested["truth"], tested["prediction"], within)
    band = prediction.place(tested["prediction"])
    return Reference(
        "linear_regression",
        HASH,
        "Total",
        train,
        test,
        (*(shape for shape in fields if shape), prediction),
        reference.errors(tally, 0.9, error, band, prediction.bins),
        {"Brand": Slice()},
        {f"Brand={name}": 10.0 for name in BRANDS},
        {f"Brand={name}": Marks.of(error[tested["Brand"] == name]) for name in BRANDS},
    )


def asked() -> report.Asked:
    """Return what a report is asked about, two days after the first rows of `table`."""
    champion = {"model": "linear_regression", "version": 3, "content_hash": HASH}
    now = int(np.datetime64("2026-11-27T03:00", "us").astype(np.int64))
    called = {"row": "order", "rows": "orders"}
    names = {HASH: champion}
    return report.Asked(now, None, champion, called, "$", {HASH: made()}, names, [], {}, SETTINGS)


def document() -> dict[str, Any]:
    """Return what GET /watch tells where nothing was served."""
    return report.document(cuts.by_time(cuts.asked("day")), {}, asked(), Simulated(None, 1.0))


def table(told: dict[str, np.ndarray], day: int = 25, **more: Any) -> pa.Table:
    """Return rows as the log has them, spread over a day of November 2026."""
    count = len(told["prediction"])
    start = datetime.datetime(2026, 11, day, tzinfo=datetime.UTC)
    seconds = np.linspace(0, 86_000, count)
    times = [start + datetime.timedelta(seconds=each) for each in seconds]
    columns = {
        "request_id": [f"{day}-{number}" for number in range(count)],
        "time": pa.array(times, pa.timestamp("us", "UTC")),
        "alias": ["champion"] * count,
        "version": pa.array([3] * count, pa.int64()),
        "content_hash": [HASH] * count,
        "prediction": told["prediction"],
        "low": told["prediction"] - 16.45,
        "high": told["prediction"] + 16.45,
        "weight": np.ones(count),
        "field.Price": told["Price"],
        "field.Brand": pa.array(told["Brand"], pa.string(), from_pandas=True),
        "field.Date": pa.array(told["Date"]).cast(pa.timestamp("ms")),
        "truth": told["truth"],
    }
    return pa.table({**columns, **more})
