"""Runs a command once for each write it makes, and lets a fault strike just before that write.

    python -m tests.faults kill register.main folder [every]

`folder` is a project in which the command is about to run; it is put back before each try. The
faults: `kill` is SIGKILL, `full` and `readonly` are the errors of a disk that takes nothing more.
Writes are seen by Python's audit hooks, and a database's commits by SQLAlchemy's events: the
command itself knows nothing of this. Each try is a fork of this process, which has imported all
that is slow. Prints a JSON object: how many writes there are, which were tried, what went wrong.
"""

import contextlib
import errno
import io
import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

WRITES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.truncate"}
ERRORS = {"full": errno.ENOSPC, "readonly": errno.EROFS}
MESSAGES = {"full": "No space left on device", "readonly": "Read-only file system"}
FINISHED, REFUSED, CRASHED = 0, 1, 2  # exit codes of a try
LAST = 6  # writes before the change that are always tried


class Fault:
    """Counts the writes below a folder, and strikes before the one whose number it is given."""

    def __init__(self, folder: Path, kind: str, number: int) -> None:
        self.folder, self.kind, self.number = str(folder), kind, number
        self.count = 0

    def arm(self) -> None:
        """Watch this process from now on."""
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        event.listen(Engine, "commit", lambda _: self._write())
        sys.addaudithook(self._heard)

    def _heard(self, name: str, args: tuple[Any, ...]) -> None:
        if name == "open":
            path, _, flags = args
            writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        else:
            path, writes = (args or ("",))[0], name in WRITES
        if writes and isinstance(path, str | Path | bytes):
            text = os.fsdecode(path)
            if text.startswith(self.folder) or not text.startswith("/"):
                self._write()

    def _write(self) -> None:
        self.count += 1
        if self.count == self.number:
            if self.kind == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise OSError(ERRORS[self.kind], MESSAGES[self.kind])


def told(folder: Path) -> dict[str, Any]:
    """Return what registry, exports and history say, but for times and the ids of runs."""
    from sales import files
    from sales.registry import history, trials
    from sales.serving import on_trial

    now = folder / "state/registry"
    aliases, tag = {}, ""
    if (now / "mlflow.db").is_file():
        with contextlib.closing(sqlite3.connect(now / "mlflow.db")) as database:
            rows = database.execute(
                "SELECT a.alias, a.version, t.value FROM registered_model_aliases a "
                "JOIN model_version_tags t ON t.version = a.version AND t.key = 'content_hash'"
            )
            aliases = {alias: [version, content] for alias, version, content in rows}
            asked = "SELECT value FROM registered_model_tags WHERE key = 'trial'"
            tag = "".join(value for (value,) in database.execute(asked))
    exported, whole = {}, {}
    promoted = folder / "models/promoted"
    if (promoted / "promoted.json").is_file():
        entries = files.read_json(promoted / "promoted.json")
        exported = {
            alias: [entry["version"], entry["content_hash"]]
            for alias, entry in entries.items()
            if isinstance(entry, dict)
        }
        whole = {alias: files.content_hash(promoted / alias) for alias in exported}
    events = history.read(now / "history.jsonl")
    record = folder / "metrics/registry.json"
    return {
        "aliases": aliases,
        "exports": exported,
        "whole": whole,
        "history": [
            [e.what, e.to and e.to.version, e.champion and e.champion.version] for e in events
        ],
        "record": files.read_json(record)["champion"]["version"] if record.is_file() else None,
        "trials": [tag, *map(on_trial.written, (on_trial.read(promoted), trials.told(events)))],
    }


def agree(state: dict[str, Any]) -> bool:
    """Return whether registry, exports, record and history name the same models, and trial."""
    exports = state["exports"]
    champion = state["history"][-1][2] if state["history"] else None
    return (
        exports == state["aliases"]
        and state["whole"] == {alias: entry[1] for alias, entry in state["exports"].items()}
        and champion == state["record"] == (exports or {"champion": [None]})["champion"][0]
        and len({*state["trials"]}) == 1
    )


