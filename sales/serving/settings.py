"""How a service is set up: what its environment says, read once and handed on."""

import hashlib
import math
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sales.errors import PipelineError

HOME = Path(__file__).parents[2]  # the project, or what a Bento holds of it


@dataclass(frozen=True)
class Settings:
    """See `Variables` in README.md."""

    promoted: Path
    model_uri: str  # names a registered model of an MLflow server, where one is followed
    state: Path  # a folder for what the workers of a server share
    static: Path  # a folder with the files of Swagger UI
    workers: int
    access_log: bool
    tracing: bool  # whether OpenTelemetry's SDK is on
    max_body_mb: float
    max_unpacked_mb: float
    max_orders: int
    max_file_rows: int
    memory_seconds: float  # after the last large answer, until what it took goes back
    admin_token: str
    truths_token: str  # of those that may send truths and nothing else
    cors_origins: tuple[str, ...]  # of web pages that may ask; none by default
    root_path: str  # what a proxy has before our paths
    backtest: Path  # what `make backtest` found, where it has run
    watched: Path  # what `make watch` found


def read(environ: Mapping[str, str], static: Path = Path()) -> Settings:
    """Return the settings that an environment names, and the ones by default for the others.

    `static` is where the files of Swagger UI are.
    """
    model_uri = environ.get("MODEL_URI", "")
    state = Path(environ.get("SERVING_STATE") or tempfile.gettempdir())
    exports = Path(environ.get("PROMOTED", HOME / "models" / "promoted"))
    return Settings(
        promoted=_downloads(environ, state) / "promoted" if model_uri else exports,
        model_uri=model_uri,
        state=state,
        static=static,
        workers=int(environ.get("WORKERS", "1")),
        access_log=environ.get("ACCESS_LOG", "1") != "0",
        tracing=environ.get("OTEL_SDK_DISABLED", "").lower() != "true",
        max_body_mb=float(environ.get("MAX_BODY_MB", "100")),
        max_unpacked_mb=float(environ.get("MAX_UNPACKED_MB", "1000")),
        max_orders=int(environ.get("MAX_ORDERS", "100000")),
        max_file_rows=int(environ.get("MAX_FILE_ROWS", "5000000")),
        memory_seconds=float(environ.get("MEMORY_SECONDS", "60")),
        admin_token=environ.get("ADMIN_TOKEN", ""),
        truths_token=environ.get("TRUTHS_TOKEN", ""),
        cors_origins=tuple(environ.get("CORS_ORIGINS", "").replace(",", " ").split()),
        root_path=environ.get("ROOT_PATH", "").rstrip("/"),
        backtest=Path(environ.get("BACKTEST") or HOME / "backtest" / "result.json"),
        watched=Path(environ.get("WATCHED") or HOME / "state" / "watch" / "metrics.json"),
    )


@dataclass(frozen=True)
class Keeping:
    """Where answered rows and truths are kept, and what bounds them."""

    address: str  # a folder, or whatever fsspec knows; empty: nothing is kept
    share: float  # of the requests that are kept
    rows: int  # of one request, above which only so many are drawn
    days: float  # after which they go
    mb: float  # above which the oldest go
    seconds: float  # of answers that a worker which is killed may lose
    key: bytes  # of the hashes of private columns; empty: the one in a file beside the folder
    # Of the requests that are kept, for how many the other model's prediction is: None: all as long
    # as a trial or a watch goes on, else none.
    shadow: float | None = None


def keeping(environ: Mapping[str, str]) -> Keeping:
    """Return what is to be kept, and where. Raises PipelineError, naming the variable.

    >>> keeping({"SERVED": "state/served", "SERVED_SHARE": "2"})
    Traceback (most recent call last):
    sales.errors.PipelineError: SERVED_SHARE is '2': a number from 0 to 1 is meant
    """
    share = _within("SERVED_SHARE", environ.get("SERVED_SHARE") or "1", 0, 1)
    shadow = environ.get("SHADOW_SHARE")
    return Keeping(
        address=environ.get("SERVED", "") if share else "",
        share=share,
        rows=int(_within("SERVED_ROWS", environ.get("SERVED_ROWS") or "1000", 1, 10_000_000)),
        days=_within("SERVED_DAYS", environ.get("SERVED_DAYS") or "90", 1, 36_500),
        mb=_within("SERVED_MB", environ.get("SERVED_MB") or "1000", 1, 1e9),
        seconds=_within("SERVED_SECONDS", environ.get("SERVED_SECONDS") or "5", 0.1, 3600),
        key=environ.get("SERVED_KEY", "").encode(),
        shadow=_within("SHADOW_SHARE", shadow, 0, 1) if shadow else None,
    )


def kept_somewhere(environ: Mapping[str, str]) -> Keeping:
    """Return where rows are kept: earlier ones are there still, where SERVED_SHARE is 0 now.

    Raises PipelineError where no place is named.
    """
    found = keeping({**environ, "SERVED_SHARE": "1"})
    if not found.address:
        raise PipelineError("nothing is kept: SERVED names no folder")
    return found


def _within(name: str, given: str, low: float, high: float) -> float:
    try:
        number = float(given)
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        raise PipelineError(f"{name} is '{given}': a number from {low:g} to {high:g} is meant")
    return number


@dataclass(frozen=True)
class Registered:
    """A registered model of an MLflow server, whose aliases are followed."""

    name: str
    seconds: float  # within which a promotion there answers here
    folder: Path  # what is downloaded of it; it outlives the server


def registered(environ: Mapping[str, str]) -> Registered:
    """Return the registered model that MODEL_URI names. Raises PipelineError, naming the variable.

    >>> told = {"MODEL_URI": "models:/orders@champion", "MLFLOW_TRACKING_URI": "http://mlflow"}
    >>> registered(told)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    sales.errors.PipelineError: MODEL_URI is 'models:/orders@champion': all aliases of a model ...
    """
    uri, seconds = environ.get("MODEL_URI", ""), environ.get("REGISTRY_SECONDS") or "10"
    named = re.fullmatch(r"models:/([^/:@]+)", uri)
    if not named:
        raise PipelineError(
            f"MODEL_URI is '{uri}': all aliases of a model are followed, so it is models:/<name>"
        )
    if not environ.get("MLFLOW_TRACKING_URI"):
        raise PipelineError(f"MODEL_URI is {uri}: MLFLOW_TRACKING_URI must name the MLflow server")
    try:
        within = float(seconds)
    except ValueError:
        within = math.nan
    if not 1 <= within <= 86_400:
        raise PipelineError(f"REGISTRY_SECONDS is '{seconds}': a number from 1 to 86400 is meant")
    state = Path(environ.get("SERVING_STATE") or tempfile.gettempdir())
    return Registered(named[1], within, _downloads(environ, state))


def _downloads(environ: Mapping[str, str], state: Path) -> Path:
    """Return the folder of what MODEL_URI names: another registry's is another one."""
    uri = environ.get("MODEL_URI", "")
    server = environ.get("MLFLOW_REGISTRY_URI") or environ.get("MLFLOW_TRACKING_URI", "")
    digest = hashlib.sha256(f"{without_password(server)} {uri}".encode()).hexdigest()
    return state / "registry" / digest[:16]


def without_password(uri: str) -> str:
    """Return an address without the user and password that it may bring.

    >>> without_password("https://me:secret@mlflow.example:5000/path")
    'https://mlflow.example:5000/path'
    """
    return re.sub(r"//[^/@]*@", "//", uri)
