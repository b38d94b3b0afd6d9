"""What an MLflow server does not answer, in a line: away, slow, refusing, too old."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from sales.errors import PipelineError
from sales.registry import homes
from sales.registry.homes import Server

OLDEST = (3, 0)  # of MLflow: the first whose models are logged by themselves
# Where nothing else is set: no phoning home, no chatter, and no minutes for a server that is down.
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_UV_AUTO_DETECT": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
AWAY = re.compile(
    r"Max retries exceeded|Connection ?Error|Connection aborted|Connection refused|RemoteDisconn"
    r"|Read timed out|ReadTimeout|ConnectTimeout|IncompleteRead|ChunkedEncodingError"
    r"|OperationalError|could not connect|server closed the connection|EndpointConnectionError"
)
SLOW = re.compile(r"[Tt]imed? ?out")
STATUS = re.compile(
    r"failed with error code (\d{3})|\b(\d{3}) (?:Client|Server) Error|too many (\d{3}) error resp"
)
# What MLflow tells of a thing that is not there; any other error is no answer at all.
ABSENT = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND", "ENDPOINT_NOT_FOUND")

# What a database says to the second of two who write the same; and MLflow, after a few of these.
SAME_MOMENT = re.compile(r"unique|iving up after", re.IGNORECASE)
TIMES = 8  # that it is asked then

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


def settle() -> None:
    """Set MLflow as SETTINGS says, where nobody set it otherwise: it reads that on import."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


@contextmanager
def answered(server: Server) -> Iterator[None]:
    """Turn whatever MLflow raises because of the server into a PipelineError of one line."""
    settle()
    import sqlalchemy.exc
    from mlflow.exceptions import MlflowException
    from requests import RequestException

    try:
        yield
    except (MlflowException, RequestException, sqlalchemy.exc.SQLAlchemyError) as error:
        raise PipelineError(told(error, server)) from error


def with_others(call: Callable[Asked, Answer], *words: Asked.args, **named: Asked.kwargs) -> Answer:
    """Ask MLflow, and again where another one writes the same at the same moment.

    Its server looks whether a thing is there and then writes it: a database refuses that to the
    second of two. What is asked may be repeated.
    """
    from mlflow.exceptions import MlflowException

    for _ in range(TIMES - 1):
        try:
            return call(*words, **named)
        except MlflowException as error:
            if not SAME_MOMENT.search(str(error)):
                raise
    return call(*words, **named)


def told(error: BaseException, server: Server) -> str:
    """Return what an error of MLflow's says of the server, for a person."""
    text = _all_of(error)
    where = f"the MLflow server at {server.address}"
    again = "nothing is half done that the next run does not complete: run it again"
    status = _status(error, text)
    if status == 401:
        return (
            f"{where} does not know you (401): set MLFLOW_TRACKING_TOKEN, or "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        )
    if status == 403:
        return f"{where} does not let you do that (403): ask whoever runs it for leave to write"
    if "out-of-date database schema" in text:
        return f"{where} has a database of another MLflow: `mlflow db upgrade`, by who runs it"
    if SLOW.search(text) and not status:
        return f"{where} did not answer in time; {again} (MLFLOW_HTTP_REQUEST_TIMEOUT is patience)"
    if status and status >= 500:
        return f"{where} failed ({status}); {again}"
    if AWAY.search(text):
        return f"{where} cannot be reached; {again}"
    if status == 404 or "ENDPOINT_NOT_FOUND" in text:
        return f"{where} does not know what was asked (404): is it MLflow {_oldest()} or newer?"
    line = " ".join(homes.shown(word) if "://" in word else word for word in str(error).split())
    return f"{where} refused: {line[:300]}"


def refuse_older(server: Server) -> None:
    """Raise PipelineError where the server tells that it is an MLflow older than OLDEST."""
    for uri in dict.fromkeys((server.tracking, server.registry)):
        if homes.kind(uri) in homes.WEB:
            version = _version(uri)
            found = re.match(r"(\d+)\.(\d+)", version)
            if not found or tuple(map(int, found.groups())) < OLDEST:
                raise PipelineError(
                    f"the MLflow server at {homes.shown(uri)} is {version[:40] or 'of no version'}"
                    f": {_oldest()} or newer is needed"
                )


def absent(error: BaseException) -> bool:
    """Return whether an error of MLflow's is the answer that a thing is not there."""
    from mlflow.exceptions import MlflowException, RestException

    if isinstance(error, RestException | MlflowException):
        return getattr(error, "error_code", "") in ABSENT
    return False


def lost(error: BaseException) -> bool:
    """Return whether an error says that a file is not there: not that nobody could be asked."""
    gone = isinstance(error, FileNotFoundError | StopIteration) or absent(error)
    return gone or _status(error, _all_of(error)) == 404


def _version(uri: str) -> str:
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    answer = http_request(get_default_host_creds(uri), "/version", "GET")
    if answer.status_code == 404:
        return "no MLflow that tells its version"
    answer.raise_for_status()
    return answer.text.strip()


def _oldest() -> str:
    return ".".join(map(str, OLDEST))


def _status(error: BaseException, text: str) -> int | None:
    """Return the HTTP status that an error tells of."""
    response = getattr(error, "response", None)
    if response is not None:
        return response.status_code
    found = STATUS.search(text)
    if found:
        return int(found[1] or found[2] or found[3])
    code = getattr(error, "error_code", "")
    known = {"UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403, "TEMPORARILY_UNAVAILABLE": 503}
    return known.get(code)


def _all_of(error: BaseException | None) -> str:
    """Return the text of an error and of all that led to it."""
    texts: list[str] = []
    while error is not None and len(texts) < 10:
        texts.append(f"{type(error).__name__}: {error}")
        error = error.__cause__ or error.__context__
    return " ".join(texts)