def attempt(folder: Path, command: Callable[[], None], fault: Fault | None) -> tuple[int, str, int]:
    """Run the command in a fork; return its exit code (negative: the signal), stderr and writes."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        out, code = io.StringIO(), FINISHED
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(out):
            if fault:
                fault.arm()
            try:
                command()
            except SystemExit as stop:
                code = REFUSED if stop.code else FINISHED
            except BaseException as error:
                out.write(f"{type(error).__name__}: {error}")
                code = CRASHED
        if fault:
            fault.number = -1  # the report is no write of the command's
        counted = fault.count if fault else 0
        os.write(writer, json.dumps([out.getvalue()[-2000:], counted]).encode())
        os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        report = pipe.read()
    _, status = os.waitpid(child, 0)
    text, counted = json.loads(report) if report else ("", 0)
    return os.waitstatus_to_exitcode(status), text, counted


def strike(kind: str, command: Callable[[], None], folder: Path, every: int) -> dict[str, Any]:
    """Try every so manieth write, and the last ones before the moment of change."""
    from sales.errors import run
    from stages import register

    pristine = folder.with_name(f"{folder.name}_pristine")
    folder.rename(pristine)

    def restore() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(pristine, folder, symlinks=True)

    def once(fault: Fault | None) -> tuple[int, str, int]:
        return attempt(folder, lambda: run(command), fault)

    restore()
    before = told(folder)
    code, text, writes = once(Fault(folder, kind, -1))
    assert code == FINISHED, text
    after = told(folder)
    assert before != after
    assert agree(before)
    assert agree(after)
    healed: dict[str | None, Any] = {}
    for moment in ("before", "after"):
        if moment == "before":
            restore()
        code, text, _ = attempt(folder, register.main, None)
        assert code == FINISHED, text
        healed[moment] = told(folder)
        if moment == "before":
            restore()
            assert once(None)[0] == FINISHED
    tried: list[int] = []
    wrong: list[list[Any]] = []
    outcomes = {"before": 0, "after": 0}
    for number in range(1, writes + 1):
        if number % every and number <= writes - LAST:
            continue
        tried.append(number)
        restore()
        code, text, _ = once(Fault(folder, kind, number))
        found = told(folder)
        state = {json.dumps(before): "before", json.dumps(after): "after"}.get(json.dumps(found))
        if state is None:
            wrong.append([number, "a mixture", found])
            continue
        outcomes[state] += 1
        if kind == "kill":
            fine = code == -signal.SIGKILL
        else:  # an error, told in a line; or the write was one that can be done without
            told_in_a_line = code == REFUSED and MESSAGES[kind] in text and "Traceback" not in text
            done = code == FINISHED and state == "after"
            fine = done or (told_in_a_line and state == "before")
        if not fine:
            wrong.append([number, f"exit code {code}", text])
        code, text, _ = attempt(folder, register.main, None)
        if code != FINISHED or told(folder) != healed[state]:
            wrong.append([number, "not healed", text, told(folder)])
    return {"writes": writes, "tried": tried, "outcomes": outcomes, "wrong": wrong}


def main() -> None:
    """Run what the command line says."""
    import mlflow.pyfunc  # noqa: F401
    import pandas  # noqa: F401

    from sales import estimators, params  # noqa: F401
    from sales.judging import evaluation, gates  # noqa: F401
    from sales.registry import drawings, standing, tracking  # noqa: F401
    from sales.serving import answering  # noqa: F401
    from stages import champion, register, trial
    from tests import once
    from tests.trained_project import NAMES, drawn_once

    once.join()
    drawn_once()
    estimators.NAMES = NAMES  # type: ignore[assignment]
    drawings.of("nothing", {})  # which looks for fonts
    kind, command, folder, every = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])

    def by_hand(*words: str) -> Callable[[], None]:
        def command() -> None:
            sys.argv = ["champion", *words]
            champion.main()

        return command

    def trying(*words: str) -> Callable[[], None]:
        def command() -> None:
            os.environ["SERVED"] = "state/served"
            sys.argv = ["trial", *words]
            trial.main()

        return command

    commands = {
        "begin": trying("--name", "spring", "--share", "5"),
        "verdict": trying(),
        "end": trying("--end"),
        "register": register.main,
        "rollback": by_hand("rollback", "--reason", "a test"),
        "promote": by_hand("promote", "challenger"),
        "lift": by_hand("lift", "2"),
    }
    sys.stdout.write(json.dumps(strike(kind, commands[command], folder, every)) + "\n")


if __name__ == "__main__":
    main()
