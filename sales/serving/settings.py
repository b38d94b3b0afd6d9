"""How a service is set up: what its environment says, read once and handed on."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).parents[2]  # the project, or what a Bento holds of it


@dataclass(frozen=True)
class Settings:
    """See `Variables` in README.md."""

    promoted: Path
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


def read(environ: Mapping[str, str], static: Path = Path()) -> Settings:
    """Return the settings that an environment names, and the ones by default for the others.

    `static` is where the files of Swagger UI are.
    """
    return Settings(
        promoted=Path(environ.get("PROMOTED", HOME / "models" / "promoted")),
        state=Path(environ.get("SERVING_STATE") or tempfile.gettempdir()),
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
    )
