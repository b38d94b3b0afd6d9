"""Judges the models of all months by the months after them, a stage of backtest/dvc.yaml."""

import math
from collections import Counter
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from sales import files, params
from sales.contract import Contract
from sales.data.drift import DriftParams, Known
from sales.data.incoming import IngestParams
from sales.errors import PipelineError, run
from sales.judging import staleness, tallies
from sales.judging.staleness import ON_DRIFT, Aged, BacktestParams, WorthParams
from sales.judging.tallies import Tally
from sales.models import saved
from sales.models.saved import Model

PLAN = Path("backtest/plan.yaml")
ROWS = Path("backtest/rows")
MODELS = Path("backtest/models")
RESULT = Path("backtest/result.json")
PLOTS = Path("backtest/plots")
OWN = "own_test.json"  # beside a model: its errors on its own test rows, summed up


def main() -> None:
    """Write backtest/result.json and the tables of its plots."""
    settings = params.read("backtest", BacktestParams)
    worth = params.read("register", WorthParams).min_improvement_pct
    plan = files.read_yaml(PLAN)
    origins = plan["months"]
    if not origins:
        raise PipelineError(f"{PLAN} names no month: make backtest")
    months = sorted(path.stem for path in ROWS.glob("*.parquet") if path.stem > origins[0])
    score = scorer(settings.horizon_months)
    own = {month: own_errors(month) for month in origins}
    aged = staleness.curve(origins, months, score, settings)
    age = staleness.too_old(aged, worth)
    habits, by_month = staleness.policies(origins, months, score, own, settings, worth, age)
    target = saved.load(MODELS / origins[0]).featuriser.target
    files.write_json(
        RESULT,
        {
            "model": plan["model"],
            "target": target,
            "unit": unit(target),
            "window_months": settings.window_months,
            "trained": [origins[0], origins[-1]],
            "judged": [months[0], months[-1]],
            "rows": sum(one.rows for one in (score(origins[0], month) for month in months)),
            "beyond_pct": worth,
            "confidence": settings.confidence,
            "too_old_at": age,
            "flat": all(one.low <= 0 <= one.high for one in aged if one.age > 1),
            "ages": staleness.told(aged),
            "policies": staleness.told(habits),
            "months": [{"month": month, **rmse} for month, rmse in by_month.items()],
            "known": [one._asdict() for one in known_changes()],
        },
    )
    draw(aged, by_month)
    found = next(habit for habit in habits if habit.name == ON_DRIFT)
    print(
        f"{plan['model']}: {len(origins)} models, {len(months)} months; trained anew on drift "
        f"{found.trainings - 1} times"
    )


def scorer(most: int) -> staleness.Score:
    """Return what tells the errors of a month's model on another month's rows, each told once.

    So many models are kept at a time, and a month's rows or two.
    """

    @lru_cache(maxsize=most + 2)
    def model(origin: str) -> Model:
        return saved.load(MODELS / origin)

    @lru_cache(maxsize=2)
    def orders(month: str) -> pd.DataFrame:
        return pd.read_parquet(ROWS / f"{month}.parquet")

    @cache
    def score(origin: str, month: str) -> Tally:
        asked, rows = model(origin), orders(month)
        true = rows[asked.featuriser.target].to_numpy(np.float64)
        predicted = asked.predict(rows)
        found = Tally.of(true, predicted)
        if not math.isfinite(found.squares):
            return found
        return replace(found, sizes=tallies.sizes(predicted - true))

    return score


def own_errors(month: str) -> Tally:
    """Return the sums of a model's errors on its own test rows, nothing else of the tally."""
    told = files.read_json(MODELS / month / OWN)
    sizes = Counter(dict(told.pop("sizes")))
    return replace(Tally.of(np.empty(0), np.empty(0)), **told, sizes=sizes)


def unit(target: str) -> str | None:
    """Return what the target is measured in, by the contract."""
    return params.read("contract", Contract).columns[target].unit


def known_changes() -> list[Known]:
    """Return what the generator has changed; nothing of rows that came from elsewhere."""
    settings = params.read("ingest", IngestParams)
    if settings.source != "synthetic" or not settings.drift:
        return []
    return params.read("ingest.drift", DriftParams).truth()


def draw(aged: list[Aged], by_month: dict[str, dict[str, float | None]]) -> None:
    """Write the tables behind the plots."""
    curve = pd.DataFrame([(one.age, one.growth_pct, one.low, one.high) for one in aged])
    curve.columns = pd.Index(["age", "growth_pct", "low", "high"])
    lines = [
        (month, policy, rmse) for month, each in by_month.items() for policy, rmse in each.items()
    ]
    months = pd.DataFrame(lines, columns=["month", "policy", "rmse"])
    with files.replacing(PLOTS) as folder:
        folder.mkdir()
        curve.to_csv(folder / "staleness.csv", index=False)
        months.to_csv(folder / "months.csv", index=False)


if __name__ == "__main__":
    run(main)
