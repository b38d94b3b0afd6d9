"""The models' scores as one comparison: a row a score, a column a model, differences first."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ui.amounts import error_size, group, model_name, plain, signed, small
from ui.terms import MAE, R2, RMSE

Scores = dict[str, Any]  # the metrics of an evaluation
LOW, HIGH, NEITHER = "low", "high", ""  # which is better


@dataclass(frozen=True)
class Score:
    """A score as it is said and called exactly, where it stands, and how it is written."""

    said: str
    exactly: str
    of: Callable[[Scores], float | None]
    kind: str  # unit, %, times or MB
    better: str = LOW


def _test(name: str) -> Callable[[Scores], float | None]:
    return lambda scores: scores["test"].get(name)


def _part(part: str) -> Callable[[Scores], float | None]:
    return lambda scores: scores[part]["rmse"]


def _whole(name: str, times: float = 1.0) -> Callable[[Scores], float | None]:
    def value(scores: Scores) -> float | None:
        found = scores.get(name)
        return None if found is None else times * found

    return value


def _bias(scores: Scores) -> float | None:
    return abs(scores["test"]["bias"])


def _r2(scores: Scores) -> float | None:
    return 100 * float(scores["test"]["r2"])


SCORES = (
    Score(RMSE.said, "test RMSE", _test("rmse"), "unit"),
    Score(MAE.said, "test MAE", _test("mae"), "unit"),
    Score("Half of the rows are off by less than", "median", _test("p50_error"), "unit"),
    Score("Nine of ten are off by less than", "90th percentile", _test("p90_error"), "unit"),
    Score("99 of 100 are off by less than", "99th percentile", _test("p99_error"), "unit"),
    Score("Largest error", "maximum", _test("max_error"), "unit"),
    Score("Off to one side on average by", "size of the test bias", _bias, "unit"),
    Score(R2.said, "test R²", _r2, "%", HIGH),
    Score(
        "Error saved, against always saying the average", "skill", _whole("skill_pct"), "%", HIGH
    ),
    Score(f"{RMSE.said} on rows that it learnt from", "train RMSE", _part("train"), "unit"),
    Score(f"{RMSE.said} on rows that it was tuned on", "valid RMSE", _part("valid"), "unit"),
    Score("Worst group, in times of all", "slice ratio", _whole("slice_rmse_ratio"), "times"),
    Score("True value within its range", "coverage", _whole("coverage_pct"), "%", NEITHER),
    Score(
        "True value within its range, worst group",
        "least coverage of a slice",
        _whole("least_slice_coverage_pct"),
        "%",
        HIGH,
    ),
    Score("Width of the range", "mean interval width", _whole("mean_interval_width"), "unit"),
    Score("Predictions below zero", "negative", _whole("negative_prediction_pct"), "%"),
    Score("Size of the model", "model_mb", _whole("model_mb"), "MB"),
)


def table(found: dict[str, Scores], unit: str | None) -> pd.DataFrame:
    """Return Score, a column a model and, of two, the second's difference to the first.

    What differs most, in relation to its size, stands first; what shows as the same stands last.
    The better of each row is bold.
    """
    rows = []
    for score in SCORES:
        values = {name: score.of(scores) for name, scores in found.items()}
        told = [value for value in values.values() if value is not None]
        if not told:
            continue
        shown = {name: written(value, score.kind, unit) for name, value in values.items()}
        apart = len({shown[name] for name, value in values.items() if value is not None}) > 1
        best = {LOW: min(told), HIGH: max(told)}.get(score.better)
        cells = [
            f"**{plain(shown[name])}**" if apart and value == best else plain(shown[name])
            for name, value in values.items()
        ]
        largest = max(abs(value) for value in told)
        size = (max(told) - min(told)) / largest if apart and largest and len(told) > 1 else 0.0
        more = [_difference(values, score.kind, unit)] if len(found) == 2 and apart else [""]
        rows.append((size, [plain(score.said), *cells, *(more if len(found) == 2 else [])]))
    ordered = [cells for _, cells in sorted(rows, key=lambda row: -row[0])]
    last = ["Difference"] if len(found) == 2 else []
    return pd.DataFrame(ordered, columns=["Score", *map(str.capitalize, found), *last])


def verdict(found: dict[str, Scores], unit: str | None) -> str:
    """Return in a sentence how the second model's typical error compares with the first one's."""
    if len(found) < 2:
        return ""
    (first, one), (second, other) = list(found.items())[:2]
    a, b = one["test"]["rmse"], other["test"]["rmse"]
    shown = written(a, "unit", unit), written(b, "unit", unit)
    if shown[0] == shown[1]:
        return f"The {first} and the {second} are as good as each other, as far as these rows tell."
    more = "larger" if b > a else "smaller"
    ratio = max(a, b) / min(a, b) if min(a, b) else 0.0
    by = f"{ratio:,.0f} times" if ratio >= 2 else f"{100 * abs(b / a - 1):.1f} %" if a else "far"
    return (
        f"The {second}'s typical error, {shown[1]}, is {by} {more} than the {first}'s, {shown[0]}."
    )


def written(value: float | None, kind: str, unit: str | None) -> str:
    """Return a score as it is written; `not known` where there is none."""
    if value is None:
        return "not known"
    if kind == "unit":
        return error_size(value, unit)
    return f"{small(value, 4 if kind == '%' else 2)} {kind}"


def sure(found: dict[str, Scores], unit: str | None) -> str:
    """Return how sure each typical error is; nothing where an older service does not tell."""
    said = []
    for name, scores in found.items():
        low, high = (scores["test"].get(f"rmse_{end}") for end in ("low", "high"))
        if low is not None and high is not None:
            said.append(f"{name} {error_size(low, unit)} to {error_size(high, unit)}")
    return f"{RMSE.said}, 95 % sure: {'; '.join(said)}." if said else ""


def worst_groups(found: dict[str, Scores]) -> str:
    """Return which group each model errs most on."""
    said = [
        f"{name}: {group(scores['worst_slice'])}"
        for name, scores in found.items()
        if scores.get("worst_slice")
    ]
    return f"Largest error in a group: {'; '.join(said)}." if said else ""


def alike(found: dict[str, Scores]) -> str:
    """Return which other models are as good as each, as far as the rows tell."""
    said = []
    for name, scores in found.items():
        if others := scores.get("not_told_apart_from"):
            said.append(f"the {name}: {', '.join(map(model_name, others.split(', ')))}")
    return f"As good, as far as these rows tell, as {'; '.join(said)}." if said else ""


def exactly() -> str:
    """Return the exact term of each score, for those who look for it."""
    return "  \n".join(f"{score.said}: {score.exactly}" for score in SCORES)


def _difference(values: dict[str, float | None], kind: str, unit: str | None) -> str:
    first, second = values.values()
    if first is None or second is None:
        return ""
    change = second - first
    if kind == "unit":
        digits = 4 if 0 < abs(change) < 1 else None
        return plain(signed(change, unit, digits))
    sign = "+" if change > 0 else "−"
    return f"{sign}{written(abs(change), kind, unit)}"
