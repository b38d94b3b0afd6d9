"""Exports tried in a process of its own, before they are followed: its memory goes when it ends."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sales import files
from sales.errors import PipelineError


def failing(folder: Path, aliases: Sequence[str]) -> dict[str, str]:
    """Return why, by alias, for each export that does not load, or answer its golden order.

    Raises PipelineError where that process itself ends early, as for want of memory.
    """
    if not aliases:
        return {}
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", __name__, str(folder), *aliases],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.splitlines() or [f"exit code {done.returncode}"])[-1]
        raise PipelineError(f"what was downloaded could not be tried: {last}")
    return json.loads(done.stdout)


def main() -> None:
    """Print which exports of a folder fail, of those named after it."""
    from sales.serving import answering

    folder = Path(sys.argv[1])
    promoted, found = files.read_json(folder / "promoted.json"), {}
    for alias in sys.argv[2:]:
        try:
            answering.load_one(folder, alias, promoted)
        except Exception as error:  # whatever it is, the service would meet it too
            found[alias] = " ".join(f"{error}".split()) or type(error).__name__
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
