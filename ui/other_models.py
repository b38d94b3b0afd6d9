"""The models of a run that are not loaded: refused by the gate, and why, or not needed."""

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from ui import gate
from ui.amounts import error_size, model_name, plain
from ui.terms import RMSE

Judged = Mapping[str, Any]  # `judged` of an evaluation


def of_the_last_run(
    models: list[dict[str, Any]], found: Mapping[str, Mapping[str, Any] | None]
) -> Judged | None:
    """Return how the run of the newest loaded model was judged; None of an older export."""
    for model in sorted(models, key=lambda one: -int(one["version"])):
        if told := (found.get(model["alias"]) or {}).get("judged"):
            judged: Judged = told
            return judged
    return None


def table(judged: Judged, loaded: Collection[str], unit: str | None) -> pd.DataFrame:
    """Return Model, error, Verdict and Why of each model that is not loaded, by content hash.

    Those that passed come first, the best of them at the top.
    """
    ranking, told = list(judged["ranking"]), judged["models"]
    refused = sorted(set(told) - set(ranking))
    rows = [
        (
            model_name(name),
            _error(told[name]["test_rmse"], unit),
            told[name]["verdict"],
            why(name, judged, unit),
        )
        for name in (*ranking, *refused)
        if told[name]["content_hash"] not in loaded
    ]
    table = pd.DataFrame(rows, columns=["Model", RMSE.said, "Verdict", "Why"])
    return table.map(plain)


def why(name: str, judged: Judged, unit: str | None) -> str:
    """Return in words why a model does not answer.

    >>> limit = {"value": 9.0, "threshold": 0.1, "passed": False}
    >>> rules = {"max_negative_prediction_pct": limit}
    >>> why("lightgbm", {"ranking": [], "models": {"lightgbm": {"rules": rules}}}, "$")
    'Predictions below zero: 9 %, at most 0.1 %'
    >>> why("xgboost", {"ranking": ["lightgbm", "xgboost"], "models": {"xgboost": {}}}, "$")
    'It passed as number 2 of 2: better ones answer'
    """
    ranking = list(judged["ranking"])
    if name in ranking:
        place = ranking.index(name) + 1
        if place == 1:
            return f"It passed as the best of {len(ranking)}, and did not beat the champion"
        return f"It passed as number {place} of {len(ranking)}: better ones answer"
    broken = gate.table({"rules": judged["models"][name]["rules"]}, unit)
    return "; ".join(
        f"{rule}: {measured}{f', {limit}' if limit else ''}".replace("\\", "")
        for rule, limit, measured in broken[["Rule", "Limit", "Measured"]].itertuples(index=False)
    )


def _error(value: float | None, unit: str | None) -> str:
    return "not measured" if value is None else error_size(value, unit)
