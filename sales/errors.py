"""Errors that are a message to a person, not a stack trace."""

import gc
import sys
from collections.abc import Callable


class PipelineError(Exception):
    """Something the user can put right; the message says what is wrong, where, and what to do."""


def run(main: Callable[[], None]) -> None:
    """Run a stage: a `PipelineError` becomes one line on stderr and exit code 1.

    Any other exception is a defect of ours and keeps its traceback.
    """
    try:
        main()
    except PipelineError as error:
        sys.stdout.flush()
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)
    finally:
        # Python would look for garbage among all that the libraries made: half a second, to no end.
        gc.freeze()
