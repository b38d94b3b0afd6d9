"""The routes of the published API, over the promoted models of this process."""

import asyncio
from collections.abc import Callable
from functools import cached_property
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sales.data.reading.formats import PARQUET
from sales.data.reading.packing import TooLargeError
from sales.errors import PipelineError
from sales.serving import (
    answering,
    keeping,
    left,
    memory,
    request_ids,
    switching,
    unpacking,
)
from sales.serving.bodies import GZIP, body_of, file_of, unzipped
from sales.serving.dealing import Dealing
from sales.serving.dispatch import Dispatch
from sales.serving.elsewhere import Elsewhere, cross_origin
from sales.serving.endpoint import Endpoint, Handler
from sales.serving.file_answer import answer_with
from sales.serving.file_query import asked_how
from sales.serving.following import Promoted
from sales.serving.learnt_from import MAKE_IT, LearntFrom
from sales.serving.manual import Manual
from sales.serving.meters import Meters
from sales.serving.prefix import Below
from sales.serving.refusals import RefusedError
from sales.serving.settings import Settings
from sales.serving.watched import Watched

LARGE = 50_000  # bytes; a larger body is read and answered in a thread, so that others go on
PREDICTING = ("/predict", "/predict_batch", "/predict_file")
COUNT_SECONDS = 0.5  # /metrics tells of single orders that much later


