"""Fixtures shared by all tests."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sales import params
from sales.contract import Contract
from sales.features import FeaturizeParams

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def public_data() -> Path:
    """Return the public Kaggle file; the test is skipped, saying so, where it is absent."""
    given = os.environ.get("PUBLIC_DATA", "../shared/data/amazon_sales.csv.gz")
    path = (ROOT / given).resolve()
    if not path.is_file():
        pytest.skip(f"the public data file is not at {path} (set PUBLIC_DATA)")
    return path


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


@pytest.fixture(scope="session")
def orders() -> pd.DataFrame:
    """Return 400 prepared orders."""
    return make_orders(400)


@pytest.fixture(scope="session")
def contract() -> Contract:
    """Return the committed contract."""
    return params.read("contract", Contract)


@pytest.fixture(scope="session")
def featurize_params() -> FeaturizeParams:
    """Return the committed feature sets."""
    return params.read("featurize", FeaturizeParams)
