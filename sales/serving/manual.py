"""The routes of the API's documentation: OpenAPI's document, its page, and the way there."""

import orjson
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from sales.serving import api_docs
from sales.serving.following import Promoted
from sales.serving.prefix import prefix_of
from sales.serving.refusals import RefusedError
from sales.serving.settings import Settings


class Manual:
    """The handlers; each takes a request and returns what is answered, or raises RefusedError."""

    def __init__(self, settings: Settings, promoted: Promoted) -> None:
        self._settings, self._promoted = settings, promoted

    async def openapi(self, request: Request) -> Response:
        """Describe the API in OpenAPI, orders as the active model asks for them."""
        prefix = prefix_of(request, self._settings.root_path)
        told = api_docs.openapi(self._promoted.now(), self._promoted.called(), prefix)
        return Response(orjson.dumps(told), media_type="application/json")

    async def docs(self, _: Request) -> Response:
        """Show Swagger UI, from files that BentoML brings: nothing is fetched from elsewhere."""
        return HTMLResponse(api_docs.page(self._promoted.called()))

    async def static(self, request: Request) -> Response:
        """Return a file that the documentation's page needs."""
        name = request.path_params["file"]
        if name not in api_docs.FILES:
            raise RefusedError(404, "unknown_path", "there is no such file")
        return FileResponse(self._settings.static / name)

    async def index(self, request: Request) -> Response:
        """Lead to the documentation."""
        return RedirectResponse(f"{prefix_of(request, self._settings.root_path)}/docs", 302)
