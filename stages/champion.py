"""The champion by hand: roll back, promote, approve, lift a bar, read the history, rebuild.

    python -m stages.champion rollback --reason "prices too low in Texas"

Not a DVC stage: what a person decides is no function of the data. Each change is whole or not at
all, and a service that runs on the exports follows it within a second.
"""

import argparse

from sales import params
from sales.errors import PipelineError, run
from sales.registry import by_hand, changing, history
from sales.registry.lock import locked
from sales.registry.standing import Standing, state_folder
from sales.registry.tracking import RegisterParams


def main() -> None:
    """Do what the command line says, and print what was done."""
    parser = argparse.ArgumentParser(prog="python -m stages.champion", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("rollback", "promote", "approve", "lift", "history", "rebuild"):
        command = commands.add_parser(name)
        if name == "promote":
            command.add_argument("alias")
        if name in ("approve", "lift"):
            command.add_argument("version")
        if name in ("rollback", "promote", "approve", "lift"):
            command.add_argument("--reason", default="")
    given = parser.parse_args()
    settings = params.read("register", RegisterParams)
    if given.command == "history":
        told = changing.events(settings)
        print(history.as_text(told) if told else "nothing has been promoted yet: make repro")
        return
    reason = history.as_line(getattr(given, "reason", "")) or "no reason given"
    if given.command == "lift" and not given.version.isdigit():
        raise PipelineError("name the version whose bar is to end: make lift VERSION=3")
    if given.command == "approve" and not (given.version or "0").isdigit():
        raise PipelineError(f"'{given.version}' is no version: make approve VERSION=3, or none")
    if given.command == "approve" and not history.as_line(given.reason):
        raise PipelineError('say why, for the history: make approve REASON="..."')

    def work(now: Standing) -> str:
        if given.command == "rollback":
            return by_hand.rollback(now, reason)
        if given.command == "promote":
            return by_hand.promote(now, given.alias, reason)
        if given.command == "approve":
            return by_hand.approve(now, int(given.version) if given.version else None, reason)
        if given.command == "lift":
            return by_hand.lift(now, int(given.version), reason)
        return by_hand.rebuild(now)

    with locked(state_folder()):
        if given.command == "rebuild":
            with changing.rebuilding(settings) as many:
                if many:
                    print(f"restored: {many} entries of the history")
        print(changing.changed(settings, work))


if __name__ == "__main__":
    run(main)
