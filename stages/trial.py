"""The challenger on trial: begins one, looks at it and decides, ends it: `make trial`.

    python -m stages.trial [--name spring [--model 3] [--share 5] [--alpha 0.01]] [--dry]
    python -m stages.trial --end [--reason why]

Not a DVC stage: what came true is no function of the data. Whatever it decides is one change of
the history, aliases and exports; a schedule may call it as often as it likes, as the verdict is
valid however often it is looked for.
"""

import argparse
import contextlib
import os
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from sales import files, params
from sales.contract import Contract
from sales.data.pictures import keys_of
from sales.errors import PipelineError, run
from sales.models.state import state_folder
from sales.registry import by_hand, changing, clock, history, trial_steps, trials
from sales.registry.history import Event
from sales.registry.lock import locked
from sales.registry.standing import Standing
from sales.registry.tracking import RegisterParams
from sales.registry.trials import Trial, TrialParams
from sales.serving.settings import kept_somewhere
from sales.trials import health, look
from sales.trials.health import Reading
from sales.watching import trial_file
from sales.watching.row_keys import RowKeys

READING = "reading.json"  # in state/trial/: what the service had counted when a watch began
SECONDS = 10.0  # that a service may take to tell its metrics
OWN = ("alpha", "most_rows", "most_days")  # terms that a command may give a trial of its own


class Trying:
    """One call: what it was asked for, and what it sees."""

    def __init__(self, *, dry: bool) -> None:
        self.settings = params.read("trial", TrialParams)
        self.register = params.read("register", RegisterParams)
        self.contract = params.read("contract", Contract)
        self.dry = dry
        self._address = ""

    @property
    def address(self) -> str:
        """Where rows are kept. Raises PipelineError where they are not."""
        self._address = self._address or kept_somewhere(os.environ).address
        return self._address

    def begins(self, name: str, model: str, share: float | None, terms: Mapping[str, Any]) -> str:
        """Begin a trial, or change the share of the one that runs by that name.

        `terms` are its own, which go before those of params.yaml.
        """
        if self.dry:
            raise PipelineError("DRY=1 tells how a trial stands: it neither begins nor changes one")
        if "/" in name or len(name) > 60:
            raise PipelineError(f"'{name}' names no trial: at most 60 characters, none of them /")
        own = terms if share is None else {**terms, "share_pct": share}
        settings = self.settings.model_copy(update=dict(own))
        column = settings.customer
        kept = RowKeys.of({"keys": keys_of(self.contract)}).names
        if column and column not in kept:
            raise PipelineError(
                f"trial.customer: {column} is not kept of answered rows: mark it `private: true` "
                f"in the contract; kept are {', '.join(kept) or 'none'}"
            )
        _ = self.address  # before anything begins: without rows nothing is ever decided

        def work(now: Standing) -> str:
            running = trials.running(now.events)
            if running and running.name == name and share is not None:
                if terms:
                    raise PipelineError(
                        f"the trial '{name}' runs, and keeps the terms that it began with: SHARE "
                        "alone can be another one"
                    )
                return trial_steps.share(now, name, share)
            return trial_steps.begin(now, name, model, settings)

        return self.changed(work)

    def changed(self, work: Callable[[Standing], str]) -> str:
        """Change the standing as a whole, and return what was done."""
        with locked(state_folder()):
            return changing.changed(self.register, work)

    def looks(self) -> bool:
        """Look at the trial that runs, or at the last one; return whether to go on looking."""
        events = changing.events(self.register)
        known = trials.all_of(events)
        if known:
            self._tried(known[-1])
        elif self.settings.rollback is None:
            print("no trial yet: make trial NAME=spring begins one of the challenger")
        events = changing.events(self.register)
        if self.settings.rollback == "auto" and not trials.running(events):
            self._watches(events)
            events = changing.events(self.register)
        watch = trials.watched(events)
        return trials.running(events) is not None or bool(watch and self._lasts(watch))

    def _tried(self, trial: Trial) -> None:
        against = f"{trial.challenger} against {trial.champion}"
        since = trial.begun.isoformat(timespec="seconds")
        print(f"trial '{trial.name}': {against}, since {since}")
        if not trial.runs:
            print(f"it has ended, {trial.outcome}: {trial.reason}")
            return
        seen = look.at(self.address, look.pair(trial, self.contract.id), look.rules(trial.terms))
        print(f"the challenger answers {trial.share_pct:g} % of the requests")
        print(
            f"it ends at the first verdict (alpha {trial.terms['alpha']:g}), after "
            f"{trial.terms['most_rows']:,} truths or on {trial.over:%Y-%m-%d}"
        )
        print("\n".join(seen.lines), flush=True)
        ended = look.outcome(trial, seen, clock.now())
        if ended and not self.dry:
            outcome, reason = ended
            print(self.changed(lambda now: trial_steps.conclude(now, trial.name, outcome, reason)))
            now = trials.all_of(changing.events(self.register))
            trial = next((one for one in now if one.name == trial.name), trial)
        elif ended:
            print(f"{ended[0]} (DRY=1: nothing is done)")
        if not self.dry:
            trial_file.write(self.address, look.told(trial, seen, clock.now()))

    def _watches(self, events: Sequence[Event]) -> None:
        """Watch over the champion that was promoted, and go back where it does worse."""
        watch = trials.watched(events)
        if watch is None:
            if self.dry:
                return
            begun: list[str] = []

            def work(now: Standing) -> str:
                before = trial_steps.watch(now, self.settings)
                begun.extend([f"watched over, beside {before}"] if before else [])
                return ""

            promoted = trials.promoted(events)
            if promoted and history.previous(events):
                self.changed(work)
                print("\n".join(begun))
                if promoted.to and begun:
                    self._reading(promoted.to.content_hash)
            return
        if not self._lasts(watch) or watch.to is None:
            return
        print(f"watched until {watch.until}: {watch.to}, beside {watch.from_}")
        why = self._worse(watch)
        if not why:
            return
        until = trials.rolled_back_until(events, self.settings.cooldown_days)
        if until and clock.now() < until:
            print(f"no rollback before {until.isoformat(timespec='seconds')}, though {why}")
        elif self.dry:
            print(f"rollback: {why} (DRY=1: nothing is done)")
        else:
            watched = watch.to

            def back(now: Standing) -> str:
                if now.champion != watched:
                    return "there is another champion meanwhile: make history tells which"
                return by_hand.rollback(now, why, by="rule")

            print(self.changed(back))

    def _lasts(self, watch: Event) -> bool:
        return bool(watch.until and clock.now() < clock.of(watch.until, "a watch's end"))

    def _worse(self, watch: Event) -> str:
        """Return why the champion is to go; empty where it is not, or not yet."""
        assert watch.to  # noqa: S101  # a watch is over somebody
        settings = self.settings
        customer = settings.customer or self.contract.id
        begun = clock.of(watch.when, "an event's time")
        pair = look.watched(watch, begun, customer)
        terms = {name: getattr(settings, name) for name in trials.TERMS}
        rules = look.rules({**terms, "margin_pct": self.register.min_improvement_pct})
        if pair:
            # Who was before takes the challenger's place: that it is better is what is looked for.
            seen = look.at(self.address, pair, rules)
            print("\n".join([seen.lines[0], f"the one before: {seen.said}"]))
            if seen.verdict.what == "better":
                return f"on truths the champion before it, {watch.from_}, has {seen.said}"
        reading = self._reading(watch.to.content_hash)
        if reading is None:
            return ""
        return health.wrong(
            reading,
            settings.most_refused_pct,
            settings.most_not_finite_pct,
            settings.most_p99_ms,
        )

    def _reading(self, champion: str) -> Reading | None:
        """Return what the service has counted since this champion was first looked at.

        None at the first look, and where it cannot be asked.
        """
        url = os.environ.get("API_URL") or "http://127.0.0.1:3000"
        try:
            now = health.read(_metrics(url))
        except OSError as error:
            print(f"{url} does not tell its metrics ({error}): errors on truths alone are watched")
            return None
        path = state_folder() / "trial" / READING
        kept = files.read_json(path) if path.is_file() else {}
        if kept.get("champion") != champion or kept.get("url") != url:
            if not self.dry:
                path.parent.mkdir(parents=True, exist_ok=True)
                told = {"champion": champion, "url": url, "reading": now.told()}
                files.write_json(path, told)
            return None
        return now.since(Reading(**kept["reading"]))


