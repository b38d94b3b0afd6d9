"""Where the registry is: in this project's folder, or on a server that a team shares.

MLFLOW_TRACKING_URI names the server, MLFLOW_REGISTRY_URI another one for versions and aliases. Who
asks is told by MLflow's own variables: MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and
MLFLOW_TRACKING_PASSWORD; they, and a password within an address, are never printed.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from sales.errors import PipelineError

TRACKING, REGISTRY = "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"
ARTIFACT_ROOT = "MLFLOW_DEFAULT_ARTIFACT_ROOT"  # as `mlflow server` reads it
WEB = ("http", "https")
DATABASES = ("postgresql", "mysql", "mssql", "sqlite")


@dataclass(frozen=True)
class Server:
    """An MLflow server, or the database of one, for runs and for the registry.

    `artifact_root` is where a database without a server before it lets files lie.
    """

    tracking: str
    registry: str
    artifact_root: str | None = None

    @property
    def address(self) -> str:
        """The server's address without a password, for people."""
        return shown(self.tracking)

    @property
    def slug(self) -> str:
        """The name of a folder for what this project keeps of the server."""
        address = shown(self.tracking) + shown(self.registry)
        name = re.sub(r"[^A-Za-z0-9.]+", "-", address.partition("://")[2]).strip("-.")[:40]
        return f"{name}-{hashlib.sha256(address.encode()).hexdigest()[:8]}"


def server(environ: Mapping[str, str] = os.environ) -> Server | None:
    """Return the server that the environment names; None where the registry is in the folder.

    Raises PipelineError where the address is none that MLflow shares a registry at.

    >>> server({})
    >>> server({"MLFLOW_TRACKING_URI": "https://ann:secret@mlflow.example.org"}).address
    'https://mlflow.example.org'
    """
    tracking, registry = environ.get(TRACKING, ""), environ.get(REGISTRY, "")
    if not tracking:
        if registry:
            raise PipelineError(f"{REGISTRY} is set, but {TRACKING} is not: set both, or neither")
        return None
    for name, uri in ((TRACKING, tracking), (REGISTRY, registry or tracking)):
        if kind(uri) not in (*WEB, *DATABASES):
            raise PipelineError(
                f"{name}={shown(uri)} is not the address of an MLflow server (http, https) or of "
                f"its database ({', '.join(DATABASES)})"
            )
    return Server(
        tracking.rstrip("/"), (registry or tracking).rstrip("/"), environ.get(ARTIFACT_ROOT) or None
    )


def kind(uri: str) -> str:
    """Return an address's scheme, without a database's driver.

    >>> kind("postgresql+psycopg://db.example.org/mlflow")
    'postgresql'
    """
    return urlsplit(uri).scheme.partition("+")[0]


def shown(uri: str) -> str:
    """Return an address as it may be printed: without who asks, and without settings.

    >>> shown("postgresql://ann:secret@db.example.org/mlflow?sslmode=require")
    'postgresql://db.example.org/mlflow'
    """
    parts = urlsplit(uri)
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme and not host:  # as in sqlite:////srv/mlflow.db: urlunsplit would cut slashes
        return uri.partition("?")[0]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))


def folder(state: Path, at: Server | None) -> Path:
    """Return where the registry's link and its generations lie in the state folder."""
    return state / "servers" / at.slug if at else state
