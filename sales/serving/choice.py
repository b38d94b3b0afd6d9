"""Which alias answers: one choice for all workers of a server, for as long as it runs."""

import mmap
from pathlib import Path

from sales.serving import state
from sales.serving.answering import ALIASES


class Active:
    """Which alias answers: a byte of a file that all workers of a server map into their memory.

    A second byte tells whether any of them has answered yet. Looking at it takes no system call,
    and from the moment `choose` returns every worker answers by the new one. Where the disk has no
    room for the file, the champion answers until `share` finds some; `alone` tells why.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.alone: OSError | None = None
        self._page = mmap.mmap(-1, 2)
        self.share()

    def share(self) -> None:
        """Map the file that the other workers map, if there is room for it by now."""
        try:
            state.reserve(self._path, 2)
            with self._path.open("r+b") as file:
                self._page = mmap.mmap(file.fileno(), 2)
        except OSError as error:
            self.alone = error
        else:
            self.alone = None

    def alias(self) -> str:
        """Return the alias that answers now."""
        return ALIASES[self._page[0]]

    def choose(self, alias: str) -> None:
        """Let an alias answer, in every worker, from now on.

        Raises OSError where the workers share no choice.
        """
        if self.alone:
            raise self.alone
        self._page[0] = ALIASES.index(alias)

    def answered_once(self) -> None:
        """Keep in mind that this server has been able to answer."""
        self._page[1] = 1

    @property
    def has_answered(self) -> bool:
        """Whether any worker of this server has been able to answer, though it may be gone."""
        return self._page[1] == 1
