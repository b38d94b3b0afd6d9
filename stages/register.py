"""Reconciles the MLflow registry with today's gate: the only stage with side effects.

Whatever happened in between (a second run, the database deleted, an older commit checked out),
afterwards every passing model of the top `register.top_k` is registered once, and the aliases are
what the promotion rule gives. Running it again changes nothing.
"""

import functools
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from sales import estimators, files, params
from sales.errors import PipelineError, run
from sales.models import belonging
from sales.registry import drawings, fingerprint, homes, promotion
from sales.registry.lock import locked
from sales.registry.standing import LINK, REGISTRY_RECORD, Standing, state_folder
from sales.registry.today import CARDS, METRICS, MODELS, PREPARED, Today
from sales.registry.tracking import RegisterParams

Drawing = Callable[[Sequence[str]], AbstractContextManager[drawings.Pictures]]


def main(drawing: Drawing = drawings.here) -> None:
    """Track the runs; unless this is an experiment, register, promote and export."""
    settings = params.read("register", RegisterParams)
    names = estimators.evaluated(METRICS)
    today = Today(
        files.read_json(METRICS / "gate.json"),
        {name: files.read_json(METRICS / f"{name}.json") for name in names},
        {name: files.content_hash(MODELS / name) for name in names},
    )
    server = homes.server()
    state = state_folder()
    experiment = os.environ.get("DVC_EXP_NAME")
    with locked(state):
        settled = not (server or experiment) and fingerprint.matches(state / LINK, today.hashes)
        if settled:
            print(promotion.as_text(files.read_json(REGISTRY_RECORD)))
            return
        belonging.hold(PREPARED, today.hashes, METRICS, CARDS)
        # Only now: all that MLflow and the models need takes seconds to import.
        from sales.registry import candidates, changing, reconciliation, restoration

        def work(now: Standing) -> str:
            told = restoration.restore(now) if not experiment else []
            for line in told:
                print(line)
            runs = candidates.tracked(now.registry, today, print, pictures)
            if experiment:
                return f"experiment {experiment}: tracked in MLflow; experiments never promote"
            if not today.ranking:
                why = promotion.nobody_passed(today.gate)
                now.record("refused", from_=now.champion, reason=why)
                return ""
            record = reconciliation.reconcile(now, today, runs)
            now.settled = today.hashes
            return promotion.as_text(record)

        with drawing(list(today.hashes)) as pictures:
            done = changing.changed(settings, work, tell=print)
    if done:
        print(done)
    if server:
        print(f"in MLflow at {server.address}")
    if not today.ranking and not experiment:
        raise PipelineError(promotion.nobody_passed(today.gate))


if __name__ == "__main__":
    run(functools.partial(main, drawings.beside))
