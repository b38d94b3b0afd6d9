"""What watching the served model found: one small file, written by whoever watches.

`state/watch/findings.json`, whole or not there at all:

    {"when": "2027-01-31T03:00:00+00:00", "content_hash": "<of the champion that was watched>",
     "drift": {"value": 0.31, "what": "UnitPrice: 12,000 orders against 70,000"},
     "live_error": {"value": 12.5, "what": "RMSE 0.0026 on 3,000 truths, 0.0023 promised"},
     "refused": {"value": 12, "what": "12 requests were refused: 12 missing Brand"}}

`value` of `drift` is the largest distance of a field from the train rows that is beyond chance, in
the watcher's unit (0: none is); of `live_error` by how many percent the error on truths lies above
what the test rows promised; of `refused` how many requests of the last window were refused, which
is no reason to train again. Each may be null: it was not watched. `what` is for people.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from sales.errors import PipelineError
from sales.registry import clock

FOLDER, FILE = "watch", "findings.json"  # in the state folder


class Finding(BaseModel):
    """One number that was watched, and what it is of."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    value: float
    what: str = ""


class Findings(BaseModel):
    """What was found of a champion, and when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: str
    content_hash: str
    drift: Finding | None = None
    live_error: Finding | None = None
    refused: Finding | None = None

    @field_validator("when")
    @classmethod
    def _a_time(cls, when: str) -> str:
        try:
            clock.of(when, "when")
        except PipelineError as error:
            raise ValueError(str(error)) from None
        return when


def read(path: Path) -> Findings | None:
    """Return what was found; None where nothing was watched. Raises PipelineError on damage."""
    try:
        return Findings.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        told = ": ".join(part for part in (key, first["msg"]) if part)
        raise PipelineError(
            f"{path} is damaged: {told}; who watches writes it anew, or remove it"
        ) from None
