"""The view Predict: a form from the schema, the answer, the bill and what moves it."""

import json
import threading
from datetime import date

import httpx
import pytest

from tests import patience
from tests.ui.shown import button, everything, labels
from ui import amounts
from ui.client import DownError, RefusedError, Service


def order_in(app, url):
    """Return the order that the form holds, as a client of the API would send it."""
    order = dict(httpx.get(f"{url}/schema").json()["example"])
    order["OrderDate"] = order["OrderDate"][:10]
    return order


def control(app, kind, label):
    [found] = [one for one in app.get(kind) if one.label == label]
    return found


def test_the_form_has_a_control_for_every_field_with_the_contracts_choices(page, running, contract):
    app = page("predict", running)
    schema = httpx.get(f"{running}/schema").json()
    shown = {
        one.label for kind in ("selectbox", "number_input", "date_input") for one in app.get(kind)
    }
    assert shown == {
        *("Quantity", "Unit price ($)", "Discount (%)", "Tax ($)", "Shipping cost ($)"),
        *("Order date", "Category", "Brand", "Payment method", "Order status"),
        *("City", "State", "Country"),
    }
    assert len(shown) == len(schema["fields"])
    assert control(app, "selectbox", "Brand").options == list(contract.columns["Brand"].values)
    assert "Australia" in control(app, "selectbox", "Country").options
    price = control(app, "number_input", "Unit price ($)")
    assert price.help == "From 0.01 to 10,000"
    assert price.value == schema["example"]["UnitPrice"]


def test_the_city_fixes_the_state(page, running):
    app = page("predict", running)
    control(app, "selectbox", "City").select("Seattle").run()
    state = control(app, "selectbox", "State")
    assert (state.value, state.options, state.disabled) == ("WA", ["WA"], True)
    control(app, "selectbox", "City").select("Austin").run()
    assert control(app, "selectbox", "State").value == "TX"


def test_the_answer_is_the_services_own_and_the_bill_adds_up_to_it(page, running):
    app = page("predict", running)
    assert "press Predict" in everything(app)
    control(app, "number_input", "Quantity").set_value(3)
    control(app, "number_input", "Discount (%)").set_value(10.0)
    control(app, "number_input", "Unit price ($)").set_value(200.0)
    button(app, "Predict").click().run()
    order = {**order_in(app, running), "Quantity": 3, "Discount": 0.1, "UnitPrice": 200.0}
    asked = httpx.post(f"{running}/predict", json=order).json()
    total = f"${asked['predicted_total_amount']:,.2f}"
    [metric] = app.metric
    assert (metric.label, metric.value) == ("Predicted total amount", total)
    assert f"version {asked['model']['version']}" in everything(app)
    ends = (asked["prediction_interval"][end] for end in ("low", "high"))
    low, high = (end.replace("$", "\\$") for end in amounts.apart(*ends, "$"))
    assert low != high
    assert f"90% of such orders lie between {low} and {high}" in everything(app)
    bill = dict(app.table[0].value.itertuples(index=False))
    bill = {part: shown.replace("\\", "") for part, shown in bill.items()}
    assert bill["Base"] == "$600.00"
    assert bill["Discount"] == "−$60.00"
    assert bill["Tax"] == f"${order['Tax']:,.2f}"
    assert bill["Shipping"] == f"${order['ShippingCost']:,.2f}"
    assert bill["**Total**"] == total
    assert not app.exception


def drawn(app, title):
    """Return the text that stands for the chart, for those who do not see it."""
    texts = [one.proto.alt for one in app.get("vega_lite_chart")]
    [found] = [text for text in texts if text.startswith(title)]
    return found


def test_why_the_price_is_what_it_is_comes_from_the_service(page, running):
    app = page("predict", running)
    control(app, "number_input", "Unit price ($)").set_value(333.33)
    button(app, "Predict").click().run()
    assert "Why this prediction" in everything(app)
    order = {**order_in(app, running), "UnitPrice": 333.33}
    asked = httpx.post(f"{running}/explain", json=order).json()
    text = drawn(app, "Waterfall chart")
    assert f"Average prediction ${asked['baseline']:,.2f}" in text
    assert f"This prediction ${asked['predicted_total_amount']:,.2f}" in text
    largest = asked["contributions"][0]
    assert largest["feature"] == "NetAmount"
    assert f"Net amount: {largest['value']:.2f}" in text


def test_a_service_that_cannot_explain_still_prices(page, running, monkeypatch):
    def refused(self, order):
        raise RefusedError(404, "POST /explain was answered with status 404")

    monkeypatch.setattr(Service, "explain", refused)
    app = page("predict", running)
    button(app, "Predict").click().run()
    assert app.metric
    assert "cannot be explained" in app.info[0].value
    assert "status 404" in app.info[0].value
    assert not app.error


