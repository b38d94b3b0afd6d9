"""The service: the promoted models behind the published API, as a BentoML service.

Its routes are an ASGI app mounted into it: BentoML's own are POST only, and answer a bad body with
400 where the published API says 422. BentoML adds /livez, /readyz and /metrics.
"""

import asyncio
import functools
import gc
import hmac
import logging
import os
import tempfile
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import bentoml
import orjson
import psutil
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from sales.contract import Called
from sales.errors import PipelineError
from sales.serving import answering, api_docs
from sales.serving.meters import Meters
from sales.serving.request import RequestError

PROMOTED = Path(os.environ.get("PROMOTED", Path(__file__).with_name("models") / "promoted"))
WORKERS = int(os.environ.get("WORKERS", "1"))
ACCESS_LOG = os.environ.get("ACCESS_LOG", "1") != "0"
MAX_BODY_MB = float(os.environ.get("MAX_BODY_MB", "100"))
MAX_ORDERS = int(os.environ.get("MAX_ORDERS", "100000"))
MAX_FILE_ROWS = int(os.environ.get("MAX_FILE_ROWS", "5000000"))
LARGE = 50_000  # bytes; a larger body is read and answered in a thread, so that others go on
COUNT_SECONDS = 0.5  # /metrics tells of single orders that much later
MAKE_IT = "run `make repro`, and start the service again"
LOOPBACK = {"127.0.0.1", "::1"}
FOLLOW_SECONDS = 0.25  # how often each worker looks whether other models were promoted
RETRY_SECONDS = 5.0  # and how long it waits where those could not be loaded
LOG = logging.getLogger("bentoml.amazon_sales")

models: dict[str, answering.Served] = {}
picture: dict[str, Any] = {}  # of the data that the models learnt from


@functools.cache
def meters() -> Meters:
    """Return the counters of this process, made when they are first needed."""
    return Meters()


def choice_file() -> Path:
    """Return the file with the active alias: one for the workers of a server, new at each start.

    They have the same parent; its start time tells it from an earlier one of the same number.
    """
    folder = os.environ.get("SERVING_STATE") or tempfile.gettempdir()
    own = psutil.Process()
    server = own.parent() or own
    return Path(folder) / f"active-{server.pid}-{round(server.create_time() * 1000)}"


@functools.cache
def active() -> answering.Active:
    """Return the choice of the active alias, opened when it is first needed."""
    return answering.Active(choice_file())


class RefusedError(Exception):
    """An answer other than 200: its status, and why, in words for the client.

    `reason` is one of few, for the counter of refused requests.
    """

    def __init__(self, status: int, reason: str, detail: Any) -> None:
        super().__init__(detail)
        self.status, self.reason, self.detail = status, reason, detail


def answer(content: Any, status: int = 200) -> Response:
    """Return a JSON response."""
    return Response(orjson.dumps(content), status, media_type="application/json")


class Endpoint:
    """A handler as an ASGI app of its own, which turns what the handler refuses into a response.

    Given to Starlette as a plain function, it would be wrapped in two more layers on each request.
    """

    def __init__(self, handler: Callable[[Request], Awaitable[Response]]) -> None:
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            response = await self._handler(Request(scope, receive, send))
        except RequestError as error:
            response = refuse(RefusedError(422, "invalid", error.details))
        except RefusedError as error:
            response = refuse(error)
        await response(scope, receive, send)


def refuse(error: RefusedError) -> Response:
    """Return the response to a refused request, which is counted."""
    meters().refused(error.reason)
    return answer({"detail": error.detail}, error.status)


async def body_of(request: Request) -> bytes:
    """Return the body; stops reading at MAX_BODY_MB. Raises RefusedError."""
    message = await request.receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        within_limit(len(message["body"]))  # most come in one piece
        return message["body"]
    declared = request.headers.get("content-length", "")
    if declared.isdigit():
        within_limit(int(declared))
    parts: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise RefusedError(400, "cut_short", "the body was cut short")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        within_limit(size)
        if not message.get("more_body"):
            break
        message = await request.receive()
    return b"".join(parts)


def within_limit(size: int) -> None:
    """Raise RefusedError for a body of more than MAX_BODY_MB."""
    if size > MAX_BODY_MB * 1e6:
        raise RefusedError(413, "too_large", f"the body is larger than {MAX_BODY_MB:g} MB")


def answers_now() -> answering.Served:
    """Return the model that answers now: the champion, where the chosen one has just gone."""
    return models.get(active().alias()) or models["champion"]


