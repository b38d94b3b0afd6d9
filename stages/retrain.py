"""Looks whether it is time to train again, and if it is runs the pipeline: `make retrain`.

    python -m stages.retrain [--dry]

Not a DVC stage: time, and what others have decided, are no function of the data. A schedule calls
it as often as it likes. Its exit code tells how it went: see CODES, and docs/retraining.md.
"""

import argparse
import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sales import files, params
from sales.data import arrivals
from sales.data.arrivals import Arrivals
from sales.data.incoming import IngestParams
from sales.data.query import SqlParams
from sales.errors import PipelineError, run
from sales.models.state import state_folder
from sales.registry import changing, clock, history, provenance
from sales.registry.history import Event
from sales.registry.lock import locked
from sales.registry.standing import DATA, Standing
from sales.registry.tracking import RegisterParams
from sales.retraining import course, findings, triggers
from sales.retraining.decision import Decision, decide, told_before
from sales.retraining.findings import Findings
from sales.retraining.triggers import RetrainParams, Seen

COUNTS = "rows.json"  # in state/retrain/: how many rows each file has
# 1 is for what must be put right; from 10 on all went well, and `make retrain` ends with 0.
CODES = {
    course.PROMOTED: 0,
    course.FAILED: 1,
    course.REFUSED: 3,  # 2 is a command line that nobody understands
    "not due": 10,
    "waiting": 11,
    "under way": 12,
    course.PROPOSED: 13,
    course.KEPT: 14,
    "due": 15,  # and DRY=1
}


class Retraining:
    """One call: what it was asked for, and what it sees."""

    def __init__(self) -> None:
        self.settings = params.read("retrain", RetrainParams)
        self.register = params.read("register", RegisterParams)
        self.folder = state_folder() / "retrain"
        self.here = f"{platform.node()}-{hashlib.sha256(bytes(Path.cwd())).hexdigest()[:8]}"
        self.arrived = self._arrived()
        watched = state_folder() / findings.FOLDER / findings.FILE
        self.findings: Findings | None = findings.read(watched)

    def _arrived(self) -> Arrivals:
        ingest = params.read("ingest", IngestParams)
        asked = params.read("ingest.sql", SqlParams) if ingest.sql else SqlParams()
        counted = self.folder / COUNTS
        return arrivals.now(ingest, asked, files.read_json(counted) if counted.is_file() else {})

    def looks(self, events: Sequence[Event], *, tell: bool) -> Decision:
        """Return what is to be done by a history; `tell` prints what each trigger sees."""
        data = files.read_json(DATA) if DATA.is_file() else {}
        rows = provenance.rows_in(data)
        seen = Seen(
            clock.now(),
            history.champion(events),
            course.learnt(events, {} if rows is None else {data["sha256"]: rows}),
            self.arrived.rows,
            self.arrived.where,
            self.findings,
        )
        found = triggers.looked_at(self.settings, seen)
        if tell:
            for trigger in found:
                print(trigger.line)
        return decide(self.settings, found, events, seen.moment, self.here)

    def decides(self, events: Sequence[Event]) -> Decision:
        """Return the decision, which stands in the history if it says anything new."""
        decision = self.looks(events, tell=True)
        if decision.what == "under way" or told_before(decision, events):
            return decision

        def work(now: Standing) -> Decision:
            again = self.looks(now.events, tell=False)  # where another one was first
            if again.what != "under way" and not told_before(again, now.events):
                at = self.here if again.what == course.BEGUN else None
                about = {"due": again.due or None, "outcome": again.outcome, "at": at}
                now.record(again.what, from_=now.champion, reason=again.reason, **about)
            return again

        with locked(state_folder()):
            return changing.changed(self.register, work, tell=print)

    def trains(self, held: int) -> Decision:
        """Run the pipeline; return how it ended, which then stands in the history.

        `held` is the lock, which the pipeline holds with us.
        """
        files.write_json(self.folder / COUNTS, self.arrived.counts)
        succeeded = _pipeline(self.arrived.unseen, held)

        def work(now: Standing) -> Decision:
            attempt = course.last(now.events)
            if attempt is None:
                raise PipelineError(
                    "the history has lost the retraining that it began: make rebuild"
                )
            ended = attempt.ended
            outcome, reason = course.outcome(attempt, succeeded=succeeded)
            decision = Decision("retrained", reason, attempt.event.due or (), outcome)
            if ended is None:
                about = {"due": decision.due or None, "outcome": outcome}
                now.record("retrained", from_=attempt.event.from_, reason=reason, **about)
            return decision

        with locked(state_folder()):
            return changing.changed(self.register, work, tell=print)


def main() -> None:
    """Look, say what fires and why; unless it is a rehearsal, act, and exit as CODES has it."""
    parser = argparse.ArgumentParser(prog="python -m stages.retrain", description=__doc__)
    parser.add_argument("--dry", action="store_true", help="tell, and do nothing")
    dry = parser.parse_args().dry
    if os.environ.get("DVC_EXP_NAME"):
        raise PipelineError("experiments never promote, so none retrains: make retrain by itself")
    if dry:
        retraining = Retraining()
        decision = retraining.looks(changing.events(retraining.register), tell=True)
        due = decision.what == course.BEGUN
        _end(decision, "due" if due else "", " (DRY=1: nothing is done)")
        return
    folder = state_folder() / "retrain"
    with locked(folder, 0, "a retraining is under way by {holder}") as held:
        retraining = Retraining()
        decision = retraining.decides(changing.events(retraining.register))
        if decision.what == course.BEGUN:
            print(f"retraining: {decision.reason}", flush=True)
            decision = retraining.trains(held)
        _end(decision)


def _pipeline(unseen: bool, held: int) -> bool:
    """Run the pipeline as `make repro` does; return whether it succeeded.

    `unseen`: DVC does not see that rows have changed where they lie. `held` is a lock's file: if
    this process alone is killed the pipeline goes on, and nobody begins another one meanwhile.
    """
    commands = [["make", "--no-print-directory", "repro"]]
    if unseen:
        forced = ["repro", "--force", "--single-item", "ingest"]
        commands.insert(0, [sys.executable, "-m", "dvc", *forced])
    return not any(
        subprocess.run(command, check=False, pass_fds=(held,)).returncode  # noqa: S603
        for command in commands
    )


def _end(decision: Decision, outcome: str = "", aside: str = "") -> None:
    """Print the last line, and exit with its code."""
    told = outcome or decision.outcome or decision.what
    print(f"{told}: {decision.reason}{aside}", flush=True)
    sys.exit(CODES[told])


if __name__ == "__main__":
    run(main)
