"""Searches one model's settings: `python -m stages.tune xgboost`, a stage of tune/dvc.yaml.

Pure, and it never looks at the test rows. stages/study.py tells and tracks what it found.
"""

import sys
from pathlib import Path
from typing import Any

from sales import estimators, files, params
from sales.errors import PipelineError, run
from sales.estimators.fitting import scale
from sales.models import matrices, tuning
from sales.models.tuning import Study, TuneParams

FEATURES = Path("data/features")
TARGET = Path("data/target.json")
STUDIES = Path("tune")


def main() -> None:
    """Write tune/<name>.json."""
    if len(sys.argv) != 2:
        raise PipelineError(f"name the model to tune: {', '.join(estimators.NAMES)}")
    name = sys.argv[1]
    model = estimators.module(name).Params
    committed = params.read(f"train.{name}", model)
    wanted = params.read(f"tune.{name}", TuneParams)
    featuriser, data = matrices.read(FEATURES)
    on = scale.wanted(TARGET)
    folds = [fold for _, fold in matrices.each_fold(FEATURES)]
    parts = [tuning.drawn(part, wanted.train_rows, wanted.seed) for part in folds or [data]]

    def score(settings: dict[str, Any]) -> float:
        chosen = params.validate({**committed.model_dump(), **settings}, model, f"train.{name}")
        return tuning.valid_rmse(name, chosen, parts, on)

    where = f"params.yaml: tune.{name}.space"
    trials = tuning.search(score, committed, wanted, where, f"tune {name}")
    scores = [trial.valid_rmse for trial in trials if trial.valid_rmse is not None]
    if not scores:
        raise PipelineError(f"{name} diverged in each of {len(trials)} trials: {where}")
    study = Study(
        model=name,
        feature_set=featuriser.feature_set,
        train_sha256=files.content_hash(FEATURES / "train.parquet"),
        train_rows=len(data.y) if folds else len(parts[0].y),
        seed=wanted.seed,
        trials=trials,
    )
    study.save(STUDIES / f"{name}.json")
    print(f"{name}: {wanted.trials} trials, lowest valid RMSE {min(scores):,.4f}")


if __name__ == "__main__":
    run(main)