@Endpoint
async def health(_: Request) -> Response:
    """Answer, as long as the process lives."""
    return answer({"status": "ok"})


@Endpoint
async def model_info(_: Request) -> Response:
    """Tell about the model that answers now."""
    return answer(answers_now().about())


@Endpoint
async def list_models(request: Request) -> Response:
    """List every loaded model with its metrics."""
    return answer(
        {
            "registered_models": [
                {**served.about(), "description": "", "active": alias == active().alias()}
                for alias, served in models.items()
            ],
            "fallback_available": "fallback" in models,
            "may_switch": may_switch(request),
        }
    )


@Endpoint
async def load_model(request: Request) -> Response:
    """Let another alias answer, in all workers at once."""
    let_switch(request)
    served = model_of(request.query_params.get("alias", ""))
    active().choose(served.alias)
    return answer({"message": f"{served.alias} answers now", "info": served.about()})


@Endpoint
async def evaluation(request: Request) -> Response:
    """Tell how a model was evaluated: metrics, verdicts and the tables of its plots."""
    served = model_of(request.path_params["alias"])
    if served.evaluation is None:
        raise RefusedError(404, "not_exported", f"exported without it: {MAKE_IT}")
    return answer({"alias": served.alias, **served.evaluation})


@Endpoint
async def data(_: Request) -> Response:
    """Show the data that the models learnt from."""
    if not picture:
        raise RefusedError(404, "not_exported", f"exported without it: {MAKE_IT}")
    return answer(picture)


@Endpoint
async def schema(_: Request) -> Response:
    """Tell what a row must bring, as the model that answers now asks for it."""
    return answer(answers_now().asks())


def called() -> Called:
    """Return what people call the rows; plain words where an older export does not tell."""
    return Called(**picture.get("called", {}))


def model_of(alias: str) -> answering.Served:
    """Return the model of an alias. Raises RefusedError where there is none."""
    if alias not in answering.ALIASES:
        raise RefusedError(
            400, "unknown_alias", f"alias must be one of {', '.join(answering.ALIASES)}"
        )
    if alias not in models:
        raise RefusedError(404, "unknown_alias", f"there is no {alias}")
    return models[alias]


def may_switch(request: Request) -> str:
    """Return whether the caller may switch models: yes on this machine, no, or with_token."""
    if request.client and request.client.host in LOOPBACK:
        return "yes"
    return "with_token" if os.environ.get("ADMIN_TOKEN") else "no"


def let_switch(request: Request) -> None:
    """Let callers on this machine pass, and those with the token. Raises RefusedError."""
    allowed = may_switch(request)
    if allowed == "yes":
        return
    if allowed == "no":
        raise RefusedError(
            403, "not_allowed", "only this machine may switch models: no ADMIN_TOKEN is set"
        )
    token = os.environ["ADMIN_TOKEN"]
    sent = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(sent.encode(), token.encode()):
        raise RefusedError(
            401, "not_allowed", "send the administrator's token: Authorization: Bearer ..."
        )


@Endpoint
async def predict(request: Request) -> Response:
    """Predict for one row."""
    body = await body_of(request)
    served = answers_now()
    found = served.one(body)
    if meters().note(served.alias, found[served.answer_key]):
        asyncio.get_running_loop().call_later(COUNT_SECONDS, meters().count)
    return answer(found)


@Endpoint
async def predict_batch(request: Request) -> Response:
    """Predict for a list of rows."""
    body = await body_of(request)
    served = answers_now()
    try:
        if len(body) > LARGE:
            found = await asyncio.to_thread(served.many, body, MAX_ORDERS)
        else:
            found = served.many(body, MAX_ORDERS)
    except answering.TooManyError as error:
        raise RefusedError(413, "too_large", str(error)) from None
    if not found["predictions"]:
        raise RefusedError(400, "empty", "Empty input list")
    meters().priced(served.alias, found["predictions"])
    return answer(found)


@Endpoint
async def predict_file(request: Request) -> Response:
    """Predict for a CSV or Parquet file, sent as the body or as the field `file` of a form."""
    body = await body_of(request)
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        body = await file_of(request, body)
    served = answers_now()
    priced, predictions, warnings = await asyncio.to_thread(served.file, body, MAX_FILE_ROWS)
    meters().priced(served.alias, predictions)
    kind = ("vnd.apache.parquet", "parquet") if body.startswith(b"PAR1") else ("csv", "csv")
    headers = {
        "content-disposition": f'attachment; filename="scored.{kind[1]}"',
        "x-model-alias": served.alias,
        "x-model-version": str(served.entry["version"]),
        "x-model-content-hash": served.model.content_hash,
        "x-warnings": orjson.dumps(warnings[:20]).decode("ascii", "replace"),
    }
    media = f"application/{kind[0]}" if kind[1] == "parquet" else "text/csv"
    return Response(priced, media_type=media, headers=headers)


