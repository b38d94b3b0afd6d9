"""The store of an MLflow registry: a database in a folder, or a server; MLflow pointed at it."""

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sales.registry import generations
from sales.registry.homes import REGISTRY, TRACKING


@dataclass(frozen=True)
class Store:
    """Where MLflow keeps runs, and versions with their aliases; and files, where that is ours."""

    tracking: str
    registry: str
    artifacts: str | None = None
    shared: bool = False


def point_at(store: Store) -> None:
    """Let MLflow's own functions use the store, in this process alone.

    MLflow would set its variables too: the next who asks them would take ours for a server.
    """
    import mlflow

    before = {name: os.environ.get(name) for name in (TRACKING, REGISTRY)}
    mlflow.set_tracking_uri(store.tracking)
    mlflow.set_registry_uri(store.registry)
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def unjournaled(connection: Any, _: Any) -> None:
    """Let SQLite keep no journal on disk, nor wait for the disk at each of hundreds of commits.

    What is written is a copy that nobody reads yet (generations.py): should the process or the
    machine die, it is thrown away as a whole. A database that others share is left as it is.
    """
    if isinstance(connection, sqlite3.Connection):
        [[_, _, path], *_] = connection.execute("PRAGMA database_list").fetchall()
        if generations.FOLDER in Path(path).parts:
            connection.execute("PRAGMA journal_mode = MEMORY")
            connection.execute("PRAGMA synchronous = OFF")
