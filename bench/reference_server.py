"""The published way of serving, as a yardstick for `make bench`: not a part of the project.

A FastAPI server: a pydantic model, a DataFrame of one row, a ColumnTransformer with one-hot
categories, XGBoost behind it. `REFERENCE` names the pickled scikit-learn pipeline.
"""

import os
from typing import Any

import joblib
import pandas as pd
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder
from xgboost import XGBRegressor

NUMERIC = ["Quantity", "UnitPrice", "Discount", "Tax", "ShippingCost"]
NUMERIC += ["OrderYear", "OrderMonth"]
CATEGORICAL = ["Category", "Brand", "PaymentMethod", "OrderStatus", "City", "State", "Country"]
CATEGORICAL += ["OrderDayOfWeek"]


class Order(BaseModel):
    """The published request."""

    Category: str
    Brand: str
    Quantity: int
    UnitPrice: float
    Discount: float
    Tax: float
    ShippingCost: float
    PaymentMethod: str
    OrderStatus: str
    City: str
    State: str
    Country: str
    OrderYear: int
    OrderMonth: int
    OrderDayOfWeek: str


def fitted(orders: pd.DataFrame, target: pd.Series, settings: dict) -> Pipeline:
    """Return the pipeline fitted to raw orders (the 15 fields)."""
    columns = ColumnTransformer(
        [
            ("numbers", "passthrough", NUMERIC),
            (
                "categories",
                OneHotEncoder(handle_unknown="ignore", sparse_output=False),
                CATEGORICAL,
            ),
        ]
    )
    return Pipeline([("columns", columns), ("model", XGBRegressor(**settings))]).fit(orders, target)


app = FastAPI()
pipeline: Any = joblib.load(os.environ["REFERENCE"]) if "REFERENCE" in os.environ else None


@app.get("/health")
def health() -> dict[str, str]:
    """Answer, as long as the process lives."""
    return {"status": "ok"}


@app.post("/predict")
def predict(order: Order) -> dict[str, float]:
    """Price one order."""
    row = pd.DataFrame([order.model_dump()])
    return {"predicted_total_amount": float(pipeline.predict(row)[0])}


@app.post("/predict_batch")
def predict_batch(orders: list[Order]) -> dict[str, list[float]]:
    """Price a list of orders."""
    if not orders:
        raise HTTPException(400, "Empty input list")
    rows = pd.DataFrame([order.model_dump() for order in orders])
    return {"predictions": [float(value) for value in pipeline.predict(rows)]}
