"""Where a model comes from: the git commit, and the hash by which DVC brings its files back."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sales import files
from sales.errors import PipelineError


def git_commit() -> str:
    """Return the commit, or nothing where there is no repository, no commit in it, or no git.

    A repository of another user's is read all the same: the question runs nothing of it. Raises
    PipelineError where Git is too old to be told so.
    """
    git = shutil.which("git")
    if not git:
        return ""
    command = [git, "-c", "safe.directory=*", "rev-parse", "--verify", "--quiet", "HEAD"]
    done = subprocess.run(  # noqa: S603
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},  # its messages in English
    )
    if "safe.directory" in done.stderr or "dubious ownership" in done.stderr:
        raise PipelineError(
            "Git does not tell the commit of a folder that another user owns: "
            f"git config --global --add safe.directory {shlex.quote(str(Path.cwd()))}"
        )
    return done.stdout.strip()


def rows_in(data: Mapping[str, Any]) -> int | None:
    """Return how many rows came in, by metrics/data.json: those that nobody could use too.

    >>> rows_in({"rows_in": 98, "rows_without_cells": 2})
    100
    """
    if "rows_in" not in data:
        return None
    aside = ("rows_without_cells", "rows_without_target")
    return int(data["rows_in"]) + sum(int(data.get(name, 0)) for name in aside)


def dvc_md5(output: Path, lock: Path = Path("dvc.lock")) -> str | None:
    """Return the hash under which DVC keeps an output; None where its stage has not run."""
    if not lock.is_file():
        return None
    stages = files.read_yaml(lock)["stages"].values()
    outs = (out for stage in stages for out in stage.get("outs", ()))
    found = (out["md5"] for out in outs if out["path"] == output.as_posix())
    return next(found, None)


def cache_folder() -> Path:
    """Return DVC's local cache, wherever its configuration puts it."""
    command = [sys.executable, "-m", "dvc", "cache", "dir"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise PipelineError(f"`dvc cache dir` failed: {done.stderr.strip()}")
    return Path(done.stdout.strip())


def restore(md5: str, folder: Path, cache: Path) -> bool:
    """Write the files of a folder that DVC keeps in its cache; return whether all were there.

    The layout is DVC's own ("Structure of the cache directory" in its documentation): the folder's
    hash ends in .dir and names a JSON list of its files' names and hashes.
    """
    listing = _place(cache, md5)
    if not listing.is_file():
        return False
    names = {one["relpath"]: _place(cache, one["md5"]) for one in json.loads(listing.read_text())}
    if not all(source.is_file() for source in names.values()):
        return False
    for name, source in names.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / name)
    return True


def _place(cache: Path, md5: str) -> Path:
    return cache / "files" / "md5" / md5[:2] / md5[2:]
