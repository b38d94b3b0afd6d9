"""What becomes of a finished study: a table, the command that tries its best, runs in MLflow."""

import shlex
import time
from collections.abc import Mapping

from sales.models.tuning import Study
from sales.registry.tracking import Registry

RMSE = "valid.rmse"  # the name it has in the models' own runs
FOUND_BY = "study_hash"  # tag


def as_text(study: Study) -> str:
    """Return the best trial beside the setting in params.yaml, for a terminal."""
    committed, best = study.trials[0], study.trials[study.best]
    rows = [(key, str(value), str(best.settings[key])) for key, value in committed.settings.items()]
    rows.append(("valid RMSE", _number(committed.valid_rmse), _number(best.valid_rmse)))
    header = (study.model, "params.yaml", f"trial {study.best}")
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(3)]
    rule = tuple("-" * width for width in widths)
    return "\n".join(
        f"{name.ljust(widths[0])}  {before.rjust(widths[1])}  {after.rjust(widths[2])}"
        for name, before, after in (header, rule, *rows)
    )


def _number(rmse: float | None) -> str:
    return "-" if rmse is None else format(rmse, ",.4f")


def command(study: Study) -> str:
    """Return the `dvc exp run` that tries the best trial; empty where no trial beat params.yaml."""
    committed, best = study.trials[0].settings, study.trials[study.best].settings
    if not study.improves:
        return ""
    words = ["dvc", "exp", "run"]
    for key, value in best.items():
        if value != committed[key]:
            text = "null" if value is None else str(value)
            words += ["-S", f"train.{study.model}.{key}={text}"]
    return shlex.join(words)


def track(registry: Registry, study: Study, content_hash: str, tags: Mapping[str, str]) -> str:
    """Return the run of a study, logged now unless it is there: beneath it lies one a trial."""
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

    client, experiment = registry.client, registry.experiment
    known = client.search_runs(
        [experiment],
        f"tags.{FOUND_BY} = '{content_hash}' and attributes.status = 'FINISHED'",
        max_results=1,
    )
    if known:
        return known[0].info.run_id
    now = int(time.time() * 1000)
    about = {"model": study.model, "feature_set": study.feature_set}
    parent = client.create_run(experiment, run_name=f"tune {study.model}", tags=dict(tags))
    parent_id = parent.info.run_id
    course = []
    for number, trial in enumerate(study.trials):
        name = f"{study.model} trial {number}" if number else f"{study.model} as in params.yaml"
        child = client.create_run(experiment, run_name=name, tags={MLFLOW_PARENT_RUN_ID: parent_id})
        settings = [Param(key, str(value)) for key, value in {**about, **trial.settings}.items()]
        scores = []
        if trial.valid_rmse is not None:
            scores.append(Metric(RMSE, trial.valid_rmse, now, 0))
            course.append(Metric(f"trial.{RMSE}", trial.valid_rmse, now, number))
        client.log_batch(child.info.run_id, scores, settings)
        client.set_terminated(child.info.run_id)
    best = study.trials[study.best]
    facts = {"seed": study.seed, "train_rows": study.train_rows, "best_trial": study.best}
    logged = [Param(key, str(value)) for key, value in {**about, **facts, **best.settings}.items()]
    if best.valid_rmse is not None:
        course.append(Metric(RMSE, best.valid_rmse, now, 0))
    client.log_batch(parent_id, course, logged, [RunTag(FOUND_BY, content_hash)])
    client.set_terminated(parent_id)
    return parent_id
