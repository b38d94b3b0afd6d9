"""The model card: what a model is, what it knows and where it ends, as Markdown and HTML.

(Mitchell et al. 2019, "Model Cards for Model Reporting".) Every figure comes from what the
pipeline has written; nothing in it depends on clock, host or registry. What register decided of a
model is added to the card that it exports.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt

from sales.contract import Contract
from sales.judging import improvement
from sales.models.features import Featuriser

# What a model does where training saw nothing; trees stay at the edge.
BEYOND = {
    "linear_regression": "goes on in a straight line",
    "polynomial_regression": "goes on by the same products",
    "ensemble": "answers the mean of what its members do, by their weights",
}
DECISION = "## The decision"  # of register, which alone knows the champion
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; }}
body {{ padding: 0 1rem; }}
table {{ border-collapse: collapse; display: block; overflow-x: auto; margin: 1rem 0; }}
th, td {{ border-bottom: 1px solid #8888; padding: .25rem .75rem; text-align: left; }}
code, pre {{ font-size: .875em; overflow-wrap: anywhere; white-space: pre-wrap; }}
</style>
</head>
<body>
{body}</body>
</html>
"""


def markdown(
    *,
    model: str,
    about: Mapping[str, Any],
    content_hash: str,
    featuriser: Featuriser,
    contract: Contract,
    ranges: Mapping[str, tuple[Any, Any]],
    data: Mapping[str, Any],
    origin: Mapping[str, Any],
    metrics: Mapping[str, Any],
    judged: Mapping[str, Any],
    slices: pd.DataFrame,
    importance: pd.DataFrame,
) -> str:
    """Return the card. `origin` holds the groups ingest and prepare of params.yaml.

    `slices` and `importance` are the model's own rows of the tables behind the plots; `judged` is
    its entry in gate.json.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  it is Markdown
    )
    environment.filters |= {
        "number": _number,
        "thousands": lambda value: f"{value:,}",
        "plain": plain,
    }
    unit = contract.columns[contract.target].unit
    weight = dict(zip(importance["feature"], importance["importance"], strict=True))
    features = [
        {"name": name, "kind": _kind(name, featuriser), "importance": _number(weight.get(name))}
        for name in sorted(featuriser.columns, key=lambda name: -(weight.get(name) or 0.0))
    ]
    text = environment.get_template("card.md.j2").render(
        model=model,
        called=contract.called,
        target=featuriser.target,
        unit=f" ({unit})" if unit else "",
        beyond=BEYOND.get(model, "answers as at the edge of what it knows"),
        verdict=str(judged["verdict"]).capitalize(),
        content_hash=content_hash,
        request_fields=featuriser.request_fields,
        feature_set=featuriser.feature_set,
        derived=featuriser.derived,
        settings={**about["params"], **({"rounds": about["rounds"]} if "rounds" in about else {})},
        by_folds=by_folds(about),
        scale=_scale(about),
        source=_source(origin["ingest"]),
        own_files=origin["ingest"]["source"] == "files",
        split=_split(origin["prepare"]),
        data=data,
        features=features,
        metrics=metrics,
        slices=slices.to_dict("records"),
        rules=judged["rules"],
        limits=_limits(featuriser, ranges),
        unseen=_unseen(featuriser),
        missing=_missing(featuriser, data),
    )
    return re.sub(r"\n{3,}", "\n\n", text)


def decided(card: str, decision: Mapping[str, Any]) -> str:
    """Return a card that ends with what register decided of the model, in place of one before.

    `decision` has its reason, what is new in the data, and figures: RMSE of both models on the same
    rows, and how much lower that of this one is, in percent, with its 95 % interval. `trials` are
    those that it is or was in, a line each.
    """
    told = [DECISION, "", f"{decision['reason']}."]
    if decision["data"]:
        told += ["", f"Data: {plain(decision['data'])}."]
    if decision["improvement_pct"] is not None:
        ends = [decision[f"improvement_{end}"] for end in ("low", "high")]
        values = {
            "rows on which both were compared": f"{decision['compared_rows']:,}",
            "RMSE of this model": _number(decision["candidate_test_rmse"]),
            "RMSE of the champion then": _number(decision["incumbent_test_rmse"]),
            "compared with it": improvement.told(decision["improvement_pct"]),
        }
        if None not in ends:
            values["95 times of a hundred"] = improvement.between(*ends)
        told += ["", "| compared | value |", "| --- | ---: |"]
        told += [f"| {name} | {value} |" for name, value in values.items()]
    for line in decision.get("trials", ()):
        told += ["", f"{plain(line)}."]
    before = card.partition(f"\n{DECISION}\n")[0].rstrip("\n")
    return "\n".join([before, "", *told, ""])


def html(card: str) -> str:
    """Return a card as a page that needs nothing from elsewhere."""
    title = card.partition("\n")[0].lstrip("# ")
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(card)
    return PAGE.format(title=title, body=body)


def _kind(name: str, featuriser: Featuriser) -> str:
    if name in featuriser.encoded:
        return f"category as one number, {len(featuriser.levels[name])} values"
    if name in featuriser.levels:
        rare = ", the rare ones together" if name in featuriser.folded else ""
        return f"category, {len(featuriser.levels[name])} values{rare}"
    if name in featuriser.derived:
        return "computed"
    return "yes or no" if featuriser.fields[name].role == "boolean" else "number"


def by_folds(about: Mapping[str, Any]) -> str:
    """Return how the rows were held out; nothing of a model with a valid part.

    >>> by_folds({"folds": 10, "repeats": 3})
    'each of 10 folds held out in turn, 3 times over'
    """
    if "folds" not in about:
        return ""
    times = f", {about['repeats']} times over" if about["repeats"] > 1 else ""
    return f"each of {about['folds']} folds held out in turn{times}"


def _scale(about: Mapping[str, Any]) -> str:
    """Return how the target was learnt, of an ensemble by its members."""
    told = about.get("target_scale", about.get("members_scale", {"transform": "none"}))
    return str(told["transform"])


def _source(ingest: Mapping[str, Any]) -> str:
    if ingest["source"] == "files":
        return f"The CSV and Parquet files of {ingest['address'] or 'data/incoming/'}."
    rows, seed = ingest["rows"], ingest["seed"]
    return f"Orders of the seeded generator (`ingest.rows: {rows}`, `ingest.seed: {seed}`)."


def _split(prepare: Mapping[str, Any]) -> str:
    group, seed = prepare.get("group"), f"`prepare.seed: {prepare['seed']}`"
    whole = f"; all rows of one {group} are in one part" if group else ""
    if prepare["split"] == "time":
        return f"by time, the latest rows for the test{whole}"
    if prepare["split"] == "hash":
        return f"by the hash of each row's key, which no other row changes ({seed}){whole}"
    return f"random ({seed}){whole}"


def _limits(featuriser: Featuriser, ranges: Mapping[str, tuple[Any, Any]]) -> list[dict[str, str]]:
    limits = []
    for name, column in featuriser.fields.items():
        if column.role == "date":
            seen = [f"{day:%Y-%m-%d}" for day in ranges[name]]
            taken = [str(column.min or "any day"), str(column.max or "any day")]
        elif column.role == "numeric":
            seen = [_number(float(end)) for end in ranges[name]]
            ends = (column.min, column.max)
            taken = [_number(float(end)) if end is not None else "any" for end in ends]
        else:
            continue
        limits.append({"field": name, "seen": " to ".join(seen), "taken": " to ".join(taken)})
    return limits


def _unseen(featuriser: Featuriser) -> dict[str, list[str]]:
    found = {}
    for name, column in featuriser.fields.items():
        strange = sorted(set(map(str, column.values or ())) - set(featuriser.levels.get(name, ())))
        if strange and name in featuriser.levels and name not in featuriser.folded:
            found[name] = strange
    return found


def _missing(featuriser: Featuriser, data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the fields that a row may lack, and how many percent of the rows do."""
    told = data.get("missing_pct", {})
    return [{"field": name, **told[name]} for name in featuriser.fields if name in told]


def plain(value: Any) -> str:
    """Return a text of the data or of params.yaml as a table's cell that is no Markdown."""
    return re.sub(r"([\\`*_|<>\[\]])", r"\\\1", " ".join(str(value).split()))


def _number(value: float | None) -> str:
    """Return four digits of a number, and all those before its point."""
    if value is None or pd.isna(value):
        return "-"
    whole = float(value).is_integer() or abs(value) >= 1000
    return f"{value:,.0f}" if whole else f"{value:.4g}"
