"""Which model is on trial, as the exports tell it in a file beside the models: none, where none is.

`register`'s history is where it comes from; a follower of a registry downloads it. After a
promotion the champion before may go on in the shadow for some days: that is a watch.
"""

import json
import zlib
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sales.errors import PipelineError

FILE = "trial.json"


@dataclass(frozen=True)
class OnTrial:
    """A trial, by the content hashes of its two models; `share_pct` of requests are the canary.

    `customer` is the column by which customers are told apart, None: the contract's id. `outcome`
    is empty as long as the trial runs.
    """

    name: str
    champion: str
    challenger: str
    share_pct: float = 0.0
    customer: str | None = None
    outcome: str = ""

    @property
    def runs(self) -> bool:
        """Whether it is not decided yet."""
        return not self.outcome


@dataclass(frozen=True)
class Watch:
    """Until when the champion before this one answers in the shadow, to be compared with it."""

    champion: str
    before: str
    until: str

    def lasts(self, now: datetime | None = None) -> bool:
        """Return whether it is not over."""
        return (now or datetime.now(UTC)) < datetime.fromisoformat(self.until)


@dataclass(frozen=True)
class Told:
    """What the exports tell: the last trial, and the watch."""

    trial: OnTrial | None = None
    watch: Watch | None = None

    def of(self, champion: str, challenger: str) -> "Told":
        """Return what of it is about these two: another champion or challenger ends a trial."""
        trial, watch = self.trial, self.watch
        if trial and (trial.champion, trial.challenger) != (champion, challenger):
            trial = None
        return Told(trial, watch if watch and watch.champion == champion else None)

    def sign(self, champion: str, challenger: str) -> int:
        """Return a number that is another one where another share of the canary was told."""
        trial = self.trial
        about = [champion, challenger, trial and [trial.name, trial.share_pct, trial.outcome]]
        return zlib.crc32(json.dumps(about).encode())


NOTHING = Told()


def written(told: Told) -> str:
    """Return it as the file holds it; empty where there is nothing to tell."""
    found = {name: asdict(one) for name, one in vars(told).items() if one}
    return json.dumps(found, indent=2) if found else ""


def parsed(text: str) -> Told:
    """Return what a file tells. Raises PipelineError where it is none of ours."""
    if not text:
        return Told()
    try:
        found: dict[str, Any] = json.loads(text)
        trial, watch = found.get("trial"), found.get("watch")
        told = Told(OnTrial(**trial) if trial else None, Watch(**watch) if watch else None)
        if told.watch:
            told.watch.lasts()
    except (ValueError, TypeError, AttributeError) as error:
        raise PipelineError(f"{FILE} is cut short, or not ours: {error}") from None
    return told


def read(folder: Path) -> Told:
    """Return what a folder of exports tells. Raises PipelineError where it is none of ours."""
    path = folder / FILE
    return parsed(path.read_text(encoding="utf-8") if path.is_file() else "")
