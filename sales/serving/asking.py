"""The process that asks a registry for all workers: started and kept by their parent."""

import atexit
import contextlib
import dataclasses
import subprocess
import sys
import threading
import time

import psutil

from sales.errors import PipelineError
from sales.serving import contact, registry_follower, state
from sales.serving.following import FOLLOW_SECONDS, LOG, RETRY_SECONDS
from sales.serving.settings import HOME, Settings

ENDED = "the process that follows the registry has ended"


class Asking:
    """The process; started again whenever it ends before the server does."""

    def __init__(self, settings: Settings) -> None:
        server = state.folder_of_server(settings.state, psutil.Process())
        self._contact, self._ending = server / contact.FILE, threading.Event()

    def start(self) -> None:
        """Start it, and wait until there are models to begin with.

        Raises PipelineError where there are none, and SystemExit where it has told why by itself.
        """
        self._process = _begun(subprocess.PIPE)
        atexit.register(self.end)
        assert self._process.stdout  # noqa: S101  # a pipe
        if self._process.stdout.readline().strip() != registry_follower.READY:
            if (code := self._process.wait()) == 1:
                sys.exit(1)
            raise PipelineError(f"{ENDED}: {code}")
        threading.Thread(target=self._keep, name="keep", daemon=True).start()

    def end(self) -> None:
        """End it for good."""
        self._ending.set()
        self._process.terminate()

    def _keep(self) -> None:
        while not self._ending.wait(FOLLOW_SECONDS):
            if self._process.poll() is not None:
                since = time.time()
                if self._ending.wait(RETRY_SECONDS):
                    return
                LOG.error("%s: it is started again", ENDED)
                self._tell(since)
                self._process = _begun(subprocess.DEVNULL)

    def _tell(self, since: float) -> None:
        with contextlib.suppress(OSError):  # the log has it
            known = contact.read(self._contact)
            since = known.away_since or since
            told = dataclasses.replace(known, away_since=since, away_why=ENDED)
            contact.write(self._contact, told)


def _begun(output: int) -> subprocess.Popen:
    command = [sys.executable, "-m", registry_follower.__name__]
    return subprocess.Popen(  # noqa: S603
        command, cwd=HOME, stdin=subprocess.DEVNULL, stdout=output, text=True
    )
