"""What a run in MLflow tells of a model."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def at_once() -> tuple[int, int]:
    """Return beginning and end of what took no time, as MLflow counts: in milliseconds."""
    now = int(time.time() * 1000)
    return now, now


@dataclass(frozen=True)
class Run:
    """What is tracked of a model: all that is known of it, or, restored, what is still known."""

    name: str
    folder: Path
    params: Mapping[str, Any]
    metrics: Mapping[str, Any]
    tags: Mapping[str, str]
    example: "pd.DataFrame"  # some orders as a client sends them
    data_hash: str
    curve: "pd.DataFrame | None" = None  # step, split, rmse
    texts: Mapping[str, str] = field(default_factory=dict)  # artifact path to content
    files: Mapping[str, bytes] = field(default_factory=dict)  # likewise: pictures, and the rows
    data_file: Path | None = None
    times: tuple[int, int] = field(default_factory=at_once)  # when the training began and ended


def flat(metrics: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Return nested metrics as `test.rmse`, numbers only and finite only."""
    found: dict[str, float] = {}
    for key, value in metrics.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        elif isinstance(value, bool):
            continue  # a truth is no number
        elif isinstance(value, int | float) and math.isfinite(value):
            found[f"{prefix}{key}"] = float(value)
    return found
