"""Prints which data the last run had, and what is new since the champion's; not a DVC stage.

python -m stages.data
"""

from pathlib import Path

from sales import files, params
from sales.data import sources, spans
from sales.data.incoming import IngestParams
from sales.errors import PipelineError, run
from sales.registry import changing, data_history
from sales.registry.tracking import RegisterParams

INCOMING = Path("data/incoming")
USED = Path("data/raw") / spans.RECORD


def main() -> None:
    """Print a line a file, then what has changed where the files lie since they were used."""
    settings = params.read("ingest", IngestParams)
    if not Path("metrics/data.json").is_file() or not Path("data/contract.json").is_file():
        raise PipelineError("no data yet: `make repro`")
    now = data_history.today(settings)
    events = changing.events(params.read("register", RegisterParams))
    changes = data_history.since_champion(events, now)
    known = changes if changes is not None else [spans.Changed(span, "known") for span in now]
    print(spans.as_text(known, data_history.first_seen(events)))
    if changes is not None:
        print(f"\n{data_history.in_a_line(changes)}")
    elif any(event.champion for event in events):
        print("\nwhat data the champion had is not known: it was registered before that was noted")
    for line in since_used(settings):
        print(line)


def since_used(settings: IngestParams) -> list[str]:
    """Return a line for each file that is no longer what the last run used, or not used yet."""
    if settings.source != "files" or not USED.is_file():
        return []
    there = sources.find(settings.address or str(INCOMING), settings)
    before = {
        one["name"]: spans.Span(one["name"], one["sha256"], 0) for one in files.read_json(USED)
    }
    found = [spans.Span(one.name, spans.content_hash(one), 0) for one in there]
    words = {
        "new": "has not been used yet: make repro",
        "changed": "has changed since it was used: make repro takes it anew",
        "gone": "is gone since it was used: make repro goes on without it",
    }
    changes = spans.since(before.values(), found)
    return [f"{each.span.name} {words[each.change]}" for each in changes if each.change in words]


if __name__ == "__main__":
    run(main)
