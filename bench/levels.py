"""What a category costs as it has more levels, for every model: `make bench-levels`.

A table of BENCH_ROWS rows has one category of 100 to 100,000 levels, three numbers and a target
made of them; each model is fitted to it as params.yaml has it, with as many rounds or trees each
time, so that nothing but the number of levels differs. Once the levels are codes, once one number
(`featurize.target_encoding`). CPU seconds are those of all threads of this process. How cost grows
is the exponent e of cost ~ levels^e from the fewest levels to the most, and between neighbours at
its steepest. Figures go to docs/models.md.
"""

import math
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench import docs
from sales import estimators, params
from sales.contract import Contract
from sales.estimators import TrainingData
from sales.models import features, out_of_fold
from sales.models.feature_sets import FeaturizeParams

ROOT = Path(__file__).resolve().parents[1]
LEVELS = (100, 1_000, 10_000, 100_000)
ROWS = int(os.environ.get("BENCH_ROWS", "200000"))
VALID = 5  # one row of so many is valid
# As many rounds for all: when a fit stops early depends on what it learns.
ROUNDS: dict[str, dict[str, Any]] = {
    "random_forest": {"n_estimators": 5},
    "hist_gradient_boosting": {"max_iter": 100, "early_stopping_rounds": None},
    "xgboost": {"n_estimators": 100, "early_stopping_rounds": None, "interactions": ()},
    "lightgbm": {"n_estimators": 100, "early_stopping_rounds": None},
}
WAYS = {"codes": {}, "one number": {"columns": ["level"]}}
FEATURIZE = "featurize"


def table(rows: int, levels: int) -> pd.DataFrame:
    """Return rows of so many levels, each there and with an effect of its own.

    As with names of places, few levels have most rows: of 100,000 levels over 200,000 rows, some
    thousand have ten rows and more.
    """
    rng = np.random.default_rng(0)
    level = np.floor(levels * rng.uniform(size=rows) ** 3).astype(np.int64)
    level[:levels] = np.arange(min(levels, rows))  # each of them is there
    numbers = {f"x{i}": rng.normal(size=rows) for i in range(3)}
    effect = rng.normal(0, 2, levels)
    made = effect[level] + numbers["x0"] * numbers["x1"] + numbers["x2"] + rng.normal(size=rows)
    named = pd.Index([f"level {n:06}" for n in range(levels)])
    names = pd.Categorical.from_codes(level, named)
    shuffled = rng.permutation(rows)
    return pd.DataFrame({"level": names, **numbers, "target": made}).iloc[shuffled]


def contract() -> Contract:
    """Return what the table holds."""
    columns = {"level": {"role": "categorical"}, "target": {"role": "target"}}
    columns |= {f"x{i}": {"role": "numeric"} for i in range(3)}
    return Contract.model_validate({"columns": columns})


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what the work gives, and CPU seconds."""
    start = time.process_time()
    found = work()
    return found, time.process_time() - start


def featurised(rows: pd.DataFrame, encoded: dict[str, Any]) -> TrainingData:
    """Return train and valid rows as the featurize stage makes them."""
    held = contract()
    wanted = {"feature_set": "all", "target_encoding": encoded}
    wanted |= {"feature_sets": {"all": {"add": ["level", "x0", "x1", "x2"]}}}
    chosen = FeaturizeParams.model_validate(wanted)
    valid = np.arange(len(rows)) % VALID == 0
    train, other = rows[~valid], rows[valid]
    seen = [features.seen(train, chosen, held)]
    featuriser = features.fit(seen, chosen, held)
    without = out_of_fold.fit(featuriser, seen)
    X = out_of_fold.transform(without, train) if without else featuriser.transform(train)
    targets = (part["target"].to_numpy() for part in (train, other))
    y, y_valid = targets
    return TrainingData(
        featuriser.columns,
        featuriser.sizes(),
        *(X, y, featuriser.transform(other), y_valid),
        featuriser.lacking(),
    )


def settings(name: str) -> Any:
    """Return a model's settings."""
    module = estimators.module(name)
    committed = params.read(f"train.{name}", module.Params).model_dump()
    return module.Params(**{**committed, **ROUNDS.get(name, {})})


def measured(rows: int, levels: Sequence[int]) -> dict[str, dict[str, list[float]]]:
    """Return CPU seconds by way and what is done, for each number of levels."""
    found: dict[str, dict[str, list[float]]] = {way: {} for way in WAYS}
    small = featurised(table(1_000, 10), {})
    for name in estimators.NAMES:  # what a first fit imports is no matter of levels
        estimators.module(name).fit(settings(name), small)
    for many in levels:
        made = table(rows, many)
        for way, encoded in WAYS.items():
            data, spent = timed(partial(featurised, made, encoded))
            found[way].setdefault(FEATURIZE, []).append(spent)
            for name in estimators.NAMES:
                fit = estimators.module(name).fit
                _, spent = timed(partial(fit, settings(name), data))
                found[way].setdefault(name, []).append(spent)
                print(f"{many:>7,} levels as {way:<10} {name:<24} {spent:7.2f} s", flush=True)
    return found


def exponents(levels: Sequence[int], seconds: Sequence[float]) -> tuple[float, float]:
    """Return e of seconds ~ levels^e: from the fewest to the most, and at the steepest step.

    >>> exponents((10, 100, 1000), (1.0, 1.0, 100.0))
    (1.0, 2.0)
    """
    told = [
        (math.log10(many), math.log10(spent)) for many, spent in zip(levels, seconds, strict=True)
    ]
    steps = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(told)]
    return (told[-1][1] - told[0][1]) / (told[-1][0] - told[0][0]), max(steps)


def as_markdown(rows: int, levels: Sequence[int], found: dict[str, dict[str, list[float]]]) -> str:
    """Return the table of CPU seconds."""
    head = ["levels are", "", *(f"{many:,}" for many in levels), "exponent", "steepest"]
    lines = [head, ["---", "---", *["---:"] * (len(levels) + 2)]]
    for way, each in found.items():
        for name, seconds in each.items():
            told = [f"{spent:.2f}" for spent in seconds]
            lines.append(
                [way, f"`{name}`", *told, *(f"{e:.2f}" for e in exponents(levels, seconds))]
            )
    shown = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return f"CPU seconds by the number of levels, {rows:,} rows:\n\n{shown}"


def main() -> None:
    """Measure, and write the table."""
    found = measured(ROWS, LEVELS)
    docs.put(ROOT / "docs" / "models.md", "levels", as_markdown(ROWS, LEVELS, found))
    print("written to docs/models.md")


if __name__ == "__main__":
    main()