def test_an_explanation_by_another_model_is_not_shown(page, running, monkeypatch):
    ask = Service.explain

    def switched(self, order):
        return {**ask(self, order), "model": {"alias": "challenger"}}

    monkeypatch.setattr(Service, "explain", switched)
    app = page("predict", running)
    button(app, "Predict").click().run()
    assert "Another model has been switched to" in app.info[0].value


def test_what_is_unusual_about_an_explanation_is_told_beside_it(page, running, monkeypatch):
    ask = Service.explain
    monkeypatch.setattr(
        Service, "explain", lambda self, order: {**ask(self, order), "warnings": ["against zero"]}
    )
    app = page("predict", running)
    button(app, "Predict").click().run()
    assert [one.value for one in app.warning] == ["against zero"]


def test_a_changed_form_says_that_the_price_is_the_old_ones(page, running):
    app = page("predict", running)
    button(app, "Predict").click().run()
    assert "The form has changed" not in everything(app)
    quantity = control(app, "number_input", "Quantity")
    quantity.set_value(quantity.value + 1).run()
    assert "The form has changed" in everything(app)
    button(app, "Predict").click().run()
    assert "The form has changed" not in everything(app)


def test_what_training_never_saw_is_warned_of(page, running):
    app = page("predict", running)
    control(app, "selectbox", "Brand").set_value("HomeEase")  # allowed, but not in the small table
    button(app, "Predict").click().run()
    assert "HomeEase" in app.warning[0].value


@pytest.mark.parametrize("field", ["Quantity", "UnitPrice", "Discount"])
def test_the_chart_moves_the_field_that_was_picked(page, running, monkeypatch, field):
    sent = []
    ask = Service.predict_batch
    monkeypatch.setattr(
        Service, "predict_batch", lambda self, orders: sent.append(orders) or ask(self, orders)
    )
    app = page("predict", running)
    button(app, "Predict").click().run()
    app.selectbox(key="moves_with").select(field).run()
    tried = [order[field] for order in sent[-1]]
    assert len(set(tried)) == len(tried) > 3
    assert {
        len({str(order[name]) for order in sent[-1]}) for name in sent[-1][0] if name != field
    } == {1}
    assert app.get("arrow_vega_lite_chart") or app.get("vega_lite_chart")


def test_a_refused_order_is_explained(page, running, monkeypatch):
    ask = Service.predict
    monkeypatch.setattr(
        Service, "predict", lambda self, order: ask(self, {**order, "Quantity": 2.5})
    )
    app = page("predict", running)
    button(app, "Predict").click().run()
    assert "Quantity" in app.error[0].value
    assert "Try again" in labels(app)


def test_without_the_datas_picture_the_price_is_still_there(page, running, monkeypatch):
    def refused(self):
        raise RefusedError(404, "no data.json: run `make repro`")

    monkeypatch.setattr(Service, "data", refused)
    app = page("predict", running)
    button(app, "Predict").click().run()
    assert app.metric
    assert not app.error


@pytest.mark.parametrize(
    ("label", "value", "said"),
    [
        ("Quantity", 101.0, "Enter a whole number from 1 to 100"),
        ("Quantity", 0.0, "Enter a whole number from 1 to 100"),
        ("Quantity", 2.5, "Enter a whole number from 1 to 100"),
        ("Quantity", None, "Enter a whole number from 1 to 100"),
        ("Unit price ($)", 0.0, "Enter a number from 0.01 to 10,000"),
        ("Unit price ($)", None, "Enter a number from 0.01 to 10,000"),
        ("Discount (%)", 100.5, "Enter a number from 0 to 100 %"),
    ],
)
def test_a_number_that_cannot_be_is_said_at_the_field_and_nothing_is_priced(
    page, running, monkeypatch, label, value, said
):
    app = page("predict", running)
    button(app, "Predict").click().run()
    assert app.metric
    control(app, "number_input", label).set_value(value).run()
    assert f":red[{said}]" in everything(app)
    asked = []
    monkeypatch.setattr(Service, "predict", lambda _, order: asked.append(order))
    button(app, "Predict").click().run()
    assert asked == []
    assert not app.metric
    assert "Not predicted" in app.error[0].value
    assert said in app.error[0].value
    assert app.title
    assert control(app, "number_input", label).value == value


def test_an_emptied_day_is_said_at_the_field_and_nothing_is_priced(page, running):
    app = page("predict", running)
    control(app, "date_input", "Order date").set_value(None).run()
    assert "Enter a day" in everything(app)
    button(app, "Predict").click().run()
    assert not app.metric


@pytest.mark.parametrize("day", [date(1999, 12, 31), date(2035, 1, 1)])
def test_a_day_that_the_model_never_learnt_is_answered_with_a_warning(page, running, day):
    app = page("predict", running)
    control(app, "date_input", "Order date").set_value(day).run()
    button(app, "Predict").click().run()
    assert app.metric
    assert "OrderDate" in app.warning[0].value


