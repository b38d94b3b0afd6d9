"""A schedule of `make retrain` as rows come in, killed again and again: `make test-retrain`.

Each call is a process group of its own: stages.retrain, make, DVC and its stages. SIGKILL ends all
of it at a moment that is drawn over the length of a whole retraining. Days pass by SALES_NOW.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from sales.registry import history
from sales.registry.history import Event
from sales.retraining import course
from stages import retrain
from tests import increments, patience
from tests.examples import ROOT
from tests.faults import agree, told
from tests.histories import START, event
from tests.trained_project import copied

INCREMENTS, KILLS = 12, 20
COOLDOWN = 2.5  # days: a call a day, so each third may retrain
DAYS = 3  # a new increment each
TRY = 0.6  # of all calls; one that ends before its moment is not counted as killed
SEED = 22


class Schedule:
    """Calls a day, some of them killed; what stands is looked at after each one."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.day, self.seen = folder, 0, b""
        self.log = folder.parent / "calls.log"
        self.killed: Counter[str] = Counter()
        self.codes: Counter[int] = Counter()
        self.longest = 0.0

    def call(self, after: float | None) -> bool:
        """Call `make retrain`, killed after so many seconds; return whether it came to its end."""
        left = {k: v for k, v in os.environ.items() if not k.startswith(("DVC_", "MAKE"))}
        env = {
            **left,
            "DVC_NO_ANALYTICS": "1",
            "PYTHONPATH": str(ROOT),
            "PATH": f"{Path(sys.executable).parent}:{left['PATH']}",
            "SALES_NOW": (START + timedelta(days=self.day)).isoformat(),
        }
        began = time.monotonic()
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "stages.retrain"],
                cwd=self.folder,
                env=env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            code = process.wait(patience.SECONDS if after is None else after)
        except subprocess.TimeoutExpired:
            assert after is not None, self.log.read_text()[-3000:]
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(patience.SECONDS)
            patience.until(lambda: not _alive(process.pid))
            self.killed[self.stands()] += 1
            return False
        self.longest = max(self.longest, time.monotonic() - began)
        self.codes[code] += 1
        assert code == 0 or code >= 10, self.log.read_text()[-3000:]
        self.stands()
        return True

    def events(self) -> list[Event]:
        return history.read(self.folder / "state/registry/history.jsonl")

    def stands(self) -> str:
        """Hold what stands against what stood; return what the last event is."""
        path = self.folder / "state/registry/history.jsonl"
        now = path.read_bytes() if path.is_file() else b""
        assert now.startswith(self.seen)  # nothing that was told is gone
        self.seen = now
        assert agree(told(self.folder))  # one champion, by history, aliases, exports and record
        events = self.events()
        return events[-1].what if events else "nothing"


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def held(events: list[Event]) -> dict[str, int]:
    """Count what a whole history must not show: each is 0."""
    begun = [at for at, event in enumerate(events) if event.what == "retraining"]
    ends, wrong = [*begun[1:], len(events)], Counter[str]()
    decided = []
    for at, end in zip(begun, ends, strict=True):
        within = events[at + 1 : end]
        attempt = course.Attempt(events[at], tuple(within))
        outcome, _ = course.outcome(attempt, succeeded=False)
        wrong["told of twice"] += max(0, [e.what for e in within].count("retrained") - 1)
        wrong["decided, and no end of it"] += outcome != course.FAILED and attempt.ended is None
        moves = [e for e in within if e.what == "promoted"]
        wrong["promoted twice"] += len(moves) > 1
        wrong["another end than decided"] += bool(moves) and outcome != course.PROMOTED
        if outcome != course.FAILED:
            decided.append(attempt.when)
    apart = [b - a for a, b in pairwise(decided)]
    wrong["cooldown broken"] += sum(days < timedelta(days=COOLDOWN) for days in apart)
    wrong["promoted by nobody's retraining"] += sum(
        e.what == "promoted" for e in events[: begun[0]]
    )
    line = history.lineage(events)
    wrong["champions that are none"] += len(line) != sum(e.what == "promoted" for e in events)
    return dict(wrong)


@pytest.mark.retrain
def test_every_retraining_has_its_end_one_champion_stands_and_no_cooldown_is_broken(
    trained, tmp_path, monkeypatch
):
    folder = tmp_path / "project"
    folder.mkdir()
    copied(trained, folder)
    monkeypatch.chdir(folder)
    increments.lay_out(COOLDOWN)
    subprocess.run(["dvc", "init", "--no-scm", "--quiet"], check=True)
    chance = random.Random(SEED)  # noqa: S311 (no secret)
    schedule = Schedule(folder)
    assert schedule.call(None)
    left, increment = KILLS, 0
    while increment < INCREMENTS or left:
        increments.come_in()
        increment += 1
        for _ in range(DAYS):
            schedule.day += 1
            while left and chance.random() < TRY:
                if schedule.call(chance.uniform(0, schedule.longest)):
                    break
                left -= 1
            schedule.call(None)
    events = schedule.events()
    tally = Counter(e.outcome for e in events if e.what == "retrained")
    begun = sum(e.what == "retraining" for e in events)
    sys.stdout.write(
        f"{increment} increments, {KILLS} kills, by what was told last: {dict(schedule.killed)}; "
        f"calls by exit code: {dict(schedule.codes)}; {begun} begun, "
        f"ended: {dict(tally)}\n"
    )
    found = held(events)
    assert {what: many for what, many in found.items() if many} == {}
    assert sum(schedule.killed.values()) == KILLS
    assert events[-1].what in ("retrained", "not due", "waiting")
    last = course.learnt(events, {})
    assert last
    assert last.rows == increments.ROWS * (increments.FIRST + increment)
    assert tally[course.PROMOTED] >= 2
    assert set(schedule.codes) <= set(retrain.CODES.values())


def test_what_breaks_the_promise_is_counted():
    def retraining(day, *within):
        return [event("retraining", on=day, at="here"), *within]

    end = event("retrained", on=9, outcome="promoted")
    first, second = event("promoted", 1), event("promoted", 2, 1)
    fine = [*retraining(0, first, end), *retraining(2), *retraining(3, second, end)]
    assert set(held(fine).values()) == {0}
    for wrong, events in {
        "cooldown broken": [*retraining(0, first, end), *retraining(2, second, end)],
        "decided, and no end of it": [*retraining(0, first), *retraining(3, second, end)],
        "promoted twice": retraining(0, first, second, end),
        "told of twice": retraining(0, first, end, end),
        "another end than decided": retraining(0, event("retrained", outcome="kept"), first),
        "promoted by nobody's retraining": [first, *retraining(0, second, end)],
        "champions that are none": [*retraining(0, first, end), *retraining(3, first, end)],
    }.items():
        assert held(events)[wrong] == 1, wrong
