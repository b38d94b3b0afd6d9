"""The service over HTTP, its failures in plain words. All that the page knows comes from here."""

import io
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet

READY_SECONDS, CONNECT_SECONDS = 2.0, 3.0  # how long the service may take to be there
SECONDS = 15.0  # how long an answer may take
FILE_SECONDS = 60.0  # and that to a piece of a file


class ServiceError(Exception):
    """The service did not do what it was asked; the message is for the person at the page."""


class DownError(ServiceError):
    """Nothing answers at the service's address."""


class RefusedError(ServiceError):
    """The service answered that it will not; `status` and `detail` are its own."""

    def __init__(self, status: int, detail: Any) -> None:
        super().__init__(_words(detail))
        self.status, self.detail = status, detail


@dataclass(frozen=True)
class Scored:
    """A piece of a file, priced: the columns that the service added, and which model did it."""

    added: pa.Table
    model: str
    content_hash: str
    warnings: list[str]
    alias: str = ""


@dataclass(frozen=True)
class Service:
    """The service at `url`. Every method raises a ServiceError where it gets no good answer."""

    url: str

    @cached_property
    def _http(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.url, timeout=httpx.Timeout(SECONDS, connect=CONNECT_SECONDS)
        )

    def ready(self) -> bool:
        """Whether the service answers and its models are loaded."""
        try:
            return self._http.get("/readyz", timeout=READY_SECONDS).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def schema(self) -> dict[str, Any]:
        """Return what an order must bring, as the model that answers now wants it."""
        return self._json("GET", "/schema")

    def kept(self) -> dict[str, Any]:
        """Return what the service keeps of the rows that it answers."""
        return self._json("GET", "/kept")

    def data(self) -> dict[str, Any]:
        """Return the picture of the data that the models learnt from."""
        return self._json("GET", "/data")

    def answering(self) -> dict[str, Any]:
        """Return which model answers now: alias, version, content_hash and more."""
        return self._json("GET", "/model-info")

    def models(self) -> dict[str, Any]:
        """Return every loaded model, which of them answers, and whether it may be switched."""
        return self._json("GET", "/models")

    def evaluation(self, alias: str) -> dict[str, Any]:
        """Return a model's metrics, verdicts and the tables of its plots."""
        return self._json("GET", f"/models/{alias}/evaluation")

    def backtest(self) -> dict[str, Any]:
        """Return how a model ages, as the last backtest found it."""
        return self._json("GET", "/backtest")

    def quarantine(self) -> dict[str, Any] | None:
        """Return rows that were set aside, and why; None where the service has none to show.

        So it is with an older service, too.
        """
        return self._or_none("/quarantine")

    def watched(self) -> dict[str, Any] | None:
        """Return what `make watch` found last of the rows that were answered; None: nobody looked.

        So it is with an older service, too.
        """
        return self._or_none("/watch")

    def trial(self) -> dict[str, Any] | None:
        """Return how the challenger's trial stood when it was looked at last; None: there is none.

        So it is with an older service, too.
        """
        try:
            found: dict[str, Any] = self._json("GET", "/trial")
        except RefusedError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise
            return None
        return found

    def switch(self, alias: str, token: str = "") -> None:
        """Let another model answer, in the administrator's name where there is a token."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._json("POST", "/models/load", params={"alias": alias}, headers=headers)

    def predict(self, order: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to one order."""
        return self._json("POST", "/predict", json=order)

    def explain(self, order: dict[str, Any]) -> dict[str, Any]:
        """Return what each feature of an order adds to its price."""
        return self._json("POST", "/explain", json=order)

    def predict_batch(self, orders: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the answer to some orders: `predictions`, and the `model` that made them.

        They are asked for to draw what would be if: the service is not to keep them.
        """
        return self._json("POST", "/predict_batch", json=orders, headers={"X-Keep": "no"})

    def truths(self, truths: pa.Table, token: str = "") -> int:
        """Let what came true of answered rows be kept; return how many there are."""
        sink = io.BytesIO()
        pa.parquet.write_table(truths, sink)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = self._ask(
            "POST", "/truths", content=sink.getvalue(), headers=headers, timeout=FILE_SECONDS
        )
        kept: int = answer.json()["kept"]
        return kept

    def score(self, orders: pa.Table, alias: str = "", *, keep: bool = True) -> Scored:
        """Return what the service adds to the rows of a table, by the model that is named.

        Without a name it is the model that answers now. What is not to be kept is asked for to
        compare.
        """
        sink = io.BytesIO()
        pa.parquet.write_table(orders, sink)
        answer = self._ask(
            *("POST", "/predict_file"),
            content=sink.getvalue(),
            params={"alias": alias} if alias else {},
            headers={} if keep else {"X-Keep": "no"},
            timeout=FILE_SECONDS,
        )
        priced = pa.parquet.read_table(io.BytesIO(answer.content))
        headers = answer.headers
        return Scored(
            priced.drop_columns(orders.column_names),
            f"{headers['x-model-alias']}, version {headers['x-model-version']}",
            headers["x-model-content-hash"],
            json.loads(headers["x-warnings"]),
            headers["x-model-alias"],
        )

    def _or_none(self, path: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._json("GET", path)
        except RefusedError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise
            return None
        return found

    def _json(self, method: str, path: str, **request: Any) -> Any:
        answer = self._ask(method, path, **request)
        try:
            return answer.json()
        except ValueError:
            raise ServiceError(
                "What answers is not the service that predicts: is it our service? Tell those who "
                f"run it: {self.url}{path} does not answer in JSON."
            ) from None

    def _ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **request)
        except httpx.TimeoutException as error:
            if isinstance(error, httpx.ConnectTimeout):
                raise DownError("The service does not answer.") from None
            raise ServiceError(
                "The service took too long to answer: the network is slow, or it is very busy. "
                "Wait a moment and try again."
            ) from None
        except (httpx.TransportError, httpx.InvalidURL):
            raise DownError("The service does not answer.") from None
        if answer.is_success:
            return answer
        if answer.is_server_error:
            raise ServiceError(
                f"The service failed (status {answer.status_code}). Try again; if it stays, tell "
                "those who run it: its log says why."
            )
        try:
            detail = answer.json()["detail"]
        except (ValueError, KeyError, TypeError):
            detail = f"{method} {path} was answered with status {answer.status_code}"
        raise RefusedError(answer.status_code, detail)


def _words(detail: Any) -> str:
    """Return a refusal as a sentence: the service gives text, or a list of what is wrong where."""
    if not isinstance(detail, list):
        return str(detail)
    return "; ".join(
        f"{' '.join(str(part) for part in one['loc'][1:])}: {one['msg']}".removeprefix(": ")
        for one in detail
    )
