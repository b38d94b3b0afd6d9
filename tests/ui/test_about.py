"""The view About: what this is, one example, what it cannot do."""

import httpx

from tests.ui.shown import everything
from ui.client import RefusedError, Service


def test_it_says_what_this_is_with_one_example_of_the_model_that_answers(page, running):
    app = page("about", running)
    shown = everything(app).replace("\\", "")
    order = httpx.get(f"{running}/schema").json()["example"]
    total = httpx.post(f"{running}/predict", json=order).json()["predicted_total_amount"]
    assert app.title[0].value == "Amazon Sales in two minutes"
    assert f"${total:,.2f}" in shown
    assert f"quantity {order['Quantity']:g}" in shown
    assert "What it cannot do" in shown
    rows = httpx.get(f"{running}/data").json()["train_rows"]
    assert f"It learnt that from {rows:,} orders" in shown
    assert not app.exception


def test_its_example_is_no_row_that_the_service_keeps(page, running, monkeypatch):
    asked = []
    ask = Service.predict_batch
    monkeypatch.setattr(
        Service, "predict_batch", lambda self, orders: asked.append(orders) or ask(self, orders)
    )
    page("about", running)
    assert len(asked) == 1  # X-Keep: no, as all of these


def test_without_an_answer_the_rest_stands(page, running, monkeypatch):
    def refused(self, orders):
        raise RefusedError(422, "Brand is missing")

    monkeypatch.setattr(Service, "predict_batch", refused)
    app = page("about", running)
    assert "It cannot be predicted now. Brand is missing" in everything(app)
    assert "What it cannot do" in everything(app)
