"""What a version in MLflow tells those who follow it, beside its run: the decision on it, its data.

Both follow from the history, which a service does not read. So each version that holds an alias has
them as tags (serving/version_tags.py); and a tag of the registered model says when one of them has
changed, so that whoever follows asks for nothing more until then.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from sales.registry import history, trials
from sales.registry.history import Event
from sales.registry.promotion import FIGURES
from sales.serving.version_tags import TOLD


def decision(events: Sequence[Event], content_hash: str) -> dict[str, Any] | None:
    """Return what the rule last decided of a model, as a service tells it; None of none."""
    event = history.decision(events, content_hash)
    if event is None:
        return None
    told = {"what": event.what, "reason": event.reason, "data": event.data}
    told |= {name: getattr(event, name) for name in FIGURES}
    tried = trials.of_model(events, content_hash)
    return told | ({"trials": tried} if tried else {})


def spans(events: Sequence[Event], content_hash: str) -> list[dict[str, Any]] | None:
    """Return the files that a registered model learnt from, with the time each was first seen.

    None of before that was noted.
    """
    from sales.registry import data_history  # only here: it reads rows

    known, seen = data_history.of(events, content_hash), data_history.first_seen(events)
    if known is None:
        return None
    return [{**span._asdict(), "first_seen": seen.get(span.sha256)} for span in known]


def text(events: Sequence[Event], content_hash: str) -> str:
    """Return all that is told of a version."""
    told = {"decision": decision(events, content_hash), "spans": spans(events, content_hash)}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def edition(told: Iterable[str]) -> dict[str, str]:
    """Return the tag of the registered model by which it is seen that something has changed."""
    digest = hashlib.sha256("\n".join(sorted(told)).encode()).hexdigest()
    return {TOLD: digest[:16]}
