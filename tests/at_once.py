"""Registers at the same moment on one server, each in a process of its own.

`python -m tests.at_once` is such a process: it reads a line of JSON, does what that asks for and
answers with another one, round after round. Nothing is forked: in a copy of a process in which
XGBoost has worked, OpenMP waits for threads that were not copied, for ever or until it crashes.
"""

import contextlib
import faulthandler
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from tests import patience
from tests.examples import ROOT


class Registering:
    """One such process, as whoever asks it sees it; what it logs lies in a file."""

    def __init__(self, log: Path) -> None:
        self.log = log
        with log.open("w") as told:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.at_once"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=told,
                text=True,
            )

    def ask(self, what: str, **about: Any) -> None:
        """Let it begin; `answer` then waits until it is done."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"what": what, **about}) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        """Return what it answers. One that ends instead fails, with how it ended and its log."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait(patience.SECONDS)  # below zero: the signal
            raise AssertionError(f"a process ended with {code}: {self.log.read_text()[-5000:]}")
        return json.loads(line)

    def end(self) -> None:
        """Kill it, whatever it does."""
        self._process.kill()
        self._process.wait()


class AtOnce:
    """As many of them as are asked for; made once, as each imports MLflow and the libraries."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._there = folder, []  # type: ignore[var-annotated]

    def __enter__(self) -> "AtOnce":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for one in self._there:
            one.end()

    def some(self, number: int) -> list[Registering]:
        """Return so many that are ready."""
        logs = [self.folder / f"{at}.log" for at in range(len(self._there), number)]
        new = [Registering(log) for log in logs]
        self._there += new
        for one in new:
            assert one.answer() == "ready"
        return self._there[:number]

    def round(self, name: str, folders: Sequence[Path], number: int) -> dict[str, Any]:
        """Register so many times at once, under a name that is new; return what was counted.

        Each works in a clone of its own, copied from the folders in turn.
        """
        ones = self.some(number)
        clones = [self.folder / name / f"clone{at}" for at in range(number)]
        for at, clone in enumerate(clones):
            shutil.copytree(folders[at % len(folders)], clone, symlinks=True)
        for one, clone in zip(ones, clones, strict=True):
            one.ask("register", clone=str(clone), name=name)
        done = [one.answer() for one in ones]
        written = [event for one in done for event in one["wrote"]]
        found = _asked(ones[0], "count", clone=str(clones[0]), written=written)
        again = _asked(ones[0], "register", clone=str(clones[0]), name=name)
        after = _asked(ones[0], "count", clone=str(clones[0]), written=written)
        shutil.rmtree(self.folder / name)
        return {
            "failed": [one["err"] for one in done if one["code"]],
            "told": sum("champion: " in one["out"] for one in done),
            "decided again": sum("meanwhile another one" in one["out"] for one in done),
            **found,
            "next run": {**after, "failed": again["err"] if again["code"] else ""},
        }


def _asked(one: Registering, what: str, **about: Any) -> Any:
    one.ask(what, **about)
    return one.answer()


def register(clone: str, name: str) -> dict[str, Any]:
    """Register in a clone; return exit code, what was printed, and the events that it wrote."""
    from sales.errors import run
    from stages import register
    from tests.examples import set_params

    os.chdir(clone)
    set_params({"register.model_name": name, "register.experiment": name})
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        what_is_written() as wrote,
    ):
        try:
            run(register.main)
        except SystemExit as stop:
            code = int(stop.code or 0)
    return {"code": code, "out": out.getvalue(), "err": err.getvalue(), "wrote": wrote}


@contextlib.contextmanager
def what_is_written() -> Iterator[list[str]]:
    """Yield a list of the events of all entries that count once they are written."""
    from sales.registry import journal

    wrote: list[str] = []
    append = journal.Journal.append

    def noted(self: Any, told: Any, seen: int) -> Any:
        there = append(self, told, seen)
        wrote.extend(event.model_dump_json() for event in told)
        return there

    journal.Journal.append = noted  # type: ignore[method-assign]
    try:
        yield wrote
    finally:
        journal.Journal.append = append  # type: ignore[method-assign]


def count(clone: str, written: list[str]) -> dict[str, Any]:
    """Return what stands on the server of what was written."""
    from sales import params
    from sales.registry import changing, history, homes, tracking

    os.chdir(clone)
    settings = params.read("register", tracking.RegisterParams)
    server = homes.server()
    assert server
    registry = tracking.Registry(tracking.on_server(server), settings)
    events = changing.events(settings)
    holder, who = registry.holder("champion"), history.champion(events)
    told = [event.model_dump_json() for event in events]
    registered = [event for event in events if event.what == "registered"]
    return {
        "champions": int(
            holder is not None
            and who is not None
            and holder.tags["content_hash"] == who.content_hash
        ),
        "twice": sum(len(found) > 1 for found in registry.copies().values()),
        "lost": len(written) - sum(told.count(event) == 1 for event in written),
        "registered twice": len(registered) - len(history.registered(events)),
    }


def main() -> None:
    """Answer until nobody asks any more."""
    faulthandler.enable()
    answers: TextIO = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what anybody prints is no answer
    from sales.registry import asking

    asking.settle()
    import mlflow.pyfunc  # noqa: F401

    from sales import estimators
    from sales.judging import evaluation  # noqa: F401
    from sales.registry import candidates, reconciliation  # noqa: F401
    from sales.serving import answering  # noqa: F401
    from tests.trained_project import NAMES

    estimators.NAMES = NAMES  # type: ignore[assignment]
    told: Any = "ready"
    while True:
        answers.write(json.dumps(told) + "\n")
        answers.flush()
        line = sys.stdin.readline()
        if not line:
            return
        asked = json.loads(line)
        does = register if asked.pop("what") == "register" else count
        told = does(**asked)


if __name__ == "__main__":
    main()
