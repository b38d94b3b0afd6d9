"""What a person sees when the service is down, slow, failing or not ours; and when we are wrong."""

import threading

import httpx
import pytest

from tests import patience
from tests.bento_server import free_port
from tests.ui.shown import everything, labels
from ui.client import DownError, Service, ServiceError

VIEWS = ("predict", "score_file", "models", "data")


@pytest.mark.parametrize("view", VIEWS)
def test_a_service_that_is_down_is_told_with_the_command_that_starts_it(page, view):
    url = f"http://127.0.0.1:{free_port()}"
    app = page(view, url)
    [error] = app.error
    assert "does not answer" in error.value
    assert "this page goes on by itself" in error.value
    assert "tell those who run the service" in everything(app)
    [folded] = app.expander  # what a person who predicts cannot do
    assert not folded.proto.expanded
    assert "make serve" in folded.code[0].value
    assert url in folded.markdown[0].value
    assert "Try again" in labels(app)
    assert app.title
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


TITLES = {
    "predict": "What will this order cost?",
    "score_file": "Score a file",
    "models": "Models",
    "data": "Data",
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("error", [DownError("away"), ServiceError("busy"), ValueError("ours")])
def test_no_failure_takes_the_title_away(page, running, monkeypatch, view, error):
    app = page(view, running)
    assert app.title[0].value == TITLES[view]

    def fails(*_):
        raise error

    monkeypatch.setattr(Service, "_json", fails)
    monkeypatch.setattr(Service, "ready", lambda _: False)
    app.run()
    assert app.error
    assert "Try again" in labels(app)
    assert app.title[0].value == TITLES[view]


def test_a_file_can_be_chosen_and_checked_while_the_service_is_away(page, running, monkeypatch):
    app = page("score_file", running)

    def down(*_):
        raise DownError("The service does not answer.")

    monkeypatch.setattr(Service, "_json", down)
    monkeypatch.setattr(Service, "ready", lambda _: False)
    app.run()
    assert app.file_uploader
    assert "does not answer" in app.error[0].value


def test_a_service_that_says_it_is_ready_and_fails_is_not_asked_without_end(
    page, running, monkeypatch
):
    asked = []

    def down(*_):
        asked.append(1)
        raise DownError("The service does not answer.")

    monkeypatch.setattr(Service, "models", down)
    app = page("models", running)
    assert app.error
    assert len(asked) == 1


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_says_which_model_answers(page, running, view):
    app = page(view, running)
    [told] = [one for one in app.caption if "The champion answers now" in one.value]
    assert httpx.get(f"{running}/model-info").json()["content_hash"] in told.help


def test_the_page_goes_on_when_the_service_is_back(page, running, monkeypatch):
    app = page("predict", f"http://127.0.0.1:{free_port()}")
    assert app.error
    monkeypatch.setenv("API_URL", running)
    app.run()
    assert not app.error
    assert "Predict" in labels(app)
