"""Whether a server could listen, told before it starts: `python -m stages.port :3000 PORT`.

Not a DVC stage. Servers tell a port that is taken in pages of their own, each in another way.
"""

import errno
import socket
import sys

from sales.errors import PipelineError, run


def refuse_taken(listen: str, setting: str) -> None:
    """Raise PipelineError where nobody could listen at `listen`, host:port.

    `setting` is the variable that holds the port, or all of it.
    """
    host, _, port = listen.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) < 2**16:
        raise PipelineError(f"{setting} names a port, 1 to 65535, not '{port}'")
    try:
        [family, kind, proto, _, address], *_ = socket.getaddrinfo(
            host.strip("[]") or None, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        with socket.socket(family, kind, proto) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
            tried.bind(address)
    except OSError as error:
        reason = error.strerror or error
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise PipelineError(f"nobody can listen at {listen}: {reason}") from None
        following = f"{int(port) % 65535 + 1}"
        named = f"{host}:{following}" if setting.endswith("ADDRESS") else following
        raise PipelineError(
            f"port {port} of {host or 'this machine'} cannot be had ({reason}): "
            f"name another one, {setting}={named} say"
        ) from None


def main() -> None:
    """Exit with 1, and a line, where the port is taken."""
    refuse_taken(*sys.argv[1:])


if __name__ == "__main__":
    run(main)
