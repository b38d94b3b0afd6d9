"""The routes of the published API, over the promoted models of this process."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from sales.errors import PipelineError
from sales.serving import answering, api_docs, memory, switching, unpacking
from sales.serving.bodies import body_of, file_of
from sales.serving.file_answer import PARQUET, answer_with
from sales.serving.following import LOG, Promoted
from sales.serving.meters import Meters
from sales.serving.refusals import RefusedError, shortage
from sales.serving.request import RequestError
from sales.serving.settings import Settings

LARGE = 50_000  # bytes; a larger body is read and answered in a thread, so that others go on
COUNT_SECONDS = 0.5  # /metrics tells of single orders that much later
MAKE_IT = "run `make repro`, and start the service again"


class Endpoint:
    """A handler as an ASGI app of its own, which turns what the handler refuses into a response.

    Given to Starlette as a plain function, it would be wrapped in two more layers on each request.
    """

    def __init__(
        self,
        handler: Callable[[Request], Awaitable[Response]],
        refuse: Callable[[RefusedError], Response],
        give_back: Callable[[], None] | None,
    ) -> None:
        self._handler, self._refuse, self._give_back = handler, refuse, give_back

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response: Response | None
        try:
            response = await self._handler(Request(scope, receive, send))
        except RequestError as error:
            response = self._refuse(RefusedError(422, "invalid", error.details))
        except RefusedError as error:
            response = self._refuse(error)
        except (MemoryError, OSError) as error:
            short = shortage(error)
            if short is None:
                raise
            LOG.error("%s: %s", short.detail, error)
            response = self._refuse(short)
        await response(scope, receive, send)
        if self._give_back:
            response = None  # so that it is free by then
            self._give_back()


class Api:
    """The handlers; each takes a request and returns what is answered, or raises RefusedError."""

    def __init__(
        self,
        settings: Settings,
        promoted: Promoted,
        make_meters: Callable[[], Meters] = Meters,
    ) -> None:
        self._settings, self._promoted, self._make_meters = settings, promoted, make_meters

    @cached_property
    def _meters(self) -> Meters:
        """The counters of this process, made when they are first needed."""
        return self._make_meters()

    def app(self) -> Starlette:
        """Return the routes as an ASGI app; they are tried in this order."""
        told: list[tuple[str, Callable[[Request], Awaitable[Response]], list[str] | None]] = [
            ("/predict", self.predict, ["POST"]),
            ("/health", self.health, None),
            ("/model-info", self.model_info, None),
            ("/models", self.list_models, None),
            ("/models/load", self.load_model, ["POST"]),
            ("/models/{alias}/evaluation", self.evaluation, None),
            ("/schema", self.schema, None),
            ("/data", self.data, None),
            ("/predict_batch", self.predict_batch, ["POST"]),
            ("/predict_file", self.predict_file, ["POST"]),
            ("/explain", self.explain, ["POST"]),
            ("/openapi.json", self.openapi, None),
            ("/docs", self.docs, None),
        ]
        lighten = dict.fromkeys(("/predict_batch", "/predict_file"), memory.Lightening())
        return Starlette(
            routes=[
                Route(path, Endpoint(handler, self._refuse, lighten.get(path)), methods=methods)
                for path, handler, methods in told
            ]
        )

    def _refuse(self, error: RefusedError) -> Response:
        """Return the response to a refused request, which is counted."""
        self._meters.refused(error.reason)
        return _json({"detail": error.detail}, error.status)

    async def health(self, _: Request) -> Response:
        """Answer, as long as the process lives."""
        return _json({"status": "ok"})

    async def model_info(self, _: Request) -> Response:
        """Tell about the model that answers now."""
        return _json(self._promoted.now().about())

    async def list_models(self, request: Request) -> Response:
        """List every loaded model with its metrics."""
        models, active = self._promoted.models, self._promoted.active.alias()
        return _json(
            {
                "registered_models": [
                    {**served.about(), "description": "", "active": alias == active}
                    for alias, served in models.items()
                ],
                "fallback_available": "fallback" in models,
                "may_switch": switching.may_switch(request, self._settings.admin_token),
            }
        )

    async def load_model(self, request: Request) -> Response:
        """Let another alias answer, in all workers at once."""
        switching.let_switch(request, self._settings.admin_token)
        served = self._promoted.of(request.query_params.get("alias", ""))
        self._promoted.active.choose(served.alias)
        return _json({"message": f"{served.alias} answers now", "info": served.about()})

    async def evaluation(self, request: Request) -> Response:
        """Tell how a model was evaluated: metrics, verdicts and the tables of its plots."""
        served = self._promoted.of(request.path_params["alias"])
        if served.evaluation is None:
            raise RefusedError(404, "not_exported", f"exported without it: {MAKE_IT}")
        return _json({"alias": served.alias, **served.evaluation})

    async def data(self, _: Request) -> Response:
        """Show the data that the models learnt from."""
        if not self._promoted.picture:
            raise RefusedError(404, "not_exported", f"exported without it: {MAKE_IT}")
        return _json(self._promoted.picture)

    async def schema(self, _: Request) -> Response:
        """Tell what a row must bring, as the model that answers now asks for it."""
        return _json(self._promoted.now().asks())

    async def predict(self, request: Request) -> Response:
        """Predict for one row."""
        body = await body_of(request, self._settings.max_body_mb)
        served = self._promoted.now()
        found = served.one(body)
        if self._meters.note(served.alias, found[served.answer_key]):
            asyncio.get_running_loop().call_later(COUNT_SECONDS, self._meters.count)
        return _json(found)

    async def predict_batch(self, request: Request) -> Response:
        """Predict for a list of rows."""
        body = await body_of(request, self._settings.max_body_mb)
        served, most = self._promoted.now(), self._settings.max_orders
        try:
            if len(body) > LARGE:
                found = await asyncio.to_thread(served.many, body, most)
            else:
                found = served.many(body, most)
        except answering.TooManyError as error:
            raise RefusedError(413, "too_large", str(error)) from None
        if not found["predictions"]:
            raise RefusedError(400, "empty", "Empty input list")
        self._meters.priced(served.alias, found["predictions"])
        return _json(found)

    async def predict_file(self, request: Request) -> Response:
        """Predict for a CSV or Parquet file, sent as the body or as the field `file` of a form."""
        body = await body_of(request, self._settings.max_body_mb)
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            body = await file_of(request, body)
        if body.startswith(PARQUET):
            await asyncio.to_thread(unpacking.limit, body, self._settings.max_unpacked_mb)
        served, most = self._promoted.now(), self._settings.max_file_rows
        priced, predictions, warnings = await asyncio.to_thread(served.file, body, most)
        self._meters.priced(served.alias, predictions)
        return answer_with(request, served, priced, warnings)

    async def explain(self, request: Request) -> Response:
        """Tell why a row has its prediction; in a thread, as a forest takes a while to say."""
        body = await body_of(request, self._settings.max_body_mb)
        try:
            return _json(await asyncio.to_thread(self._promoted.now().explain, body))
        except PipelineError as error:
            raise RefusedError(409, "unexplainable", f"{error}: switch to another model") from None

    async def openapi(self, _: Request) -> Response:
        """Describe the API in OpenAPI, orders as the active model asks for them."""
        return _json(api_docs.openapi(self._promoted.now(), self._promoted.called()))

    async def docs(self, _: Request) -> Response:
        """Show Swagger UI, from files that BentoML brings: nothing is fetched from elsewhere."""
        return HTMLResponse(api_docs.page(self._promoted.called()))


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
