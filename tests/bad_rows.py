"""Rows that were set aside, as the service shows them: two of nine, by two reasons of three."""

from typing import Any

from tests.examples import make_orders

REASONS = {"Tax: below 0": 1, "UnitPrice: not a number": 1, "City: missing": 7}


def quarantine() -> dict[str, Any]:
    """Return two rows that were set aside of nine."""
    rows = make_orders(2).drop(columns="TotalAmount").astype(object)
    rows["Tax"], rows["UnitPrice"] = ["-1", "2"], ["5", "cheap"]
    rows["OrderDate"] = "2024-06-03"
    numbers = (3, 8)
    cells = [(3, "Tax", "-1", "below 0"), (8, "UnitPrice", "cheap", "not a number")]
    return {
        "rows": 9,
        "left_out": ["City"],
        "cells": [
            {"file": "may.csv", "row": row, "column": column, "value": value, "reason": reason}
            for row, column, value, reason in cells
        ],
        "whole": [
            {"file": "may.csv", "row": row, "cells": {k: str(v) for k, v in order.items()}}
            for row, order in zip(numbers, rows.to_dict("records"), strict=True)
        ],
    }
