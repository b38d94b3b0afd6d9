"""Where state lies that is no output of DVC's: the registry, and when each model was trained."""

import contextlib
import json
import os
import time
from pathlib import Path

from sales import files

TRAININGS = "trainings"  # a file a model, named by its content hash


def state_folder() -> Path:
    """Return where all state is kept: SALES_STATE, or state/ of the repo.

    A queued or --temp experiment runs in a copy of the folder, but DVC_ROOT still names the repo:
    tracked there, its runs outlive the copy.

    >>> state_folder().name == os.environ.get("SALES_STATE", "state")
    True
    """
    root = Path(os.environ.get("DVC_ROOT", "."))
    return root / os.environ.get("SALES_STATE", "state")


def note_training(content_hash: str, started: float) -> None:
    """Write down that a model was trained from `started`, as `time.time` tells it, until now.

    A clock's time has no place in what DVC tracks. Where it cannot be written it is left out.
    """
    with contextlib.suppress(OSError):
        told = {"started": started, "ended": time.time()}
        files.write_json(state_folder() / TRAININGS / f"{content_hash}.json", told)


def training_times(content_hash: str) -> tuple[int, int] | None:
    """Return when a model's training began and ended, in milliseconds since 1970.

    None where it was not trained here, but came out of a cache.
    """
    try:
        told = files.read_json(state_folder() / TRAININGS / f"{content_hash}.json")
        return int(1000 * told["started"]), int(1000 * told["ended"])
    except (OSError, json.JSONDecodeError, KeyError, TypeError):
        return None