def _metrics(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise PipelineError(f"API_URL is {url}: the service's address begins with http")
    with contextlib.closing(
        urllib.request.urlopen(f"{url.rstrip('/')}/metrics", timeout=SECONDS)  # noqa: S310
    ) as told:
        return str(told.read().decode())


def main() -> None:
    """Do what the command line says, and print how the trial stands."""
    parser = argparse.ArgumentParser(prog="python -m stages.trial", description=__doc__)
    parser.add_argument("--name", default="")
    parser.add_argument("--model", default="")
    parser.add_argument("--share", default="")
    for term in OWN:
        parser.add_argument(f"--{term.replace('_', '-')}", default="")
    parser.add_argument("--reason", default="")
    parser.add_argument("--follow", default="")
    parser.add_argument("--end", action="store_true")
    parser.add_argument("--dry", action="store_true", help="tell, and decide nothing")
    given = parser.parse_args()
    if os.environ.get("DVC_EXP_NAME"):
        raise PipelineError("experiments never promote, so none is on trial: make trial by itself")
    trying = Trying(dry=given.dry)
    name = history.as_line(given.name)
    if given.end:
        if given.dry:
            raise PipelineError("DRY=1 tells how a trial stands: it ends none")
        reason = history.as_line(given.reason) or "no reason given"
        print(trying.changed(lambda now: trial_steps.stop(now, reason)))
        return
    if name:
        model = given.model or "challenger"
        print(trying.begins(name, model, _share(given.share), _terms(vars(given))))
        return
    if given.model or given.share or _terms(vars(given)):
        raise PipelineError("name the trial: make trial NAME=spring MODEL=challenger SHARE=5")
    every = _seconds(given.follow)
    while trying.looks() and every:
        time.sleep(every)


def _share(given: str) -> float | None:
    with contextlib.suppress(ValueError):
        if not given or 0 <= float(given) <= 100:
            return float(given) if given else None
    raise PipelineError(f"SHARE={given}: percent of the requests, from 0 to 100")


def _terms(given: Mapping[str, str]) -> dict[str, Any]:
    """Return the terms that a command gives. Raises PipelineError for one that cannot be."""
    found = {}
    for name in OWN:
        if text := given[name]:
            try:
                found[name] = getattr(TrialParams.model_validate({name: text}), name)
            except ValidationError as error:
                why = error.errors()[0]["msg"]
                raise PipelineError(f"{name.upper()}={history.as_line(text)}: {why}") from None
    return found


def _seconds(given: str) -> float:
    with contextlib.suppress(ValueError):
        if not given or 1 <= float(given) <= 86_400:
            return float(given or 0)
    raise PipelineError(f"FOLLOW={given}: seconds between two looks, from 1 to 86400")


if __name__ == "__main__":
    run(main)
