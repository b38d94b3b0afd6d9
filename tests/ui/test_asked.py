"""Answer, why and chart about an order are one model's, whoever switches models meanwhile."""

import threading

import pytest

from ui import asked
from ui.client import ServiceError

SECONDS = 60  # after which those who wait for one another give up
ORDER = {"Quantity": 2}
TRIED = [{"Quantity": 1}, {"Quantity": 2}]


def model(name):
    return {"alias": name, "version": 1, "content_hash": name}


class Switching:
    """A service whose answers are by the models named, one after another for each question."""

    def __init__(self, predict="a", explain="a", predict_batch="a"):
        self.by = {"predict": predict, "explain": explain, "predict_batch": predict_batch}
        self.count = dict.fromkeys(self.by, 0)

    def _answer(self, question):
        names, place = self.by[question], self.count[question]
        self.count[question] += 1
        return {"model": model(names[min(place, len(names) - 1)])}

    def predict(self, _):
        return self._answer("predict")

    def explain(self, _):
        return self._answer("explain")

    def predict_batch(self, orders):
        return {**self._answer("predict_batch"), "predictions": [1.0] * len(orders)}


def test_all_is_asked_at_the_same_time():
    others = threading.Barrier(3, timeout=SECONDS)

    class Waiting(Switching):
        def _answer(self, question):
            others.wait()
            return super()._answer(question)

    found = asked.ask(Waiting(), ORDER, "Quantity", TRIED)
    assert found.moves["Quantity"]["predictions"] == [1.0, 1.0]


@pytest.mark.parametrize("late", ["predict", "explain", "predict_batch"])
def test_a_switch_in_between_asks_all_of_it_anew(late):
    names = {"predict": "ab", "explain": "ab", "predict_batch": "ab", late: "bb"}
    service = Switching(**names)
    found = asked.ask(service, ORDER, "Quantity", TRIED)
    assert service.count == {"predict": 2, "explain": 2, "predict_batch": 2}
    parts = (found.answer, found.explained, found.moves["Quantity"])
    assert [part["model"] for part in parts] == [model("b")] * 3


def test_what_stays_another_models_is_not_given():
    found = asked.ask(Switching(explain="b", predict_batch="c"), ORDER, "Quantity", TRIED)
    assert found.explained == found.moves["Quantity"] == asked.SWITCHED
    assert found.model == model("a")
    assert not found.must_ask("Quantity")


def test_what_is_not_there_says_why_and_the_prediction_stays(monkeypatch):
    service = Switching()

    def fails(_):
        raise ServiceError("too large")

    service.explain = service.predict_batch = fails
    found = asked.ask(service, ORDER, "Quantity", TRIED)
    assert (found.explained, found.moves) == ("too large", {"Quantity": "too large"})
    assert found.must_ask("Quantity")


def test_without_a_prediction_there_is_nothing():
    service = Switching()

    def fails(_):
        raise ServiceError("busy")

    service.predict = fails
    with pytest.raises(ServiceError, match="busy"):
        asked.ask(service, ORDER, None, [])


def test_another_field_is_added_only_by_the_same_model():
    found = asked.ask(Switching(), ORDER, None, [])
    assert found.moves == {}
    assert asked.move(Switching(), found, "Quantity", TRIED)
    assert not asked.move(Switching(predict_batch="b"), found, "UnitPrice", TRIED)
    assert list(found.moves) == ["Quantity"]
