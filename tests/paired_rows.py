"""Answered rows of two models with their truths, made up, as the service keeps them."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from sales.registry import trials
from sales.trials import look, verdict
from sales.trials.evidence import Evidence
from sales.watching import parts
from sales.watching.rows import TIME
from tests.histories import event, who

TERMS = {"name": "spring", "margin_pct": 1.0}


def keep(
    address: str,
    champion: str,
    challenger: str,
    errors: tuple[np.ndarray, np.ndarray],
    when: datetime,
    *,
    customers: list[str] | None = None,
    canary: int = 0,
    name: str = "row",
    truths: bool = True,
) -> None:
    """Keep a row for each pair of errors, the first `canary` of them answered by the challenger."""
    rows = len(errors[0])
    ids = [f"{name}-{number}" for number in range(rows)]
    truth = 100 + np.arange(rows, dtype=float)
    by = np.arange(rows) < canary
    own, other = np.where(by, errors[1], errors[0]), np.where(by, errors[0], errors[1])
    both = np.array([champion, challenger])
    at = pa.array([when + timedelta(seconds=number) for number in range(rows)]).cast(TIME)
    table = pa.table(
        {
            "request_id": ids,
            "time": at,
            "route": ["/predict"] * rows,
            "content_hash": both[by.astype(int)].tolist(),
            "prediction": truth + own,
            "shadow.content_hash": both[1 - by.astype(int)].tolist(),
            "shadow.prediction": truth + other,
            **({"key.OrderID": customers} if customers else {}),
        }
    )
    for day, part in parts.by_day(table):
        parts.Parts(address, parts.ROWS).add(day, part)
    if truths:
        came = pa.table({"time": at, "request_id": ids, "truth": truth})
        for day, part in parts.by_day(came):
            parts.Parts(address, parts.TRUTHS).add(day, part)


def tried(rows: int = 0, better_pct: float = 0.0) -> dict[str, Any]:
    """Return how a trial is told of which so many rows came true."""
    events = [
        event(
            *(trials.BEGUN, 2, 1),
            champion=who(1),
            challenger=who(2),
            trial={**trials.TrialParams.model_validate({}).model_dump(), **TERMS},
        )
    ]
    [trial] = trials.all_of(events)
    when = np.full(rows, "2027-01-02")
    found = Evidence(*errors(rows, better_pct), np.arange(rows), when, 0, 0)
    rules = look.rules(trial.terms)
    seen = look.Look(found, rules, verdict.of(found.sums(rules), rules))
    return look.told(trial, seen, trial.begun)


def errors(rows: int, better_pct: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return errors of a champion, and of a challenger that is so many percent better."""
    rng = np.random.default_rng(seed)
    both, one, other = rng.standard_normal((3, rows))
    return both + one, (1 - better_pct / 100) * (both + other)