class Api:
    """The handlers; each takes a request and returns what is answered, or raises RefusedError."""

    def __init__(
        self,
        settings: Settings,
        promoted: Promoted,
        make_meters: Callable[[], Meters] = Meters,
        keeper: keeping.Keeper | None = None,
    ) -> None:
        self._settings, self._promoted, self._make_meters = settings, promoted, make_meters
        self._large = memory.LargeWork(settings.memory_seconds)
        self._keeper = keeper or keeping.Nothing()
        self._dealing = Dealing(settings, promoted, self._keeper)
        self._watched = Watched(settings.watched)
        self._manual = Manual(settings, promoted)
        self._learnt = LearntFrom(promoted)

    @cached_property
    def meters(self) -> Meters:
        """The counters of this process, made when they are first needed."""
        return self._make_meters()

    def app(self) -> ASGIApp:
        """Return the routes as an ASGI app; they are tried in this order."""
        root_path, lighten = self._settings.root_path, self._large.lighten
        told: list[tuple[str, str, Handler, Callable[[], None] | None]] = [
            ("POST", "/predict", self.predict, None),
            ("GET", "/health", self.health, None),
            ("GET", "/model-info", self.model_info, None),
            ("GET", "/models", self.list_models, None),
            ("POST", "/models/load", self.load_model, None),
            ("GET", "/models/{alias}/evaluation", self.evaluation, None),
            ("GET", "/schema", self.schema, None),
            ("GET", "/data", self._learnt.data, None),
            ("GET", "/quarantine", self._learnt.quarantine, None),
            ("GET", "/backtest", left.shown(self._settings.backtest, "backtest"), None),
            ("GET", "/watch", left.shown(self._settings.watched, "watch"), None),
            ("POST", "/predict_batch", self.predict_batch, lighten),
            ("POST", "/predict_file", self.predict_file, lighten),
            ("POST", "/explain", self.explain, None),
            ("POST", "/truths", self.truths, lighten),
            ("GET", "/kept", self.kept, None),
            ("GET", "/traffic", self._dealing.traffic, None),
            ("POST", "/traffic", self._dealing.traffic, None),
            ("GET", "/trial", self._dealing.trial, None),
            ("GET", "/livez", self.health, None),
            ("GET", "/healthz", self.health, None),
            ("GET", "/readyz", self.ready, None),
            ("GET", "/metrics", self.metrics, lighten),
            ("GET", "/openapi.json", self._manual.openapi, None),
            ("GET", "/docs", self._manual.docs, None),
            ("GET", "/static_content/{file}", self._manual.static, None),
            ("GET", "/", self._manual.index, None),
        ]
        routes = [
            Route(
                path,
                Endpoint(
                    *(path, handler, lambda: self.meters, then),
                    keep=self._keeper.refused if path in PREDICTING else None,
                ),
                methods=[method],
            )
            for method, path, handler, then in told
        ]
        app = Starlette(
            routes=routes,
            exception_handlers=Elsewhere(routes, lambda: self.meters, root_path).handlers(),
            middleware=cross_origin(self._settings.cors_origins),
        )
        app.router.redirect_slashes = False  # its address would be the one behind the proxy
        if root_path:
            return Below(app, root_path)
        return app if self._settings.cors_origins else Dispatch(routes, app)

    async def health(self, _: Request) -> Response:
        """Answer, as long as the process lives."""
        return _json({"status": "ok"})

    async def ready(self, _: Request) -> Response:
        """Tell whether it can answer, and what should be put right though it can."""
        return _json(self._promoted.condition())

    async def metrics(self, _: Request) -> Response:
        """Tell what was counted."""
        content, media = await asyncio.to_thread(self.meters.told)
        gauges = self._watched.gauges() + await self._dealing.gauges()
        return Response(content + gauges, media_type=media)

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

    async def schema(self, _: Request) -> Response:
        """Tell what a row must bring, as the model that answers now asks for it."""
        return _json(self._promoted.now().asks())

    async def predict(self, request: Request) -> Response:
        """Predict for one row."""
        body = await body_of(request, self._settings.max_body_mb)
        headers = request.scope["headers"]
        request_id = request_ids.of(headers)
        served = self._promoted.dealt(request_id, body)
        answer = served.one(body)
        found = answer.told
        if self.meters.note(served.alias, found[served.answer_key]):
            asyncio.get_running_loop().call_later(COUNT_SECONDS, self.meters.count)
        if found["warnings"]:
            self.meters.warned(served.alias, found["warnings"])
        found["request_id"] = request_id
        if request_ids.to_keep(headers):
            self._keeper.one(request_id, served, answer, body)
        return _json(found)

    async def predict_batch(self, request: Request) -> Response:
        """Predict for a list of rows."""
        body = await body_of(request, self._settings.max_body_mb)
        headers, most = request.scope["headers"], self._settings.max_orders
        request_id = request_ids.of(headers)
        served = self._promoted.dealt(request_id)
        told = request_id, request_ids.to_keep(headers), served, body, most
        try:
            large = len(body) > LARGE
            found = await self._large.done(self._many, *told) if large else self._many(*told)
        except answering.TooManyError as error:
            raise RefusedError(413, "too_large", str(error)) from None
        if not found["predictions"]:
            raise RefusedError(400, "empty", "Empty input list")
        self.meters.priced(served.alias, found["predictions"])
        self.meters.warned(served.alias, found["warnings"])
        return _json(found)

    def _many(
        self,
        request_id: str,
        to_keep: bool,
        served: answering.Served,
        body: bytes,
        most: int,
    ) -> dict[str, Any]:
        """Return the answer to a list, and let it be kept."""
        answer = served.many(body, most)
        told = answer.told
        predictions = told["predictions"]
        if predictions and to_keep:
            bounds = told.get("prediction_intervals")
            low, high = (bounds[end] if bounds else None for end in ("low", "high"))
            outside = answer.outside.rows if answer.outside else None
            rows = keeping.Many(answer.orders, predictions, low, high, outside, body)
            self._keeper.many("/predict_batch", request_id, served, rows)
        if predictions:
            told["request_ids"] = request_ids.of_rows(request_id, range(len(predictions)))
        return told

    async def predict_file(self, request: Request) -> Response:
        """Predict for a file, sent as the body or as the field `file` of a form.

        By the model that is named, else by the one that answers now.
        """
        body = await self._sent_file(request)
        how, most_mb = asked_how(request.query_params), self._settings.max_unpacked_mb
        headers, most = request.scope["headers"], self._settings.max_file_rows
        request_id = request_ids.of(headers)
        alias = request.query_params.get("alias")
        served = self._promoted.of(alias) if alias else self._promoted.dealt(request_id)

        def answered() -> answering.FileAnswer:
            found = served.file(body, most, how, int(most_mb * 1e6), request_id)
            if request_ids.to_keep(headers):
                low, high = found.bounds or (None, None)
                outside = found.outside.rows if found.outside else None
                rows = keeping.Many(
                    *(found.orders, found.predictions, low, high, outside, found.table)
                )
                self._keeper.many("/predict_file", request_id, served, rows)
            return found

        try:
            found = await self._large.done(answered)
        except TooLargeError:
            raise unpacking.too_large(most_mb) from None
        self.meters.priced(served.alias, found.predictions)
        self.meters.warned(served.alias, found.warnings)
        return answer_with(request, served, found.content, found.warnings, request_id)

    async def truths(self, request: Request) -> Response:
        """Keep what came true of rows that were answered."""
        admin, own = self._settings.admin_token, self._settings.truths_token
        switching.let_tell_truths(request, admin, own)
        body = await self._sent_file(request)
        target, most = self._promoted.now().model.featuriser.target, self._settings.max_file_rows
        most_mb = self._settings.max_unpacked_mb
        try:
            told = await self._large.done(
                self._keeper.truths, body, target, most, int(most_mb * 1e6)
            )
        except TooLargeError:
            raise unpacking.too_large(most_mb) from None
        return _json(told)

    async def _sent_file(self, request: Request) -> bytes:
        """Return the file that is sent as the body or as the field `file` of a form, unpacked."""
        body = await body_of(request, self._settings.max_body_mb)
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            body = await file_of(request, body)
        if body.startswith(GZIP):
            body = await unzipped(body, self._settings.max_body_mb)
        body = await self._large.done(unpacking.whole, body, self._settings.max_body_mb)
        if body.startswith(PARQUET):
            await self._large.done(unpacking.limit, body, self._settings.max_unpacked_mb)
        return body

    async def kept(self, _: Request) -> Response:
        """Tell what is kept of the rows that are answered."""
        return _json(self._keeper.about())

    async def explain(self, request: Request) -> Response:
        """Tell why a row has its prediction; in a thread, as a forest takes a while to say."""
        body = await body_of(request, self._settings.max_body_mb)
        served = self._promoted.now()
        try:
            found = await asyncio.to_thread(served.explain, body)
        except PipelineError as error:
            raise RefusedError(409, "unexplainable", f"{error}: switch to another model") from None
        self.meters.warned(served.alias, found["warnings"])
        return _json(found)


def _json(content: Any) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")
