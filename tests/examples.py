"""A small, valid example of everything: orders, and a project's parameters to change."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[1]


def make_orders(rows: int, seed: int = 0) -> pd.DataFrame:
    """Return prepared orders that keep the contract's identity; enough variety for small fits."""
    rng = np.random.default_rng(seed)
    quantity = rng.integers(1, 6, rows)
    price = rng.integers(500, 60_000, rows) / 100
    discount = rng.choice([0.0, 0.05, 0.1, 0.2], rows)
    net = quantity * price * (1 - discount)
    tax = np.round(net * rng.choice([0.0, 0.05, 0.08], rows), 2)
    shipping = np.round(rng.uniform(0, 15, rows), 2)
    choice = {
        "Category": ["Books", "Clothing", "Electronics"],
        "Brand": ["Apex", "NexPro", "Zenith"],
        "PaymentMethod": ["Credit Card", "UPI"],
        "OrderStatus": ["Delivered", "Shipped"],
        "City": ["Austin", "Seattle"],
        "Country": ["Canada", "India", "United States"],
    }
    drawn = {name: pd.Categorical(rng.choice(values, rows)) for name, values in choice.items()}
    state = pd.Categorical(np.where(np.asarray(drawn["City"]) == "Austin", "TX", "WA"))
    days = np.datetime64("2020-01-01", "ms") + rng.integers(0, 1800, rows).astype("timedelta64[D]")
    return pd.DataFrame(
        {
            "OrderID": [f"ORD{i:07d}" for i in range(1, rows + 1)],
            "OrderDate": days.astype("datetime64[ms]"),
            "Category": drawn["Category"],
            "Brand": drawn["Brand"],
            "Quantity": quantity,
            "UnitPrice": price,
            "Discount": discount,
            "Tax": tax,
            "ShippingCost": shipping,
            "TotalAmount": np.round(net + tax + shipping, 2),
            "PaymentMethod": drawn["PaymentMethod"],
            "OrderStatus": drawn["OrderStatus"],
            "City": drawn["City"],
            "State": state,
            "Country": drawn["Country"],
        }
    )


def set_params(changes: dict[str, Any]) -> None:
    """Change dotted keys of params.yaml in the current folder."""
    path = Path("params.yaml")
    tree = yaml.safe_load(path.read_text())
    for key, value in changes.items():
        *parents, last = key.split(".")
        inner = tree
        for part in parents:
            inner = inner[part]
        inner[last] = value
    path.write_text(yaml.safe_dump(tree, sort_keys=False))
