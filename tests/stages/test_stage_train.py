"""What a training says of its model is true of the model that it saved."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sales.engine import partitions
from sales.models import saved
from stages import featurize, ingest, prepare, train
from tests.examples import set_params
from tests.small_project import SMALL

# Each is cut back to its best round, or learns from fewer rows than there are on a cluster.
NAMES = (
    *("linear_regression", "polynomial_regression", "hist_gradient_boosting"),
    *("xgboost", "lightgbm"),
)
STOPPED: dict[str, int | float | str] = {
    f"train.{name}.{key}": value
    for name in ("xgboost", "lightgbm")
    for key, value in (
        ("n_estimators", 400),
        ("learning_rate", 0.5),
        ("early_stopping_rounds", 10),
        ("early_stopping_min_delta", 0.0),
    )
}
STOPPED |= {
    "train.hist_gradient_boosting.categories": "measured",
    "train.xgboost.categories": "measured",
    "train.lightgbm.categories": "native",
}
ROWS = {"ingest.rows": 3000, "run.sample_rows": 1000}


def told(name, monkeypatch, capsys):
    """Return the RMSE that a training prints, the saved model's, and its curve's last point."""
    monkeypatch.setattr("sys.argv", ["train", name])
    train.main()
    printed = capsys.readouterr().out.rpartition(" rows, valid RMSE ")[2].strip()
    valid = partitions.read(partitions.of(Path("data/prepared/valid.parquet")))
    off = saved.load(Path("models") / name).predict(valid) - valid["TotalAmount"].to_numpy(float)
    curve = pd.read_csv(f"models/learning_curve/{name}.csv")["rmse"].iloc[-1]
    return printed, f"{np.sqrt(np.mean(off**2)):,.6g}", f"{curve:,.6g}"


@pytest.mark.parametrize("transform", ["none", "log1p"])
@pytest.mark.parametrize("engine", ["local", "dask"])
def test_the_rmse_that_is_printed_is_the_saved_models(
    request, project, monkeypatch, capsys, engine, transform
):
    if engine == "dask":
        request.getfixturevalue("on_dask")
    set_params({**SMALL, **STOPPED, **ROWS, "train.target.transform": transform})
    for stage in (ingest, prepare, featurize):
        stage.main()
    unlike = set()
    for name in NAMES:
        printed, true, curve = told(name, monkeypatch, capsys)
        assert printed == true, name
        scored = saved.load(Path("models") / name)
        assert scored.about.get("target_scale") == (
            None if transform == "none" else {"transform": "log1p", "least": 0.0}
        )
        wanted = scored.about["params"].get("categories")
        assert ("categories" in scored.about) is (wanted == "measured")
        if wanted is not None:
            native = getattr(scored.estimator, "inner", scored.estimator).native
            assert native == (scored.about.get("categories", wanted) == "native")
        assert scored.intervals.floor == (None if transform == "none" else 0.0)
        if curve != true:
            unlike.add(name)
    assert {"xgboost", "lightgbm"} <= unlike  # the curve's last point would have been wrong
