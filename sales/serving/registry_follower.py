"""Follows a registry, in a process of its own: asks who is promoted, and downloads what is new.

The workers of the server follow the folder that it writes, as they follow models/promoted.
"""

import contextlib
import dataclasses
import logging
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from sales.errors import PipelineError, printable, run
from sales.serving import contact, settings, state
from sales.serving.downloads import Downloads, Source
from sales.serving.mlflow_server import AwayError, RegisteredModel, Version

READY = "ready"  # what its parent is told once there is something to answer with
LOOKS = 4  # within `registry_seconds`: to look, download, try and load takes a while
RETRIES = 6  # times `registry_seconds`, after which what could not be had is tried again
LOG = logging.getLogger("registry")


class Follower:
    """Looks at a registered model, again and again; `path` is where the workers read of it."""

    def __init__(self, source: Source, downloads: Downloads, path: Path, seconds: float) -> None:
        self._source, self._downloads, self._path = source, downloads, path
        self._seconds = seconds
        self.contact = contact.read(path)  # of one before it, which ended early
        self._seen: tuple[Mapping[str, Version], str] | None = None
        self._again = 0.0  # when what was seen is to be brought again, as a part could not be had

    def look(self) -> None:
        """Look once, bring what is new, and let the workers tell how it went.

        Whatever goes wrong, what was there before stays, and the next look may put it right.
        """
        before = self.contact
        try:
            wanted = self._source.holders()
            self.contact = dataclasses.replace(before, away_since=None, away_why="")
            if (wanted, self._source.on_trial) != self._seen or time.monotonic() >= self._again:
                self._bring(wanted)
        except AwayError as error:
            since = before.away_since or time.time()
            self.contact = dataclasses.replace(before, away_since=since, away_why=str(error))
        self._tell(before)

    def _bring(self, wanted: Mapping[str, Version]) -> None:
        self._seen = None
        try:
            lacking = "; ".join(self._downloads.bring(self._source, wanted))
        except AwayError:
            raise
        except Exception as error:  # whatever it is, this process must not end
            lacking = " ".join(f"{error}".split()) or type(error).__name__
            if not isinstance(error, PipelineError | OSError):
                LOG.error("a promotion cannot be followed", exc_info=error)
        else:
            named = (f"{alias}: version {one.version}" for alias, one in wanted.items())
            LOG.info("downloaded, %s", ", ".join(named))
        since = self.contact.behind_since or time.time() if lacking else None
        self.contact = dataclasses.replace(
            self.contact, behind_since=since, behind_why=printable(lacking)
        )
        self._seen = wanted, self._source.on_trial
        self._again = time.monotonic() + RETRIES * self._seconds if lacking else float("inf")

    def _tell(self, before: contact.Contact) -> None:
        now = self.contact
        if now.away_why and now.away_why != before.away_why:
            LOG.error("%s: what was downloaded before goes on to answer", now.away_why)
        if before.away_since and not now.away_since:
            LOG.info("the registry can be asked again")
        if now.behind_why and now.behind_why != before.behind_why:
            LOG.error("promoted, but not to be had: %s", now.behind_why)
        if now != before or not self._path.exists():
            try:
                contact.write(self._path, now)
            except OSError as error:
                LOG.error("the workers cannot be told how the registry is: %s", error)


def main() -> None:
    """Follow until the server ends. Raises PipelineError where there is nothing to begin with."""
    logging.basicConfig(
        stream=sys.stderr,
        format="%(asctime)s [%(levelname)s] [%(name)s] %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S%z",
    )
    LOG.setLevel(logging.INFO)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # it tells of every attempt
    server, registered = os.getppid(), settings.registered(os.environ)
    downloads = Downloads(registered.folder)
    path = state.folder_of_server(settings.read(os.environ).state) / contact.FILE
    source = RegisteredModel(registered.name)
    follower = Follower(source, downloads, path, registered.seconds)
    follower.look()
    if "champion" not in downloads.held():
        raise PipelineError(follower.contact.away_why or follower.contact.behind_why)
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    while os.getppid() == server:
        time.sleep(registered.seconds / LOOKS)
        follower.look()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):  # the whole server is told
        run(main)
