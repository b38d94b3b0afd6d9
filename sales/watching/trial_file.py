"""How the trial stood when it was looked at last: a file beside the rows, for whoever shows it.

All who share the address see the same one, wherever the trial is looked at.
"""

import json
from collections.abc import Mapping
from typing import Any

from sales.data import addresses

FILE = "trial.json"


def write(address: str, told: Mapping[str, Any]) -> None:
    """Put it where the last one was, whole or not at all. Raises whatever the file system does."""
    there, root = addresses.resolve(address)
    with addresses.replacing(there, f"{root}/{FILE}") as file:
        file.write(json.dumps(told, indent=2).encode())


def read(address: str) -> bytes | None:
    """Return it, as JSON; None where there is none."""
    there, root = addresses.resolve(address)
    try:
        return there.cat_file(f"{root}/{FILE}")
    except FileNotFoundError:
        return None
