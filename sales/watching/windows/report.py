"""All windows of a log as one document: what GET /watch answers, and what is told in lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sales.judging.reference import Reference
from sales.judging.tallies import significant
from sales.watching.windows import alarms, cuts, judged, turned_away
from sales.watching.windows.cuts import Cuts
from sales.watching.windows.judged import Chance
from sales.watching.windows.limits import Simulated
from sales.watching.windows.settings import WatchParams
from sales.watching.windows.sketches import Sketch, Sketches

FORMAT = 1
MOST_WINDOWS = 100  # that are told of, the latest
MOST_WORST = 6
HOUR = 3_600 * cuts.SECOND
OK, ALARM, UNKNOWN = "ok", "alarm", "unknown"


@dataclass(frozen=True)
class Asked:
    """What a report is asked about: who is champion, what rows are called, since when.

    `references` are by content hash, `names` too: model and version of whoever is known. `earlier`
    are alarms that were told before, by id, with the time. `refused` counts requests that were not
    answered, by start of the window and by reason.
    """

    now: int  # microseconds since 1970
    since: str | None
    champion: Mapping[str, Any]
    called: Mapping[str, str]  # row, rows
    unit: str | None
    references: Mapping[str, Reference]
    names: Mapping[str, Mapping[str, Any]]
    changes: Sequence[Mapping[str, Any]]
    earlier: Mapping[str, str]
    settings: WatchParams
    refused: Mapping[int, Mapping[str, int]] = field(default_factory=dict)


def document(cut: Cuts, found: Sketches, asked: Asked, simulated: Simulated) -> dict[str, Any]:
    """Return what was found, as JSON tells it."""
    settings = asked.settings
    starts = sorted({*(key.start for key in found), *asked.refused})[-MOST_WINDOWS:]
    windows: list[dict[str, Any]] = []
    sketches: list[Sketch | None] = []
    for start in starts:
        own = {key.content_hash: one for key, one in found.items() if key.start == start}
        window, sketch = _window(start, own, cut, asked, simulated)
        windows.append(window)
        sketches.append(sketch)
    reference = asked.references.get(asked.champion["content_hash"])
    about = {
        "rows": asked.called["rows"],
        "unit": asked.unit,
        "large": settings.large.model_dump(),
    }
    all_alarms = []
    for number, window in enumerate(windows):
        if window["judged"]:
            own_reference = asked.references[window["judged"]["content_hash"]]
            told = alarms.of_window(window, number, {**about, "promised": promised(own_reference)})
            for alarm in told:
                alarm["when"] = asked.earlier.get(alarm["id"], cuts.told(asked.now))
                alarm["new"] = alarm["id"] not in asked.earlier
            window["alarms"] = len(told)
            all_alarms += told
    last = max((n for n, window in enumerate(windows) if window["judged"]), default=None)
    state, why = _state(windows, all_alarms, last, reference, asked)
    document: dict[str, Any] = {
        "format": FORMAT,
        "when": cuts.told(asked.now),
        "state": state,
        "why": why,
        "told": [],
        "window": str(cut.asked),
        "since": asked.since,
        "champion": dict(asked.champion),
        **dict(asked.called),
        "target": reference.target if reference else "",
        "unit": asked.unit,
        "promised": promised(reference) if reference else None,
        "large": about["large"],
        "false_alarm_pct": settings.false_alarm_pct,
        "windows": windows,
        "worst": [] if last is None else _worst(windows[last], sketches[last], last, asked),
        "alarms": all_alarms[::-1],
        "changes": [*(asked.changes or _changes(found, asked))],
    }
    document["told"] = _lines(document, last)
    return document


def promised(reference: Reference) -> dict[str, Any]:
    """Return what a reference promises of rows to come, by its test rows."""
    one = reference.errors
    return {
        **{key: getattr(one, key) for key in ("rmse", "rmse_low", "rmse_high", "mae", "bias")},
        "coverage_pct": None if one.held is None else significant(100 * one.held / one.rows),
        "nominal_coverage_pct": None if one.coverage is None else 100 * one.coverage,
        "train_rows": reference.train_rows,
        "test_rows": reference.test_rows,
    }


def _window(
    start: int, own: Mapping[str, Sketch], cut: Cuts, asked: Asked, simulated: Simulated
) -> tuple[dict[str, Any], Sketch | None]:
    """Return a window, and the sketch of the model that is judged in it."""
    settings = asked.settings
    by_rows = sorted(own, key=lambda content_hash: -own[content_hash].weight)
    chosen = next((name for name in by_rows if name in asked.references), None)
    is_open = cut.is_open(start, asked.now)
    weight = sum(one.weight for one in own.values())
    until = min(cut.end(start), asked.now) if is_open else cut.end(start)
    hours = max(until - start, cuts.SECOND) / HOUR
    window: dict[str, Any] = {
        "start": cuts.told(start),
        "end": cuts.told(cut.end(start)),
        "open": is_open,
        "rows": significant(weight),
        "kept": sum(one.rows for one in own.values()),
        "per_hour": significant(weight / hours),
        "models": [_model(name, own[name], asked) for name in by_rows],
        "judged": None,
        "why": "",
        "refused": turned_away.told(asked.refused.get(start, {})),
        "quality": [],
        "drift": [],
        "truths": 0,
        "truths_pct": 0.0,
        "error": None,
        "estimated": None,
        "alarms": 0,
    }
    if not own:
        window["why"] = f"no {asked.called['rows']} were answered"
        return window, None
    if chosen is None:
        told = ", ".join(sorted({_called(name, own[name], asked) for name in by_rows}))
        window["why"] = f"there is no reference of {told}, by which to judge it"
        return window, None
    sketch = own[chosen]
    truths = sketch.errors
    window["truths"] = truths.rows
    window["truths_pct"] = significant(100 * truths.rows / sketch.rows)
    if sketch.effective < settings.min_rows:
        rows = asked.called["rows"]
        window["why"] = (
            f"{int(sketch.effective):,} {rows}: watch.min_rows asks for {settings.min_rows:,}"
        )
        return window, None
    reference = asked.references[chosen]
    enough = truths.effective >= settings.min_truths
    told_of = Chance(
        simulated.fields(reference, sketch.effective),
        simulated.errors(reference, truths.effective) if enough else None,
    )
    one = judged.judge(sketch, reference, told_of, settings, is_open=is_open)
    window |= vars(one)
    window["judged"] = {"model": reference.model, "version": sketch.version, "content_hash": chosen}
    return window, sketch


def _model(content_hash: str, sketch: Sketch, asked: Asked) -> dict[str, Any]:
    alias = max(sketch.aliases, key=sketch.aliases.__getitem__, default="")
    name = asked.names.get(content_hash, {}).get("model")
    return {
        "model": name,
        "version": sketch.version,
        "content_hash": content_hash,
        "alias": alias,
        "rows": significant(sketch.weight),
    }


def _called(content_hash: str, sketch: Sketch, asked: Asked) -> str:
    name = asked.names.get(content_hash, {}).get("model")
    return f"{name}, version {sketch.version}" if name else f"version {sketch.version}"


def _state(
    windows: Sequence[Mapping[str, Any]],
    found: Sequence[Mapping[str, Any]],
    last: int | None,
    reference: Reference | None,
    asked: Asked,
) -> tuple[str, str]:
    """Return the state and, where it is unknown, why."""
    if any(alarm["new"] or alarm["window"] == last for alarm in found):
        return ALARM, ""
    if reference is None:
        one = asked.champion
        return UNKNOWN, (
            f"the champion, {one['model']}, version {one['version']}, was exported before models "
            "had a reference: the next one that make repro promotes has it"
        )
    if last is None:
        since = f" since {asked.since}" if asked.since else ""
        why = windows[-1]["why"] if windows else f"no {asked.called['rows']} are kept{since}"
        return UNKNOWN, f"no window can be judged: {why}"
    return OK, ""


def _worst(
    window: Mapping[str, Any], sketch: Sketch | None, number: int, asked: Asked
) -> list[dict[str, Any]]:
    """Return the fields that lie farthest beyond their threshold, reference and now by bin."""
    if sketch is None:
        return []
    reference = asked.references[window["judged"]["content_hash"]]
    shapes = {shape.name: shape for shape in reference.fields}

    def beyond(one: Mapping[str, Any]) -> tuple[bool, float]:
        least = max(one["threshold"], one["large_from"])
        return one["kind"] != "date", one["distance"] / least

    order = sorted(window["drift"], key=beyond, reverse=True)[:MOST_WORST]
    kept = ("field", "kind", "unit", "distance", "threshold", "alarm")
    return [
        {
            **{key: one[key] for key in kept},
            "window": number,
            **judged.bins(shapes[one["field"]], sketch.fields[one["field"]]),
        }
        for one in order
    ]


def _changes(found: Sketches, asked: Asked) -> list[dict[str, Any]]:
    """Return when each model first answered, where no history is at hand."""
    first: dict[str, tuple[int, Sketch]] = {}
    for key, sketch in found.items():
        if key.content_hash not in first or sketch.first < first[key.content_hash][0]:
            first[key.content_hash] = (sketch.first, sketch)
    ordered = sorted(first.items(), key=lambda each: each[1][0])
    return [
        {
            "when": cuts.told(at),
            "what": "answers",
            "model": asked.names.get(name, {}).get("model"),
            "version": sketch.version,
            "content_hash": name,
            "reason": "",
        }
        for name, (at, sketch) in ordered[1:]  # the first one answered from the beginning
    ]


def _lines(told: Mapping[str, Any], last: int | None) -> list[str]:
    """Return a line a finding: alarms that are new or of the last window, and what is small."""
    lines = []
    for alarm in told["alarms"]:
        if alarm["new"] or alarm["window"] == last:
            known = "" if alarm["new"] else f" (known since {alarm['when'][:10]})"
            lines.append(f"alarm, {_when(alarm)}: {alarm['what']}{known}")
    if last is not None:
        window = told["windows"][last]
        for one in window["drift"]:
            if one["more_than_chance"] and not one["alarm"] and one["kind"] != "date":
                why = "small" if not one["large"] else "watch.quiet names it"
                lines.append(f"note, {_when(window)}: {alarms.moved(one, window, told)}; {why}")
    if told["windows"] and (counts := told["windows"][-1]["refused"]):
        lines.append(f"note, {_when(told['windows'][-1])}: {turned_away.in_words(counts)}")
    return lines


def _when(window: Mapping[str, Any]) -> str:
    """Return a window's name in a line: its day, or its beginning."""
    start = window["start"]
    return start[:10] if start[11:19] == "00:00:00" else f"{start[:10]} {start[11:19]}"


def summary(told: Mapping[str, Any]) -> str:
    """Return the last line of a look: how it stands."""
    if told["state"] == UNKNOWN:
        return f"could not tell: {told['why']}"
    seen = [window for window in told["windows"] if window["judged"]]
    last = seen[-1]
    many = f"{len(seen):,} windows judged" if len(seen) > 1 else "1 window judged"
    count = last["alarms"]
    state = f"{count} alarm{'s' * (count != 1)}" if count else "no alarm"
    rows = f"{last['kept']:,} {told['rows']}, {last['truths']:,} truths"
    line = f"{told['state']}: {many}; the last one, of {_when(last)} ({rows}), has {state}"
    error, guess = last["error"], last["estimated"]
    if error:
        line += f"; RMSE {error['rmse']:,g}, {told['promised']['rmse']:,g} promised"
    elif guess:
        line += f"; RMSE {guess['rmse']:,g} by estimate, too few truths to know it"
    return line
