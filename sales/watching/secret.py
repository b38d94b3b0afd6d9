"""A secret by which private values become hashes: equal ones are found again, and nothing else.

Without the secret nobody comes from a hash to its value, not by trying all that there may be
either. Whoever has it can, for values that can be guessed: keep it apart from the rows.
"""

import contextlib
import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from sales.data import addresses
from sales.errors import PipelineError


@dataclass(frozen=True)
class Secret:
    """The secret; as short or as long as one likes."""

    key: bytes

    def hashed(self, column: str, value: str) -> str:
        """Return what stands for a value of a column: 32 hexadecimal digits.

        >>> Secret(b"known to the tests alone").hashed("CustomerID", "CUST000001")
        '5213e44d32cea57d9d7f7254cb5e9e1b'
        """
        key = hashlib.sha256(self.key).digest()  # BLAKE2 takes at most 64 bytes
        text = f"{column}\0{value}".encode()  # equal values of two columns are not alike
        return hashlib.blake2b(text, key=key, digest_size=16).hexdigest()


def of(address: str, given: bytes, *, make: bool = True) -> Secret | None:
    """Return the secret of a place: the one that is given, or that of the file beside the folder.

    The file is made where there is none, unless one does not `make` it. None where there is
    neither: at an address that is no folder of this machine, or where nothing can be written.
    """
    if given:
        return Secret(given)
    path = Path(f"{addresses.absolute(address)}.key")
    if not path.is_absolute():
        return None
    with contextlib.suppress(OSError):
        if not path.exists() and make:
            _write(path)
        return Secret(path.read_bytes().strip())
    return None


def needed(address: str, given: bytes) -> Secret:
    """Return the secret, for whoever looks for hashes. Raises PipelineError where it is unknown."""
    found = of(address, given, make=False)
    if found is None:
        raise PipelineError(
            f"{address}: the secret of its hashes is not known here: name it in SERVED_KEY"
        )
    return found


def _write(path: Path) -> None:
    """Write a new secret, whole or not at all; others may do so at the same moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{secrets.token_hex(32)}\n")
        with contextlib.suppress(FileExistsError):
            os.link(beside, path)
    finally:
        beside.unlink(missing_ok=True)
