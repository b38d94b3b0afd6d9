"""The life of a trial, killed by SIGKILL at every write that each of its steps makes.

    python -m tests.killed folder promoted|ended every [step ...]

`folder` is a project with three champions behind it; the steps follow one another in it. Just
before a write the process forks and is killed there and then, as `kill -9` would. What it leaves
is looked at in a copy, in which the next commands run; its heir, which knows all that it knew and
holds all that it held, waits meanwhile, and then makes that write. So a step of 150 writes is
killed 150 times, each time a real process with all that it had not brought to disk, and runs once.
Prints a JSON object a step: how many writes, how many kills, what went wrong.
"""

import ctypes
import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from tests.faults import FINISHED, LAST, Fault, agree, attempt, told

SERVED = "state/served"
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of Linux: heirs of who was killed are ours to wait for
# Of so many kills one is followed by `make repro`, or by the same command and then that.
HEALED, AGAIN = 3, 30


class Step(NamedTuple):
    """A command, and what comes about before it; both run in the project's folder."""

    name: str
    command: Callable[[], None]
    before: Callable[[], None] = lambda: None


class Mortal(Fault):
    """Dies before each write that is chosen, and leaves an heir, which goes on when it is told."""

    def __init__(self, folder: Path, chosen: Callable[[int], bool], tells: int, hears: int) -> None:
        super().__init__(folder, "kill", 0)
        self._chosen, self._tells, self._hears = chosen, tells, hears

    def _write(self) -> None:
        self.count += 1
        if not self._chosen(self.count):
            return
        if threading.current_thread() is not threading.main_thread():
            raise AssertionError("a thread writes: its process has no heir")
        dies = os.getpid()
        if os.fork():
            os.kill(dies, signal.SIGKILL)
        os.write(self._tells, f"{self.count} {dies}\n".encode())
        if not os.read(self._hears, 1):
            os._exit(1)  # nobody looks any longer


def killed(
    folder: Path,
    command: Callable[[], None],
    chosen: Callable[[int], bool],
    look: Callable[[int], None],
) -> tuple[int, int]:
    """Run a command that is killed at each chosen write; return its writes and its kills.

    `look` is told the number of the write, when the process is dead and its heir waits.
    """
    told_in, told_out = os.pipe()
    go_in, go_out = os.pipe()
    first = os.fork()
    if first == 0:
        os.close(told_in)
        os.close(go_out)
        os.chdir(folder)
        out = os.open(os.devnull, os.O_WRONLY)
        os.dup2(out, 1)
        mortal = Mortal(folder, chosen, told_out, go_in)
        mortal.arm()
        code: Any = 0
        try:
            command()
        except BaseException as error:  # whatever it is, whoever looks is told
            code = error.code if isinstance(error, SystemExit) else 1
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
        os.write(told_out, f"{mortal.count} {os.getpid()} {code or 0}\n".encode())
        os._exit(0)
    os.close(told_out)
    os.close(go_in)
    kills = writes = 0
    with os.fdopen(told_in) as lines:
        for line in lines:
            number, pid, *ended = map(int, line.split())
            _, status = os.waitpid(pid, 0)
            if ended:
                assert (os.waitstatus_to_exitcode(status), ended) == (0, [0]), (number, ended)
                writes = number
                break
            assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
            kills += 1
            look(number)
            os.write(go_out, b".")
    os.close(go_out)
    assert writes, "the last heir has died"
    return writes, kills


@contextmanager
def copied(folder: Path) -> Iterator[None]:
    """Let a copy stand in a folder's place meanwhile, under its very name.

    What nobody writes to a second time, as what has been trained, is one file under two names.
    """
    aside = folder.with_name(f"{folder.name}_alive")

    def _copy(source: str, target: str) -> None:
        inside = Path(source).relative_to(aside).parts
        changes = inside[0] == "state" and inside[1] != "artifacts"
        (shutil.copyfile if changes else os.link)(source, target)

    folder.rename(aside)
    try:
        shutil.copytree(aside, folder, symlinks=True, copy_function=_copy)
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)


