"""Slices of the test rows: each is judged by itself, as an average hides who is served badly."""

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from pydantic import model_validator

from sales.errors import PipelineError
from sales.params import Group

LAST = "\U0010ffff"  # sorts behind every text
SliceKey = tuple[int, Any, str]


class Slice(Group):
    """Slices of the test rows by a column: by its values, or by bands cut at `edges`."""

    edges: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _rising(self) -> "Slice":
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError("edges must rise")
        return self


def within(
    table: pd.DataFrame, slices: Mapping[str, Slice]
) -> Iterator[tuple[SliceKey, np.ndarray]]:
    """Yield each slice's rows; its key sorts it: the column's place, the value's, and the name."""
    for place, (column, cut) in enumerate(slices.items()):
        if column not in table:
            raise PipelineError(f"evaluate: the data has no column '{column}'")
        values = table[column]
        if cut.edges:
            bounds = [-np.inf, *cut.edges, np.inf]
            for band, (low, high) in enumerate(pairwise(bounds)):
                name = f"{column}={low:g}..{high:g}"
                name = f"{column}<{high:g}" if low == -np.inf else name
                name = f"{column}>={low:g}" if high == np.inf else name
                yield (place, band, name), values.between(low, high, "left").to_numpy()
        else:
            for value in values.dropna().unique():
                yield (place, value, f"{column}={value}"), (values == value).to_numpy()
        unknown = values.isna().to_numpy()
        if unknown.any():
            last = math.inf if cut.edges or pd.api.types.is_numeric_dtype(values) else LAST
            yield (place, last, f"{column}=(missing)"), unknown
