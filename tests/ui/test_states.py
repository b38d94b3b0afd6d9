"""What a person sees when the service is down, slow, failing or not ours; and when we are wrong."""

import threading

import pytest

from tests import patience
from tests.bento_server import free_port
from tests.ui.shown import everything, labels
from ui.client import Service

VIEWS = ("predict", "score_file", "models", "data")


@pytest.mark.parametrize("view", VIEWS)
def test_a_service_that_is_down_is_told_with_the_command_that_starts_it(page, view):
    url = f"http://127.0.0.1:{free_port()}"
    app = page(view, url)
    [error] = app.error
    assert "does not answer" in error.value
    assert "make serve" in app.code[0].value
    assert "Try again" in labels(app)
    assert not app.exception


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (500, b"Traceback (most recent call last): ...", "The service failed"),
        (200, b"<html>another server</html>", "is it our service"),
        (404, b"not found", "was answered with status 404"),
    ],
)
def test_an_error_of_the_service_is_told_in_plain_words(page, answering, view, status, body, told):
    app = page(view, answering(lambda _: (status, body)))
    if status == 404 and view == "data":
        assert "status 404" in everything(app).replace("\\", "")
    else:
        assert told in app.error[0].value.replace("\\", "")
    assert "Traceback" not in everything(app)
    assert not app.exception


def test_a_slow_service_is_told_of(page, answering, monkeypatch):
    monkeypatch.setattr("ui.client.SECONDS", 0.3)

    over = threading.Event()

    def slow(_):
        over.wait(patience.SECONDS)
        return 200, b"{}"

    app = page("predict", answering(slow))
    over.set()
    assert "took too long" in app.error[0].value


@pytest.mark.parametrize("view", VIEWS)
def test_a_mistake_of_ours_shows_no_stack_trace(page, running, monkeypatch, caplog, view):
    def wrong(self):
        raise ZeroDivisionError("secret detail")

    for name in ("schema", "models", "data"):
        monkeypatch.setattr(Service, name, wrong)
    app = page(view, running)
    assert "This page made a mistake" in app.error[0].value
    assert "secret detail" not in everything(app)
    assert not app.exception
    assert "secret detail" in caplog.text


def test_the_page_goes_on_when_the_service_is_back(page, running, monkeypatch):
    app = page("predict", f"http://127.0.0.1:{free_port()}")
    assert app.error
    monkeypatch.setenv("API_URL", running)
    app.run()
    assert not app.error
    assert "Predict" in labels(app)
