"""Registers at the same moment on one server: `python -m tests.at_once FOLDERS NUMBER ROUNDS`.

A process of its own, as it forks: MLflow is imported once. Each round is a registered model of its
own; each register works in a clone of its own, copied from the folders in turn. Prints as JSON what
was counted, round by round.
"""

import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any


def registering(clone: Path, name: str) -> dict[str, Any]:
    """Register in a clone; return exit code, what was printed, and the entries that it wrote."""
    from sales.errors import run
    from sales.registry import journal
    from stages import register
    from tests.examples import set_params

    os.chdir(clone)
    set_params({"register.model_name": name, "register.experiment": name})
    wrote: list[list[str]] = []
    append = journal.Journal.append

    def noted(self: Any, told: Any, seen: int) -> Any:
        there = append(self, told, seen)
        wrote.append([event.model_dump_json() for event in told])
        return there

    journal.Journal.append = noted  # type: ignore[method-assign]
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            run(register.main)
        except SystemExit as stop:
            code = int(stop.code or 0)
    return {"code": code, "out": out.getvalue(), "err": err.getvalue(), "wrote": wrote}


def forked(clones: list[Path], name: str) -> list[dict[str, Any]]:
    """Register in all clones at once; return what each of them did."""
    gate_in, gate_out = os.pipe()
    children = []
    for clone in clones:
        told = clone.with_suffix(".json")
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.close(gate_out)
                os.read(gate_in, 1)  # until all are there
                told.write_text(json.dumps(registering(clone, name)))
                status = 0
            except BaseException:
                traceback.print_exc(file=sys.__stderr__)
            finally:
                os._exit(status)
        children.append((pid, told))
    os.close(gate_in)
    os.close(gate_out)
    for pid, _ in children:
        os.waitpid(pid, 0)
    return [json.loads(told.read_text()) for _, told in children]


def counted(name: str, done: list[dict[str, Any]], clone: Path) -> dict[str, Any]:
    """Return what stands on the server after a round, and after one more register."""
    from sales import params
    from sales.registry import changing, history, homes, tracking

    os.chdir(clone)
    settings = params.read("register", tracking.RegisterParams)
    server = homes.server()
    assert server
    registry = tracking.Registry(tracking.on_server(server), settings)

    def now() -> dict[str, Any]:
        events = changing.events(settings)
        holder = registry.holder("champion")
        who = history.champion(events)
        told = [event.model_dump_json() for event in events]
        written = [event for one in done for entry in one["wrote"] for event in entry]
        return {
            "champions": int(holder is not None and who is not None)
            if holder and who and holder.tags["content_hash"] == who.content_hash
            else 0,
            "twice": sum(len(found) > 1 for found in registry.copies().values()),
            "lost": len(written) - sum(told.count(event) == 1 for event in written),
            "registered twice": len([e for e in events if e.what == "registered"])
            - len(history.registered(events)),
        }

    found = now()
    again = registering(clone, name)
    return {
        "failed": [one["err"] for one in done if one["code"]],
        "told": sum("champion: " in one["out"] for one in done),
        "decided again": sum("meanwhile another one" in one["out"] for one in done),
        **found,
        "next run": {**now(), "failed": again["err"]},
    }


def main() -> None:
    """Do what the command line says."""
    from sales.registry import asking

    asking.settle()
    import mlflow.pyfunc  # noqa: F401

    from sales import estimators
    from sales.judging import evaluation  # noqa: F401
    from sales.registry import candidates, reconciliation, tracking  # noqa: F401
    from sales.serving import answering  # noqa: F401
    from tests.trained_project import NAMES

    estimators.NAMES = NAMES  # type: ignore[assignment]
    folders = [Path(folder) for folder in sys.argv[1].split(":")]
    number, rounds = int(sys.argv[2]), int(sys.argv[3])
    table = []
    for turn in range(rounds):
        with tempfile.TemporaryDirectory() as scratch:
            clones = [Path(scratch) / f"clone{i}" for i in range(number)]
            for i, clone in enumerate(clones):
                shutil.copytree(folders[i % len(folders)], clone, symlinks=True)
            name = f"at_once_{number}_{turn}"
            table.append(counted(name, forked(clones, name), clones[0]))
            os.chdir("/")
    sys.stdout.write(json.dumps(table) + "\n")


if __name__ == "__main__":
    main()
