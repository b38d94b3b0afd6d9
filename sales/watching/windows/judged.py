"""A window's sketch held against the reference: how far, by more than chance, and whether large.

All as GET /watch tells it: docs/watching.md says what each figure means.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from sales.judging.reference import Reference
from sales.judging.shapes import Levels, Numbers, Shape
from sales.judging.tallies import significant
from sales.watching.windows import chance, distances, quality
from sales.watching.windows.chance import Limits
from sales.watching.windows.live_error import ErrorLimits, error, estimated
from sales.watching.windows.settings import WatchParams
from sales.watching.windows.sketches import Cells, Sketch


@dataclass(frozen=True)
class Chance:
    """What chance makes of a window's size: of its fields, and of its errors."""

    fields: Limits
    errors: ErrorLimits | None = None


@dataclass(frozen=True)
class Judged:
    """What a window was found to be, as JSON tells it."""

    drift: list[dict[str, Any]] = field(default_factory=list)
    quality: list[dict[str, Any]] = field(default_factory=list)
    error: dict[str, Any] | None = None
    estimated: dict[str, Any] | None = None


def judge(
    sketch: Sketch, reference: Reference, told: Chance, settings: WatchParams, *, is_open: bool
) -> Judged:
    """Hold a window's rows against the reference of the model that answered them."""
    part = chance.OPEN if is_open else 1.0
    drift, found = [], []
    for shape in reference.fields:
        cells = sketch.fields.get(shape.name)
        if cells is None:
            continue
        quiet = shape.name in settings.quiet or getattr(shape, "kind", "") == "date"
        drift += _drift(shape, cells, sketch, reference, told.fields, settings, part, quiet)
        if shape is not reference.prediction:
            least = chance.QUALITY * settings.false_alarm_pct / 100 * part / _tests(reference)
            found += _quality(shape, cells, sketch, reference, settings, least, quiet)
    return Judged(
        drift,
        found,
        error(sketch, reference, told.errors, settings, part) if told.errors else None,
        estimated(sketch, reference),
    )


def _tests(reference: Reference) -> int:
    """Return how many questions of quality are asked of a window."""
    return 2 * max(len(reference.fields) - 1, 1)


def of_reference(shape: Shape, reference: Reference) -> int:
    """Return of how many rows a field's shape was made."""
    return reference.test_rows if shape is reference.prediction else reference.train_rows


def _drift(
    shape: Shape,
    cells: Cells,
    sketch: Sketch,
    reference: Reference,
    limits: Limits,
    settings: WatchParams,
    part: float,
    quiet: bool,
) -> list[dict[str, Any]]:
    counts = cells.counts[:-1]
    there = counts.sum()
    if not there:
        return []
    rows = of_reference(shape, reference)
    distance = float(distances.distance(shape, counts))
    threshold = limits.threshold(shape.name, sketch.effective, rows, part)
    numbers = shape if isinstance(shape, Numbers) else None
    large_from = settings.large.number if numbers else settings.large.category
    beyond, large = bool(distance > threshold), bool(distance >= large_from)
    return [
        {
            "field": shape.name,
            "kind": numbers.kind if numbers else "category",
            "unit": distances.unit(shape),
            "distance": significant(distance),
            "threshold": significant(threshold),
            "large_from": large_from,
            "more_than_chance": beyond,
            "large": large,
            "alarm": beyond and large and not quiet,
            "mean": significant(cells.total / there) if numbers else None,
            "reference_mean": numbers.mean if numbers else None,
        }
    ]


def _quality(
    shape: Shape,
    cells: Cells,
    sketch: Sketch,
    reference: Reference,
    settings: WatchParams,
    least: float,
    quiet: bool,
) -> list[dict[str, Any]]:
    """Return what is told of rows that lack the field, or have a value that nobody had seen.

    `least` is the probability below which it is more than chance.
    """
    rows, known = sketch.effective, reference.train_rows
    there = cells.counts.sum()
    asked: dict[str, tuple[float, int]]
    if isinstance(shape, Levels):
        asked = {"missing": (cells.counts[-1], shape.missing)}
        if shape.names is not None:
            asked["unknown"] = (cells.counts[-2], shape.once)
    else:
        asked = {"missing": (cells.counts[-1], shape.missing), "outside": (cells.outside, 0)}
    told = []
    for what, (weight, of_reference) in asked.items():
        share = weight / there if there else 0.0
        before = 0.0 if what == "unknown" else of_reference / known
        if not share and not before:
            continue
        found = share * rows
        if isinstance(shape, Levels) and what == "unknown":
            likely = quality.unseen(found, rows, shape.once, shape.twice, known)
        elif what == "outside":
            likely = quality.beyond(found, rows, known)
        else:
            likely = quality.more_often(found, rows, of_reference, known)
        large = bool(100 * (share - before) >= settings.large.quality_points)
        beyond = bool(likely < least)
        told.append(
            {
                "field": shape.name,
                "what": what,
                "now_pct": significant(100 * share),
                "reference_pct": significant(100 * before),
                "rows": significant(weight),
                "more_than_chance": beyond,
                "large": large,
                "alarm": beyond and large and not quiet,
            }
        )
    return told


def bins(shape: Shape, cells: Cells) -> dict[str, Any]:
    """Return a field's bins or levels, with shares of reference and window side by side."""
    before, now = [*distances.own(shape), shape.missing], cells.counts
    if isinstance(shape, Levels):
        labels = [*shape.levels, "other", "unknown", "missing"]
        edges = None
    else:
        edges = [float(edge) for edge in shape.edges]
        if shape.discrete:
            labels = [f"{edge:g}" for edge in edges]
            edges = None
        else:
            labels = [f"{a:g} to {b:g}" for a, b in pairwise(edges)]
        labels.append("missing")
    kept = [
        (label, float(a), float(b))
        for label, a, b in zip(labels, before, now, strict=True)
        if a or b or label not in ("other", "unknown", "missing")
    ]
    whole, all_now = sum(a for _, a, _ in kept), sum(b for _, _, b in kept)
    return {
        "edges": edges,
        "labels": [label for label, _, _ in kept],
        "reference_pct": [significant(100 * a / whole) for _, a, _ in kept],
        "now_pct": [significant(100 * b / all_now) for _, _, b in kept],
    }