def test_a_discount_is_typed_in_percent_and_sent_as_a_share(page, running, monkeypatch):
    sent = []
    ask = Service.predict
    monkeypatch.setattr(
        Service, "predict", lambda self, order: sent.append(order) or ask(self, order)
    )
    app = page("predict", running)
    control(app, "number_input", "Discount (%)").set_value(7.3).run()
    button(app, "Predict").click().run()
    assert sent[0]["Discount"] == 0.073


@pytest.fixture
def switched_back(running):
    yield
    httpx.post(f"{running}/models/load?alias=champion")


def test_after_another_users_switch_all_figures_are_the_other_models(page, running, switched_back):
    app = page("predict", running)
    button(app, "Predict").click().run()
    before = app.metric[0].value
    assert "The champion answers now" in everything(app)
    httpx.post(f"{running}/models/load?alias=challenger").raise_for_status()
    app.selectbox(key="moves_with").select("UnitPrice").run()
    assert "The challenger answers now" in everything(app)
    assert "asked anew" in everything(app)
    assert "Answered by the challenger" in everything(app)
    order = order_in(app, running)
    total = httpx.post(f"{running}/predict", json=order).json()["predicted_total_amount"]
    assert app.metric[0].value == f"${total:,.2f}" != before
    told = httpx.post(f"{running}/explain", json=order).json()
    assert f"This prediction ${told['predicted_total_amount']:,.2f}" in drawn(app, "Waterfall")


def test_a_switch_between_the_page_and_the_press_is_the_new_models_page(
    page, running, switched_back
):
    app = page("predict", running)
    httpx.post(f"{running}/models/load?alias=challenger").raise_for_status()
    button(app, "Predict").click().run()
    assert "The challenger answers now" in everything(app)
    assert "Answered by the challenger" in everything(app)
    assert not app.error


def test_a_failure_leaves_form_and_title_and_what_was_entered(page, running, monkeypatch):
    app = page("predict", running)
    title = app.title[0].value
    control(app, "number_input", "Quantity").set_value(7.0).run()

    def down(*_):
        raise DownError("The service does not answer.")

    for name in ("schema", "data", "answering", "predict", "explain", "predict_batch"):
        monkeypatch.setattr(Service, name, down)
    for _ in range(2):  # pressed, and drawn again
        button(app, "Predict").click().run()
        assert "does not answer" in app.error[0].value
        assert app.title[0].value == title
        assert control(app, "number_input", "Quantity").value == 7
        app.run()
        assert app.title[0].value == title
        assert control(app, "number_input", "Quantity").value == 7
        assert "does not answer" in app.error[0].value


def test_a_model_that_asks_for_other_fields_is_told_of(page, running, monkeypatch):
    app = page("predict", running)
    schema = Service(running).schema()

    def refused(self, order):
        raise RefusedError(422, [{"loc": ["body", "Tax"], "msg": "Field required"}])

    fields = {name: field for name, field in schema["fields"].items() if name != "Tax"}
    monkeypatch.setattr(Service, "schema", lambda _: {**schema, "fields": fields})
    monkeypatch.setattr(Service, "predict", refused)
    button(app, "Predict").click().run()
    assert "asks for other fields" in app.info[0].value
    button(app, "Show them").click().run()
    assert "Tax ($)" not in [one.label for one in app.number_input]


def test_a_view_asks_all_that_it_needs_at_the_same_time(page, running, monkeypatch):
    """Each question waits until the others are asked too, or gives up after a while."""
    started = threading.Barrier(3, timeout=patience.SECONDS)

    def together(name):
        ask = getattr(Service, name)

        def waits(self, *arguments):
            started.wait()
            return ask(self, *arguments)

        monkeypatch.setattr(Service, name, waits)

    for name in ("schema", "data", "answering"):
        together(name)
    app = page("predict", running)
    for name in ("predict", "explain", "predict_batch"):
        together(name)
    monkeypatch.setattr(Service, "answering", lambda _: pytest.fail("the answer tells it"))
    button(app, "Predict").click().run()
    assert app.metric
    assert not app.error


def test_the_answer_is_told_to_screen_readers(page, running):
    app = page("predict", running)
    button(app, "Predict").click().run()
    told = json.loads(app.get("bidi_component")[0].proto.json)
    assert told["text"].startswith(f"Predicted total amount: {app.metric[0].value}.")
    assert (told["bad"], told["turn"]) == ([], "1")
    control(app, "number_input", "Quantity").set_value(None).run()
    button(app, "Predict").click().run()
    told = json.loads(app.get("bidi_component")[0].proto.json)
    assert told["text"].startswith("Not predicted. Quantity:")
    assert (len(told["bad"]), told["turn"]) == (1, "2")
