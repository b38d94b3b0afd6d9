"""A row of a file as an order, the way the API takes one."""

from typing import Any

import numpy as np
import pandas as pd

from sales.contract import Column
from sales.serving import upload
from ui.form import Order
from ui.upload_check import Upload


def order(uploaded: Upload, place: int, fields: dict[str, Column], parts: dict[str, str]) -> Order:
    """Return the good row at a place of the file, from 0, with what it holds of each field."""
    row = uploaded.asked().slice(place, 1)
    found = upload.orders(row, fields, parts)
    return {name: _plain(values, fields.get(name)) for name, values in found.items()}


def _plain(values: Any, column: Column | None) -> Any:
    value = values[0]
    if pd.isna(value):
        return None
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[ms]"))
    if isinstance(value, str):
        return value
    if column is not None and column.role == "boolean":
        return bool(value)
    number = float(value)
    whole = column is None or column.integer  # a part of a date is a whole number
    return int(number) if whole else number
