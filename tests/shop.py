"""A shop that asks a running service for prices, and sends it what came true: trials over HTTP."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import httpx
import numpy as np
import pandas as pd

from tests import patience
from tests.examples import make_orders
from tests.kept import kept


class Shop:
    """Whoever asks for prices; `address` is where the service keeps what it answers."""

    def __init__(self, url: str, address: str) -> None:
        self.url, self.address = url, address
        self.sent: dict[str, dict[str, Any]] = {}

    def asks(self, rows: int, seed: int, dearer: float = 0.0) -> dict[str, dict[str, Any]]:
        """Ask for prices one by one; return the answers by the order's id, all 200.

        `dearer` is by how much their unit prices are above what they were.
        """
        orders = make_orders(rows, seed=seed)
        orders["UnitPrice"] += dearer
        orders["OrderID"] = [f"S{seed}-{number}" for number in range(rows)]
        told = {}
        with httpx.Client(base_url=self.url) as client:
            for order in json.loads(orders.to_json(orient="records", date_format="iso")):
                answer = client.post("/predict", json=order)
                assert answer.status_code == 200
                told[order["OrderID"]] = answer.json()
                self.sent[order["OrderID"]] = order
        return told

    def until_kept(self, ids: Iterable[str]) -> pd.DataFrame:
        """Wait until answers are on disk; return their rows, by the order's id."""
        wanted = {*ids}
        patience.until(lambda: wanted <= {*kept(self.address).get("key.OrderID", ())}, every=0.3)
        rows = kept(self.address).set_index("key.OrderID")
        return rows[rows.index.isin(wanted)]

    def truths(self, told: Mapping[str, float]) -> None:
        """Send what came true, by the order's id."""
        body = [{"OrderID": name, "TotalAmount": value} for name, value in told.items()]
        answered = httpx.post(f"{self.url}/truths", json=body)
        assert answered.json() == {"kept": len(body)}


def as_predicted(rows: pd.DataFrame, alias: str) -> dict[str, float]:
    """Return truths, by the order's id, that are one off what a model of a trial has predicted.

    None of rows beside which a slow machine has kept no prediction of the other model.
    """
    told = rows["shadow.prediction"].where(rows["alias"] != alias, rows["prediction"]).dropna()
    off = np.where(np.arange(len(told)) % 2, 1.0, -1.0)
    return dict(zip(told.index, (told + off).tolist(), strict=True))


def traffic(url: str, percent: float | None = None) -> dict[str, Any]:
    """Tell a service the challenger's share, if one is given; return who answers what."""
    if percent is None:
        return httpx.get(f"{url}/traffic").json()
    return httpx.post(f"{url}/traffic", json={"challenger": percent}).json()


def answering_version(url: str, expected: int) -> None:
    """Wait until ten answers in a row come from a version: any worker may take each."""
    order = json.loads(make_orders(1).to_json(orient="records", date_format="iso"))[0]

    def holds() -> bool:
        told = [
            httpx.post(f"{url}/predict", json=order, headers={"X-Keep": "no"}).json()["model"]
            for _ in range(10)
        ]
        return {one["version"] for one in told} == {expected}

    patience.until(holds)
