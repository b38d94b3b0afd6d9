"""The canary: the share of requests that the challenger answers, one for all workers of a server.

Who is answered by which model follows from a hash of the trial and the customer: the same one by
the same model in every worker and replica, as long as the trial lasts, and dealt anew in the next.
"""

import hashlib
import mmap
from pathlib import Path

from sales.serving import state

PARTS = 10_000  # hundredths of a percent
WORD = 4  # bytes of each of the page's two numbers


class Canary:
    """The share, in eight bytes of a file that all workers of a server map into their memory.

    The first four are the sign of what the share was given for: the two models, and the trial. A
    worker that knows of another one lets nobody be answered by the challenger, so that no share
    outlives its trial by a moment. Both are written in one piece. Where the disk has no room for
    the file, the champion answers all until `share` finds some; `alone` tells why.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sign = 0
        self.alone: OSError | None = None
        self._page = mmap.mmap(-1, 2 * WORD)
        self.share()

    def share(self) -> None:
        """Map the file that the other workers map, if there is room for it by now."""
        try:
            state.reserve(self._path, 2 * WORD)
            with self._path.open("r+b") as file:
                self._page = mmap.mmap(file.fileno(), 2 * WORD)
        except OSError as error:
            self.alone = error
        else:
            self.alone = None

    @property
    def percent(self) -> float:
        """The share in percent."""
        return self._parts() / 100

    def end(self) -> None:
        """Let the champion answer all in this worker, until another `begin`."""
        self._sign = 0

    def begin(self, sign: int, percent: float) -> None:
        """Know of other models or another trial, whose share is so many percent.

        The first worker that does sets it for all; what a person has set since stays.
        """
        self._sign = sign
        if int.from_bytes(self._page[:WORD], "little") != sign:
            self._write(percent)

    def set(self, percent: float) -> None:
        """Let so many percent be answered by the challenger, in every worker, from now on.

        Raises OSError where the workers share nothing.
        """
        if self.alone:
            raise self.alone
        self._write(percent)

    def holds(self, trial: str, customer: str) -> bool:
        """Return whether a customer is answered by the challenger."""
        parts = self._parts()
        return parts > 0 and place(trial, customer) < parts

    def _parts(self) -> int:
        page = self._page[:]
        if int.from_bytes(page[:WORD], "little") != self._sign:
            return 0
        return int.from_bytes(page[WORD:], "little")

    def _write(self, percent: float) -> None:
        parts = round(percent * PARTS / 100)
        self._page[:] = self._sign.to_bytes(WORD, "little") + parts.to_bytes(WORD, "little")


def place(trial: str, customer: str) -> int:
    """Return where a customer stands in a trial, from 0 to PARTS - 1; each place is as likely.

    >>> place("spring", "CUST000001"), place("spring", "CUST000002"), place("june", "CUST000001")
    (9891, 4694, 2998)
    """
    told = hashlib.blake2b(f"{trial}\0{customer}".encode(), digest_size=8).digest()
    return int.from_bytes(told, "little") % PARTS
