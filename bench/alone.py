"""Each estimator by itself, in one process: why of one order, and rows of a batch.

CPU milliseconds of what `POST /explain` does (the JSON read, the prediction, what each feature
adds), by the models that the last run trained; and rows of a batch in a CPU second, beside what the
plain library's own `predict` takes for the same trees and rows, in turn. `make bench-serving` ends
with this table, and writes it to docs/serving.md.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import treelite
from sklearn.ensemble import RandomForestRegressor

from bench import docs
from sales import estimators, params
from sales.estimators import hist_gradient_boosting, lightgbm, random_forest, xgboost
from sales.estimators.trees.treelite_ensemble import TreeliteEnsemble
from sales.models import matrices, saved
from sales.serving import explanation
from sales.serving.request import OrderSchema

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "serving.md"
ASKED, BATCH, ROUNDS = 200, 10_000, 5
CLOSE = 1e-6  # of a prediction: the library's own adds in another order, or in float32
ALIKE = 0.95  # of the rows, at least: a forest of scikit-learn's rounds each value to float32


class Alone(NamedTuple):
    """What one estimator costs, CPU milliseconds; and rows a CPU second, and the library's own."""

    name: str
    leaves: int
    first: float
    p50: float
    p99: float
    rows: float
    plain_rows: float | None


def measured(name: str, orders: pd.DataFrame) -> Alone:
    """Return the figures of a trained model."""
    model = saved.load(ROOT / "models" / name)
    schema = OrderSchema(model.featuriser)
    asked = orders[:ASKED][list(model.featuriser.request_fields)]
    bodies = asked.to_json(orient="records", lines=True, date_format="iso").splitlines()

    def why(body: str) -> object:
        return explanation.explain(model, schema.one(body.encode()), schema.parts)

    first = cpu(lambda: why(bodies[0]))
    each = [1000 * cpu(lambda body=body: why(body)) for body in bodies]  # type: ignore[misc]
    X = model.featuriser.transform(orders[:BATCH])
    plain = plain_predict(name, model.estimator)
    ours, theirs = _in_turn(model.estimator.predict, plain, X)
    return Alone(
        name,
        leaves(model.estimator),
        1000 * first,
        statistics.median(each),
        float(np.percentile(each, 99)),
        len(X) / ours,
        len(X) / theirs if theirs else None,
    )


def cpu(work: Callable[[], object]) -> float:
    """Return the CPU seconds of all threads."""
    start = time.process_time()
    work()
    return time.process_time() - start


def _in_turn(
    ours: Callable[[Any], Any], plain: Callable[[Any], Any] | None, X: np.ndarray
) -> tuple[float, float | None]:
    """Return the median CPU seconds of both; they take turns, after one round that warms up."""
    if plain is not None and np.isclose(ours(X), plain(X), rtol=CLOSE).mean() < ALIKE:
        raise SystemExit("error: the plain library answers something else")
    found = [(cpu(lambda: ours(X)), cpu(lambda: plain(X)) if plain else 0.0) for _ in range(ROUNDS)]
    mine, theirs = zip(*found, strict=True)
    return statistics.median(mine), statistics.median(theirs) if plain else None


def plain_predict(name: str, estimator: Any) -> Callable[[Any], Any] | None:
    """Return the plain library's `predict` of the same trees; None of least squares.

    scikit-learn's trees are grown anew for it: what is saved is Treelite's form of them.
    """
    if isinstance(estimator, xgboost.Booster):
        return estimator.booster.inplace_predict
    if isinstance(estimator, lightgbm.Booster):
        return estimator.booster.predict
    if not isinstance(estimator, TreeliteEnsemble):
        return None
    _, data = matrices.read(ROOT / "data/features")
    if name == "hist_gradient_boosting":
        boosted = params.read(f"train.{name}", hist_gradient_boosting.Params)
        return hist_gradient_boosting.grown(boosted, data).predict
    wanted = params.read(f"train.{name}", random_forest.Params)
    settings = wanted.model_dump(exclude={"seed", "max_rows"})
    most = (
        {"max_samples": wanted.max_rows} if (wanted.max_rows or len(data.y)) < len(data.y) else {}
    )
    forest = RandomForestRegressor(random_state=wanted.seed, n_jobs=-1, **most, **settings)
    return forest.fit(data.X, data.y).set_params(n_jobs=1).predict


def leaves(estimator: Any) -> int:
    """Return how many leaves its trees have, none of least squares."""
    if isinstance(estimator, xgboost.Booster):
        estimator = TreeliteEnsemble((treelite.frontend.from_xgboost(estimator.booster),))
    elif isinstance(estimator, lightgbm.Booster):
        estimator = TreeliteEnsemble((treelite.frontend.from_lightgbm(estimator.booster),))
    if not isinstance(estimator, TreeliteEnsemble):
        return 0
    return (estimator.nodes + estimator.num_tree) // 2


def table(found: list[Alone]) -> str:
    """Return the figures as a table of docs/serving.md."""
    lines = [
        "| model | leaves | why: p50 / p99, CPU ms | the first why | rows a CPU second, batches of "
        f"{BATCH:,} | the library's own | ratio |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for one in found:
        cells = [one.name, f"{one.leaves:,}" if one.leaves else ""]
        cells += [f"{one.p50:.2f} / {one.p99:.2f}", f"{one.first:.0f}", f"{one.rows:,.0f}"]
        plain = one.plain_rows
        cells += [f"{plain:,.0f}", f"{one.rows / plain:.2f}"] if plain else ["", ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Print the table, and write it between the marks `alone` of docs/serving.md."""
    if not (ROOT / "models" / estimators.NAMES[0]).is_dir():
        raise SystemExit("error: no models yet: make repro")
    orders = pd.read_parquet(ROOT / "data/prepared/test.parquet")
    found = table([measured(name, orders) for name in estimators.NAMES])
    docs.put(PAGE, "alone", found)
    print(found)


if __name__ == "__main__":
    main()