async def file_of(request: Request, body: bytes) -> bytes:
    """Return the field `file` of a form. Raises RefusedError where there is none."""

    async def whole() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        form = await MultiPartParser(request.headers, whole()).parse()
    except MultiPartException as error:
        raise RefusedError(422, "invalid", f"the form is broken: {error.message}") from None
    sent = form.get("file")
    if not isinstance(sent, UploadFile):
        raise RefusedError(422, "invalid", "send the file in the form's field `file`")
    return await sent.read()


@Endpoint
async def explain(request: Request) -> Response:
    """Tell why a row has its prediction; in a thread, as a forest takes a while to say."""
    body = await body_of(request)
    try:
        return answer(await asyncio.to_thread(answers_now().explain, body))
    except PipelineError as error:
        raise RefusedError(409, "unexplainable", f"{error}: switch to another model") from None


@Endpoint
async def openapi(_: Request) -> Response:
    """Describe the API in OpenAPI, orders as the active model asks for them."""
    return answer(api_docs.openapi(answers_now(), called()))


@Endpoint
async def docs(_: Request) -> Response:
    """Show Swagger UI, from files that BentoML brings: nothing is fetched from elsewhere."""
    return HTMLResponse(api_docs.page(called()))


def follow(seen: tuple[int, int]) -> None:
    """Let newly promoted models answer as soon as they are, for as long as the process lives.

    Those that answer now go on until the new ones are loaded and tried. If that fails, they go on
    for good, and the log tells why.
    """
    while True:
        time.sleep(FOLLOW_SECONDS)
        try:
            now = answering.stamp(PROMOTED)
            if now == seen:
                continue
            take(answering.load(PROMOTED, models.values()))
            seen = now
        except (OSError, PipelineError) as error:
            LOG.error("the promoted models have changed, and cannot be loaded: %s", error)
            time.sleep(RETRY_SECONDS)


def take(promoted: dict[str, answering.Served]) -> None:
    """Put other models in the place of those that answer."""
    models.update(promoted)
    for alias in models.keys() - promoted.keys():
        if active().alias() == alias:
            active().choose("champion")
        del models[alias]
    picture.update(answering.read_if_there(PROMOTED / answering.DATA) or {})
    spare_the_collector()
    champion = models["champion"]
    LOG.info("promoted: version %s of %s answers", champion.entry["version"], champion.model_name)


def spare_the_collector() -> None:
    """Keep the garbage collector from looking through what stays, in pauses that clients feel.

    That is all that is loaded now, and BentoML's record of each request, which reference counting
    frees when `traffic.timeout` has passed. Young cycles are collected as ever, old ones rarely.
    """
    gc.freeze()
    gc.set_threshold(5_000, 20, 500)


app = Starlette(
    routes=[
        Route("/predict", predict, methods=["POST"]),  # first: routes are tried in this order
        Route("/health", health),
        Route("/model-info", model_info),
        Route("/models", list_models),
        Route("/models/load", load_model, methods=["POST"]),
        Route("/models/{alias}/evaluation", evaluation),
        Route("/schema", schema),
        Route("/data", data),
        Route("/predict_batch", predict_batch, methods=["POST"]),
        Route("/predict_file", predict_file, methods=["POST"]),
        Route("/explain", explain, methods=["POST"]),
        Route("/openapi.json", openapi),
        Route("/docs", docs),
    ]
)


@bentoml.service(
    workers=WORKERS,
    # Seconds. BentoML keeps every request's context for that long, so no longer than a file takes.
    traffic={"timeout": 30},
    logging={"access": {"enabled": ACCESS_LOG}},
)
@bentoml.asgi_app(app, path="/")
class AmazonSales:
    """Predicts with the promoted champion, challenger or fallback."""

    def __init__(self) -> None:
        seen = answering.stamp(PROMOTED) if (PROMOTED / "promoted.json").is_file() else (0, 0)
        take(answering.load(PROMOTED))
        threading.Thread(target=follow, args=(seen,), name="follow", daemon=True).start()

    async def __is_ready__(self) -> bool:
        """Whether every model has answered its golden order, without which none is loaded."""
        return "champion" in models
