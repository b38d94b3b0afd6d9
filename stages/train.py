"""Trains one model: `python -m stages.train xgboost`."""

import sys
from pathlib import Path

from sales import estimators, files, intervals, model, params, training
from sales.errors import PipelineError, run

FEATURES = Path("data/features")


def main() -> None:
    """Write models/<name>/ and plots/learning_curve/<name>.csv."""
    if len(sys.argv) != 2:
        raise PipelineError(f"name the model to train: {', '.join(estimators.NAMES)}")
    name = sys.argv[1]
    module = estimators.module(name)
    settings = params.read(f"train.{name}", module.Params)
    featuriser, data = training.read(FEATURES)
    estimator, curve = module.fit(settings, data)
    bounds = intervals.fit(
        data.y_valid,
        estimator.predict(data.X_valid),
        params.read("train.intervals", intervals.IntervalParams),
    )

    about = {
        "target": featuriser.target,
        "feature_set": featuriser.feature_set,
        "request_fields": list(featuriser.request_fields),
        "params": settings.model_dump(),
        "train_rows": len(data.y),
        "train_sha256": files.content_hash(FEATURES / "train.parquet"),
    }
    with files.replacing(Path("models") / name) as folder:
        folder.mkdir()
        model.save(folder, name, estimator, featuriser, about, bounds)
    with files.replacing(Path("plots/learning_curve") / f"{name}.csv") as beside:
        curve.to_csv(beside, index=False)
    print(f"{name}: {len(data.y):,} rows, valid RMSE {curve['rmse'].iloc[-1]:,.4f}")


if __name__ == "__main__":
    run(main)
