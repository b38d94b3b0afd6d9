"""Where DVC keeps the data and models for everybody: `make remote`, `make push`, `make pull`.

Not a DVC stage. DVC does the work; here it is said in a line what is missing, and what a kind of
remote needs is brought from the project's lock the first time that it is asked for.
"""

import argparse
import configparser
import importlib.util
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from sales.errors import PipelineError, run

NAME = "storage"
SHARED, OWN = Path(".dvc/config"), Path(".dvc/config.local")
# The kinds of address, and what the lock's group for it is called; a folder needs none.
KINDS = {"s3": "s3", "gs": "gs", "ssh": "ssh", "": None, "file": None}


def main() -> None:
    """Name the remote, or bring to it or from it what dvc.lock names."""
    parser = argparse.ArgumentParser(prog="python -m stages.remote", description=__doc__)
    parser.add_argument("what", choices=("name", "push", "pull"))
    parser.add_argument("url", nargs="?", default="")
    parser.add_argument("--local", action="store_true", help="for this clone alone")
    given = parser.parse_args()
    if given.what == "name":
        name(given.url, own=given.local)
        return
    url = named()
    if not url:
        raise PipelineError("no remote is named yet: make remote URL=s3://bucket/path")
    bring(url)
    if dvc(given.what):
        what = "pushed" if given.what == "push" else "pulled"
        raise PipelineError(f"not all was {what}, see above")


def name(url: str, *, own: bool) -> None:
    """Write the address into DVC's settings, those of git or those of this clone alone.

    Raises PipelineError for none, one of a kind that is not known, or one with a password.
    """
    if not url:
        raise PipelineError(
            "say where: make remote URL=s3://bucket/path, or gs://, ssh://, or a folder"
        )
    parts = urlsplit(url)
    if parts.password is not None:
        raise PipelineError(
            "URL holds a password: take it out, as git keeps .dvc/config; DVC reads credentials "
            f"from the environment, or `dvc remote modify --local {NAME} password ...`"
        )
    kind(url)
    bring(url)
    if dvc("remote", "add", "--quiet", "--force", "--default", *["--local"] * own, NAME, url):
        raise PipelineError("the remote could not be named, see above")
    if own:
        print(f"{OWN}: {url}, for this clone alone")
    else:
        print(f"{SHARED}: {url}; commit it, and every clone knows: git add {SHARED}")


def named() -> str:
    """Return the address of the remote that DVC takes by default, empty where there is none."""
    found = configparser.ConfigParser(interpolation=None)
    found.read([SHARED, OWN], encoding="utf-8")
    remote = found.get("core", "remote", fallback="")
    return found.get(f"'remote \"{remote}\"'", "url", fallback="")


def kind(url: str) -> str | None:
    """Return the kind of remote, None for a folder. Raises PipelineError for another one."""
    scheme = urlsplit(url).scheme
    if scheme not in KINDS:
        raise PipelineError(
            f"{scheme}:// is not a remote that the lock knows, but s3, gs, ssh and a folder: "
            f"`.venv/bin/uv pip install 'dvc[{scheme}]'` and `dvc remote add` may do"
        )
    return KINDS[scheme]


def bring(url: str) -> None:
    """Install what DVC needs for this address, where it is missing."""
    package = KINDS.get(urlsplit(url).scheme)
    if package is None or importlib.util.find_spec(f"dvc_{package}"):
        return
    group = f"remote-{package}"
    print(f"{package}: installing what DVC needs for it (the group {group} of uv.lock)", flush=True)
    command = ["uv", "sync", "--frozen", "--inexact", "--quiet", "--group", group]
    try:
        failed = subprocess.run(command, check=False).returncode  # noqa: S603 (on PATH, as make has it)
    except OSError:  # without make, and .venv not activated
        failed = True
    if failed:
        raise PipelineError(
            f"dvc-{package}, by which DVC reaches {package}://, is not installed: "
            f".venv/bin/uv sync --inexact --group {group}"
        )


def dvc(*words: str) -> int:
    """Run DVC with these words; return its exit code."""
    command = [sys.executable, "-m", "dvc", *words]
    return subprocess.run(command, check=False).returncode  # noqa: S603


if __name__ == "__main__":
    run(main)
