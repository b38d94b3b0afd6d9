"""What of a window is an alarm, in words, and what is to be done about it."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

DO = {
    "drift": "Look at what sends {field}: another unit, source or kind of customer. If it is here "
    "to stay, let the model learn from newer rows: make retrain",
    "prediction": "Look at the fields that moved. If none did, combinations of them have: hold the "
    "model against what comes true (POST /truths), and let it learn from newer rows: make retrain",
    "missing": "Look at what sends {field}: it no longer fills it. The model answers without it, "
    "less well",
    "outside": "Look at what sends {field}: another unit, or values that are new. The model has "
    "seen none like them, and no interval holds there; train on rows that have them: make retrain",
    "unknown": "Look at the new values of {field}: misspelt ones are to be put right where they "
    "are made; of true ones the model must learn: allow them in the contract, then make retrain",
    "rmse": "Look at the slices, and at what drifted. Where the model is the cause, go back: "
    "make rollback; where the world has changed, train on newer rows: make retrain",
    "bias": "Predictions lie to one side of what came true, as when prices rise: train on newer "
    "rows: make retrain",
    "slice": "Look at the rows of {field}: who sends them, and what of them drifted. Let the model "
    "learn from newer ones: make retrain",
    "coverage": "Do not rely on the intervals until a model has learnt from newer rows: "
    "make retrain",
}


def of_window(window: Mapping[str, Any], number: int, asked: Mapping[str, Any]) -> list[dict]:
    """Return the alarms of a judged window, the gravest kind first.

    `asked` has what the contract calls rows, the target's unit, the settings' `large` and what was
    `promised`.
    """
    who = window["judged"]
    found = []
    for kind, field, value, threshold, unit, what in (
        *_of_error(window, asked),
        *_of_quality(window, asked),
        *_of_drift(window, asked),
    ):
        told = "prediction" if kind == "drift" and field.startswith("(") else kind
        found.append(
            {
                "id": identity(who["content_hash"], kind, field, window["start"]),
                "when": "",
                "new": True,
                "start": window["start"],
                "end": window["end"],
                "window": number,
                "kind": kind,
                "field": field,
                "value": value,
                "threshold": threshold,
                "unit": unit,
                "what": what,
                "do": DO[told].format(field=field),
                "model": who,
            }
        )
    return found


def identity(content_hash: str, kind: str, field: str, start: str) -> str:
    """Return by what an alarm is known again: it is told once, however often one looks."""
    text = "\n".join((content_hash, kind, field, start))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


Found = tuple[str, str, float, float, str, str]


def _of_error(window: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[Found]:
    told = window["error"]
    if not told:
        return
    promised, truths = asked["promised"], f"{window['truths']:,} truths"
    unit = asked["unit"] or ""
    if told["rmse_alarm"]:
        what = f"RMSE {told['rmse']:,g} on {truths}, {told['worse_pct']:,.0f} % above the "
        what += (
            f"{promised['rmse']:,g} of the test rows; chance reaches {told['threshold_pct']:.1f} %"
        )
        yield "rmse", "", told["worse_pct"], asked["large"]["rmse_pct"], "%", what
    if told["bias_alarm"]:
        least = asked["large"]["bias_pct"] / 100 * promised["rmse"]
        side = "above" if told["bias"] > 0 else "below"
        what = (
            f"predictions lie {abs(told['bias']):,g} {side} what came true on average of {truths}"
        )
        yield "bias", "", told["bias"], least, unit, what
    if told["coverage_alarm"]:
        fell = promised["coverage_pct"] - told["coverage_pct"]
        what = f"{told['coverage_pct']:.1f} % of {truths} lie within their interval, "
        what += f"{promised['coverage_pct']:.1f} % of the test rows did"
        yield "coverage", "", fell, asked["large"]["coverage_points"], "points", what
    for one in sorted(told["slices"], key=lambda each: -(each["worse_pct"] or 0.0)):
        if one["alarm"]:
            what = f"{one['slice']}: RMSE {one['rmse']:,g} on {one['truths']:,} truths, "
            what += (
                f"{one['worse_pct']:,.0f} % above the {one['promised_rmse']:,g} of its test rows"
            )
            yield "slice", one["slice"], one["worse_pct"], asked["large"]["rmse_pct"], "%", what


def _of_quality(window: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[Found]:
    words = {
        "missing": "lack it",
        "outside": "lie outside of what training saw",
        "unknown": "have a value that training never saw",
    }
    for one in window["quality"]:
        if one["alarm"]:
            what = f"{one['field']}: {one['now_pct']:.3g} % of the {asked['rows']} "
            what += words[one["what"]]
            what += f", {one['reference_pct']:.3g} % of the train rows" * (one["what"] == "missing")
            least = one["reference_pct"] + asked["large"]["quality_points"]
            yield one["what"], one["field"], one["now_pct"], least, "%", what


def _of_drift(window: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[Found]:
    for one in sorted(window["drift"], key=lambda each: -each["distance"]):
        if one["alarm"]:
            threshold = max(one["threshold"], one["large_from"])
            yield (
                "drift",
                one["field"],
                one["distance"],
                threshold,
                one["unit"],
                moved(one, window, asked),
            )


def moved(one: Mapping[str, Any], window: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    """Return in words how far a field has moved, and what chance reaches."""
    rows = f"{window['kept']:,} {asked['rows']}"
    name = "the prediction" if one["kind"] == "prediction" else one["field"]
    if one["unit"] == "share":
        return (
            f"{name}: {100 * one['distance']:.1f} % of the {asked['rows']} have another value than "
            f"the train rows would; chance reaches {100 * one['threshold']:.1f} % with {rows}"
        )
    of = "test" if one["kind"] == "prediction" else "train"
    mean = f"mean {one['mean']:,g}, was {one['reference_mean']:,g}"
    return (
        f"{name} lies {one['distance']:.2f} SD from the {of} rows ({mean}); chance reaches "
        f"{one['threshold']:.2f} with {rows}"
    )
