"""What bounds all that is kept: days after which it goes, and megabytes.

Whoever shares the folder may do this at the same moment: what another one has removed is gone.
"""

from contextlib import suppress
from datetime import date, timedelta

from sales.data import addresses
from sales.watching import parts
from sales.watching.parts import Part

LEFT = 3600.0  # seconds after which a file that is still being written has no writer any more


def kept_to(address: str, days: float, mb: float, today: date) -> tuple[list[Part], int]:
    """Remove what is older than `days`, then the oldest parts while all are above `mb` megabytes.

    Return what was removed, and how many bytes are left. A day counts as a whole: what was
    answered on it is there for at least so many days. Raises OSError, as the file system does.
    """
    oldest = (today - timedelta(days=days)).isoformat()
    found = [part for kind in parts.KINDS for part in parts.listed(address, kind)]
    found.sort(key=lambda part: (part.day, part.name))
    size = sum(part.size for part in found)
    removed = []
    for part in found:
        if part.day >= oldest and size <= mb * 1e6:
            break
        removed.append(part)
        size -= part.size
    there, root = addresses.resolve(address)
    for part in removed:
        with suppress(FileNotFoundError):
            there.rm(parts.path_of(root, part))
    _without_empty_days(address, removed)
    return removed, size


def _without_empty_days(address: str, removed: list[Part]) -> None:
    """Remove the folders of days of which nothing is left; an object store knows none."""
    there, root = addresses.resolve(address)
    for kind, day in {(part.kind, part.day) for part in removed}:
        folder = f"{root}/{kind}/{parts.DAY}{day}"
        with suppress(OSError):  # somebody writes there
            if not addresses.listed(there, folder):
                there.rmdir(folder)
