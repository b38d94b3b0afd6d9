"""One order step by step, from its raw row to the answer and why: `make explain ORDER=ORD0000001`.

Not a DVC stage: it only looks at what the last run left, and changes nothing.
"""

import argparse
from collections.abc import Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sales import estimators, files, params
from sales.contract import Contract
from sales.data import lineage
from sales.data.lineage import RawRow
from sales.errors import PipelineError, run
from sales.models import saved
from sales.models.saved import Model
from sales.registry import exports
from sales.serving import explanation
from sales.serving.answering import ALIASES
from sales.serving.explanation import Explanation
from sales.serving.request import OrderSchema

RAW, PREPARED = Path("data/raw"), Path("data/prepared")
CONTRACT = Path("data/contract.json")
TRAIN = Path("data/features/train.parquet")
MODELS = Path("models")
FOLDED = "train, in folds"
MEANT_FOR = {
    "train": "models learn from it",
    "valid": "models stop early by it, are ranked by it and get their intervals from it",
    FOLDED: "models learn from it, but those of its fold, which tell how good the others are",
    "test": "no model has seen it; gates judge by it",
}
DIGITS = 4  # of amounts


def told(order: str, named: str) -> str:
    """Return all that is known of an order, as a text; `named` is a model, by alias or by name.

    Raises PipelineError, with what to do, for an order or a model that is not there.
    """
    if not order:
        raise PipelineError("name an order: make explain ORDER=ORD0000001")
    if not order.isprintable():  # a byte of another encoding, say: no column of text holds it
        raise PipelineError(f"no order is named {order!a}")
    if not (CONTRACT.is_file() and RAW.is_dir() and PREPARED.is_dir()):
        raise PipelineError("nothing has run here yet: make repro")
    contract = params.validate(files.read_json(CONTRACT), Contract, str(CONTRACT))
    if contract.id is None:
        raise PipelineError("the contract has no column with the role id, to name an order by")
    found = lineage.trace(order, contract.id, RAW, PREPARED)
    steps = [_raw(row) for row in found.rows]
    if found.part is None or found.order is None:
        return "\n\n".join([*steps, "It is in no part of the data, and no model has met it."])
    chosen, title = _model(named)
    meant = MEANT_FOR[FOLDED if found.part == "train" and chosen.folds else found.part]
    steps.append(f"Part {found.part}: {meant}{_not_todays(chosen)}")
    schema = OrderSchema(chosen.featuriser)
    answer = explanation.explain(chosen, found.order, schema.parts)
    fields = chosen.featuriser.request_fields
    warnings = schema.warnings({name: found.order[name] for name in fields})
    steps.append(f"Model {title}\n{_features(chosen, found.order, answer)}")
    lines = [_answer(chosen, found.order, answer), *(f"  {warning}" for warning in warnings)]
    steps.append("\n".join(["Answer", *lines]))
    steps.append(f"Why\n{_why(answer)}")
    return "\n\n".join(steps)


def _raw(row: RawRow) -> str:
    cells = _table([(name, _text(value)) for name, value in row.cells.items()])
    faults = [f"  {column} '{value}': {reason}" for column, value, reason in row.faults]
    verdict = "\n".join(["Quarantined", *faults] if faults else ["Accepted by the contract"])
    return f"Row {row.number} of {RAW / row.file}.parquet\n{cells}\n\n{verdict}"


def _model(named: str) -> tuple[Model, str]:
    """Return the model of an alias or a name, and what to call it."""
    promoted = exports.read(MODELS / "promoted")
    if named in promoted:
        export = promoted[named]
        loaded = saved.load(export.folder)
        called = f"{named}: {loaded.name}, version {export.entry['version']}"
    elif named in ALIASES:
        there = f"there are {', '.join(promoted)}" if promoted else "make repro"
        raise PipelineError(f"there is no {named} in {MODELS / 'promoted'}: {there}")
    elif named not in (known := estimators.trained(MODELS)):
        raise PipelineError(f"unknown model '{named}'; known: {', '.join([*ALIASES, *known])}")
    elif not (MODELS / named).is_dir():
        raise PipelineError(f"{MODELS / named} is not there: make repro")
    else:
        loaded = saved.load(MODELS / named)
        called = named
    feature_set = loaded.featuriser.feature_set
    return loaded, f"{called} ({loaded.content_hash[:12]}), feature set {feature_set}"


def _not_todays(chosen: Model) -> str:
    learnt_from = chosen.about.get("train_sha256")
    if not TRAIN.is_file() or learnt_from == files.content_hash(TRAIN):
        return ""
    return "\nThe model below is of another run: whether it learnt from this order is not known"


def _features(chosen: Model, order: pd.DataFrame, answer: Explanation) -> str:
    values = {one.feature: one.value for one in answer.contributions}
    [seen] = chosen.featuriser.transform(order).tolist()
    columns = chosen.featuriser.columns
    rows = [(name, _text(values[name]), f"{seen[i]:.12g}") for i, name in enumerate(columns)]
    return _table([("feature", "value", "the model sees"), *rows], right=(2,))


def _answer(chosen: Model, order: pd.DataFrame, answer: Explanation) -> str:
    true = float(order[chosen.featuriser.target].iloc[0])
    rows = [
        ("predicted", _amount(answer.prediction)),
        ("true", _amount(true)),
        ("predicted - true", _amount(answer.prediction - true)),
    ]
    within = chosen.within(order, np.array([answer.prediction]))
    if within and chosen.intervals:
        [low], [high] = within.low, within.high
        holds = "holds" if low <= true <= high else "does not hold"
        promise = f"{holds} the true amount, as promised of {chosen.intervals.coverage:.0%}"
        rows.append(("interval", f"{_amount(low)} to {_amount(high)}: {promise}"))
    return _table(rows)


def _why(answer: Explanation) -> str:
    """Return the contributions, rounded so that each line is the one above and what it adds."""
    moves = answer.contributions
    after = [*accumulate((one.amount for one in moves), initial=answer.baseline)]
    shown = [round(at, DIGITS) for at in [*after[:-1], answer.prediction]]
    rows = [("average prediction", "", "", _amount(shown[0]))]
    for one, (before, now) in zip(moves, pairwise(shown), strict=True):
        adds = f"{round(now - before, DIGITS) + 0.0:+,.{DIGITS}f}"
        rows.append((one.feature, _text(one.value), adds, _amount(now)))
    rows.append(("this prediction", "", "", _amount(answer.prediction)))
    return _table([("feature", "value", "adds", "so far"), *rows], right=(2, 3))


def _amount(value: float) -> str:
    return f"{value:,.{DIGITS}f}"


def _text(value: Any) -> str:
    return "" if value is None else f"{value:.12g}" if isinstance(value, float) else str(value)


def _table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Return the rows with their columns aligned, those that are `right` to the right."""
    columns = []
    for number, column in enumerate(zip(*rows, strict=True)):
        width = max(map(len, column))
        columns.append([c.rjust(width) if number in right else c.ljust(width) for c in column])
    return "\n".join(f"  {'  '.join(row)}".rstrip() for row in zip(*columns, strict=True))


def main() -> None:
    """Print what is known of the order that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m stages.explain", description=__doc__)
    parser.add_argument("order", nargs="?", default="")
    parser.add_argument("--model", default="", help="an alias, or a model's name; the champion")
    given = parser.parse_args()
    print(told(given.order, given.model or "champion"))


if __name__ == "__main__":
    run(main)