def strike(folder: Path, step: Step, every: int) -> dict[str, Any]:
    """Let a step be killed at every so manieth write, and at its last ones; then it is done."""
    from stages import register

    def does(command: Callable[[], None]) -> None:
        code, text, _ = attempt(folder, command, None)
        assert code == FINISHED, (step.name, text)

    does(step.before)
    does(register.main)  # so that what it finds later is settled, and healing takes no time
    before = told(folder)
    healed: dict[str, Any] = {}
    with copied(folder):
        does(register.main)
        healed["before"] = told(folder)
    with copied(folder):
        code, text, many = attempt(folder, step.command, Fault(folder, "kill", -1))
        assert code == FINISHED, (step.name, text)
        after = told(folder)
        does(register.main)
        healed["after"] = told(folder)
    assert before != after, step.name
    assert agree(before), before
    assert agree(after), after
    outcomes = {"before": 0, "after": 0}
    healing, again = (HEALED, AGAIN) if every == 1 else (1, 4)
    wrong: list[list[Any]] = []

    def look(number: int) -> None:
        with copied(folder):
            found = told(folder)
            state = "before" if found == before else "after" if found == after else ""
            if not state:
                wrong.append([number, "a mixture", found])
                return
            outcomes[state] += 1
            kills = sum(outcomes.values())
            if state == "before" and kills % again == 0:
                code, text, _ = attempt(folder, step.command, None)
                if code != FINISHED or told(folder) != after:
                    wrong.append([number, "not done again", text, told(folder)])
                state = "after"
            elif kills % healing:
                return
            code, text, _ = attempt(folder, register.main, None)
            if code != FINISHED or told(folder) != healed[state]:
                wrong.append([number, "not healed", text, told(folder)])

    def chosen(number: int) -> bool:
        return number % every == 0 or number > many - LAST

    writes, kills = killed(folder, step.command, chosen, look)
    if told(folder) != after:
        wrong.append([writes, "the heirs have done something else", told(folder)])
    return {
        "step": step.name,
        "writes": writes,
        "kills": kills,
        "outcomes": outcomes,
        "wrong": wrong,
    }


def lives() -> dict[str, list[Step]]:
    """Return the steps of trials: of one that promotes its challenger, and of three others."""
    from sales import files
    from stages import trial
    from tests.examples import set_params
    from tests.paired_rows import errors, keep

    def trying(*words: str) -> Callable[[], None]:
        def command() -> None:
            sys.argv = ["trial", *words]
            trial.main()

        return command

    def truths(other: str, better_pct: float) -> None:
        """Let what comes true speak for the other one, or against it."""
        shutil.rmtree(SERVED, ignore_errors=True)  # those of the step before would speak, too
        entries = files.read_json(Path("models/promoted/promoted.json"))
        pair = [entries[alias]["content_hash"] for alias in ("champion", other)]
        when = datetime.now(UTC) + timedelta(seconds=2)
        name = f"row-{when.timestamp()}"
        keep(SERVED, pair[0], pair[1], errors(3_000, better_pct), when, name=name)

    def goes_by_itself(value: str | None) -> None:
        set_params({"trial.rollback": value})

    def against() -> None:
        truths("challenger", -15)

    def to_be_approved() -> None:
        set_params({"register.approval": "manual"})
        truths("challenger", 15)

    def begun(name: str, then: Callable[[], None] = against) -> Callable[[], None]:
        def comes_about() -> None:
            goes_by_itself(None)
            trying("--name", name, "--model", "1", "--share", "20")()
            then()

        return comes_about

    promoted = [
        Step("begin", trying("--name", "spring", "--share", "5")),
        Step("another share", trying("--name", "spring", "--share", "50")),
        Step("better", trying(), lambda: truths("challenger", 15)),
        Step("watch", trying(), lambda: goes_by_itself("auto")),
        Step("the way back", trying(), lambda: truths("fallback", 15)),
    ]
    ended = [
        Step("worse", trying(), begun("june")),
        Step("end", trying("--end", "--reason", "sale begins"), begun("july")),
        Step("proposed", trying(), begun("august", to_be_approved)),
    ]
    return {"promoted": promoted, "ended": ended}


def main() -> None:
    """Run what the command line says."""
    import mlflow.pyfunc  # noqa: F401
    import pandas  # noqa: F401

    from sales import estimators, params  # noqa: F401
    from sales.registry import drawings, standing, tracking  # noqa: F401
    from sales.serving import answering  # noqa: F401
    from stages import register, trial  # noqa: F401
    from tests import once
    from tests.trained_project import NAMES, drawn_once

    once.join()
    drawn_once()
    estimators.NAMES = NAMES  # type: ignore[assignment]
    os.environ.update({"SERVED": SERVED, "API_URL": "http://127.0.0.1:9"})
    assert ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0) == 0
    folder, which, every = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    wanted = sys.argv[4:]
    for step in lives()[which]:
        if not wanted or step.name in wanted:
            sys.stdout.write(json.dumps(strike(folder, step, every)) + "\n")
            sys.stdout.flush()
            wanted = [name for name in wanted if name != step.name]
            if sys.argv[4:] and not wanted:
                break
            continue
        for each in (step.before, step.command):
            code, text, _ = attempt(folder, each, None)
            assert code == FINISHED, (step.name, text)


if __name__ == "__main__":
    main()
