"""What is known of the registry that a server follows: one process asks it, all workers tell."""

from dataclasses import asdict, dataclass
from pathlib import Path

from sales import files

FILE = "registry.json"  # in the folder of the server


@dataclass(frozen=True)
class Contact:
    """Since when the registry cannot be asked, and since when what it holds cannot be had.

    Both are seconds since 1970, None as long as nothing is wrong.
    """

    away_since: float | None = None
    away_why: str = ""
    behind_since: float | None = None
    behind_why: str = ""


WELL = Contact()


def write(path: Path, contact: Contact) -> None:
    """Let the workers of the server tell it. Raises OSError where there is no room for it."""
    files.write_json(path, asdict(contact))


def read(path: Path) -> Contact:
    """Return what was written last; nothing is wrong where nothing was, or it cannot be read."""
    try:
        return Contact(**files.read_json(path))
    except (OSError, ValueError, TypeError):
        return WELL
