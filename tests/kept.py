"""What the service keeps, for a test: its app in this process, its log without a thread."""

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
from prometheus_client import CollectorRegistry

from sales.serving import answering, on_trial, settings
from sales.serving.following import Promoted
from sales.serving.meters import Meters
from sales.serving.routes import Api
from sales.watching import joined
from sales.watching.served_log import ServedLog


class Keeping:
    """A service that keeps its rows in a folder, at each `flush`."""

    def __init__(self, promoted: Path, folder: Path, **variables: str) -> None:
        self.address = str(folder / "served")
        environ = {"PROMOTED": str(promoted), "SERVING_STATE": str(folder), "SERVED": self.address}
        environ |= variables
        told = settings.read(environ)
        self.models = Promoted(told.promoted, told.state)
        self.models.take(answering.load(promoted), on_trial.read(promoted))
        self.registry = CollectorRegistry()
        self.meters = Meters(self.registry)
        self.log = ServedLog(
            *(settings.keeping(environ), lambda: self.meters, lambda: self.models.picture),
            other=self.models.beside,
            comparing=lambda: self.models.comparing,
        )
        self._told = told
        self.app = Api(told, self.models, lambda: self.meters, self.log).app()

    def api_settings(self, **changes: Any) -> None:
        """Let the service be set up otherwise."""
        told = dataclasses.replace(self._told, **changes)
        self.app = Api(told, self.models, lambda: self.meters, self.log).app()

    def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Ask it as one of this machine."""

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, client=("127.0.0.1", 50000))
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as one:
                return await one.request(method, path, **request)

        return asyncio.run(asked())

    def rows(self) -> pd.DataFrame:
        """Bring to disk what waits; return all that is kept, with its truths."""
        self.log.flush()
        return kept(self.address)

    def counted(self, name: str, **labels: str) -> float:
        """Return a counter of /metrics."""
        return self.registry.get_sample_value(name, labels) or 0.0


def kept(address: str) -> pd.DataFrame:
    """Return all rows that are kept at an address, with their truths."""
    tables = [table.to_pandas() for _, table in joined.window(address).days()]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
