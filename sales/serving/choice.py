"""Which alias answers: one choice for all workers of a server, for as long as it runs."""

import mmap
from pathlib import Path

import psutil

from sales.serving.answering import ALIASES


class Active:
    """Which alias answers: one byte of a file that all workers of a server map into their memory.

    Looking at it takes no system call, and from the moment `choose` returns every worker answers
    by the new one.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            if file.tell() == 0:  # new: the first alias. Two workers may both write it
                file.truncate(1)
        with path.open("r+b") as file:
            self._byte = mmap.mmap(file.fileno(), 1)

    def alias(self) -> str:
        """Return the alias that answers now."""
        return ALIASES[self._byte[0]]

    def choose(self, alias: str) -> None:
        """Let an alias answer, in every worker, from now on."""
        self._byte[0] = ALIASES.index(alias)


def file_of_server(folder: Path) -> Path:
    """Return the file with the active alias: one for the workers of a server, new at each start.

    They have the same parent; its start time tells it from an earlier one of the same number.
    """
    own = psutil.Process()
    server = own.parent() or own
    return folder / f"active-{server.pid}-{round(server.create_time() * 1000)}"
