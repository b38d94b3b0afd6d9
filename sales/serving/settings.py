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
    max_body_mb: float
    max_unpacked_mb: float
    max_orders: int
    max_file_rows: int
    admin_token: str
    cors_origins: tuple[str, ...]  # of web pages that may ask; none by default
    root_path: str  # what a proxy has before our paths
    backtest: Path  # what `make backtest` found, where it has run


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
        max_body_mb=float(environ.get("MAX_BODY_MB", "100")),
        max_unpacked_mb=float(environ.get("MAX_UNPACKED_MB", "1000")),
        max_orders=int(environ.get("MAX_ORDERS", "100000")),
        max_file_rows=int(environ.get("MAX_FILE_ROWS", "5000000")),
        admin_token=environ.get("ADMIN_TOKEN", ""),
        cors_origins=tuple(environ.get("CORS_ORIGINS", "").replace(",", " ").split()),
        root_path=environ.get("ROOT_PATH", "").rstrip("/"),
        backtest=Path(environ.get("BACKTEST") or HOME / "backtest" / "result.json"),
    )


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
