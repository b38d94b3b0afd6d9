"""References of registered models, as a team's server keeps them with their runs."""

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sales.registry import asking, history, homes, tracking
from sales.registry.history import Event
from sales.registry.standing import REFERENCE
from sales.registry.tracking import RegisterParams, Registry


def fetched(
    settings: RegisterParams, events: Sequence[Event], wanted: Collection[str]
) -> Iterator[dict[str, Any]]:
    """Yield the references of models, by content hash, that are registered on the server.

    Those that were registered without one, and all where there is no server, are left out. Raises
    PipelineError where the server does not answer.
    """
    server = homes.server()
    known = history.registered(events)
    asked = [name for name in wanted if name in known]
    if server is None or not asked:
        return
    with asking.answered(server):
        registry = Registry(tracking.on_server(server), settings)
        numbers = {name: one.to.version for name in asked if (one := known[name]).to}
        versions = registry.versions(numbers)
        for name in asked:
            version = versions.get(name)
            text = version and registry.text(version.run_id or "", REFERENCE)
            if text:
                yield json.loads(text)
