"""Errors that are a message to a person, not a stack trace."""

import codecs
import errno
import gc
import io
import os
import shutil
import sys
from collections.abc import Callable

# What a disk or its owner refuses: nothing that a traceback would explain.
FULL = {errno.ENOSPC, errno.EDQUOT}
CLOSED = {errno.EROFS, errno.EACCES, errno.EPERM}
IN_SQLITE = {
    "database or disk is full": FULL,
    "attempt to write a readonly database": CLOSED,
    "unable to open database file": CLOSED,
}


class PipelineError(Exception):
    """Something the user can put right; the message says what is wrong, where, and what to do."""


def run(main: Callable[[], None]) -> None:
    """Run a stage: a `PipelineError`, or a full or read-only disk, becomes one line on stderr.

    The exit code is 1 then. Any other exception is a defect of ours and keeps its traceback. What
    a terminal has no sign for is spelled with those that it has.

    >>> def main() -> None:
    ...     raise PipelineError("data/incoming holds no files: put some there")
    >>> run(main)  # error: data/incoming holds no files: put some there
    Traceback (most recent call last):
    SystemExit: 1
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=SPELLED)
    try:
        main()
    except Exception as error:
        line = str(error) if isinstance(error, PipelineError) else refused_by_disk(error)
        if line is None:
            raise
        sys.stdout.flush()
        sys.stderr.write(f"error: {printable(line)}\n")
        sys.exit(1)
    finally:
        # Python would look for garbage among all that the libraries made: half a second, to no end.
        gc.freeze()


def printable(text: str) -> str:
    r"""Return a text that is one line and steers no terminal: line breaks and escapes are spelled.

    >>> printable("so\n\x1b[2Knot")
    'so\\n\\x1b[2Knot'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


SPELLED = "spelled"  # how a stream encodes what it has no sign for


def _spelled(error: UnicodeError) -> tuple[str, int]:
    """Return `2` for `²`, `...` for `…`, `u` for `ü`, and the escape of what is like nothing."""
    import unicodedata

    if not isinstance(error, UnicodeEncodeError):
        raise error
    strange = error.object[error.start : error.end]
    like = {char: unicodedata.normalize("NFKD", char).encode("ascii", "ignore") for char in strange}
    told = (like[char] or char.encode("ascii", "backslashreplace") for char in strange)
    return b"".join(told).decode(), error.end


codecs.register_error(SPELLED, _spelled)


def refused_by_disk(error: BaseException | None) -> str | None:
    """Return what the disk refused, in a line; None where the error has another cause.

    MLflow wraps the operating system's errors, SQLite's have no number, and shutil gathers what it
    could not copy as text: the chain is searched, and the text where there is nothing better.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL | CLOSED:
            where = f": {error.filename}" if error.filename else ""
            return _told(f"{error.strerror}{where}", error.errno in FULL)
        known = dict(IN_SQLITE)
        if isinstance(error, shutil.Error):
            known |= {os.strerror(number): kind for kind in (FULL, CLOSED) for number in kind}
        found = next((text for text in known if text in str(error)), None)
        if found:
            return _told(found, known[found] is FULL)
        error = error.__cause__ or error.__context__
    return None


def _told(what: str, full: bool) -> str:
    advice = "make room" if full else "give yourself leave to write there"
    return f"{what}. Nothing was changed; {advice}, and run it again"
