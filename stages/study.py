"""Tells what a study found and tracks it in MLflow: `python -m stages.study xgboost`.

Not a DVC stage: the tracking is a side effect. It registers and promotes nothing.
"""

import sys
from pathlib import Path

from sales import files, params
from sales.errors import PipelineError, run
from sales.models.tuning import Study
from sales.registry import changing, provenance, studies
from sales.registry.lock import locked
from sales.registry.standing import Standing, state_folder
from sales.registry.tracking import RegisterParams

STUDIES = Path("tune")


def main() -> None:
    """Print the best trial, how to try it, and the study's run in MLflow."""
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    path = STUDIES / f"{name}.json"
    if not path.is_file():
        raise PipelineError(f"no study of '{name}' yet: make tune MODEL=…")
    study = Study.load(path)
    tags = {"train_sha256": study.train_sha256, "git_commit": provenance.git_commit()}
    settings = params.read("register", RegisterParams)

    def work(now: Standing) -> str:
        return studies.track(now.registry, study, files.content_hash(path), tags)

    with locked(state_folder()):
        run_id = changing.changed(settings, work)
    print(
        f"\n{name}: {len(study.trials) - 1} trials on {study.train_rows:,} train rows, "
        f"in MLflow beneath run {run_id}\n"
    )
    print(f"{studies.as_text(study)}\n")
    trying = studies.command(study)
    if not trying:
        print("no trial beat params.yaml: there is nothing to try")
        return
    print(
        "To try it in the whole pipeline (an experiment promotes nothing):\n"
        f"  {trying}\n"
        "and then to production, where the promotion rule decides:\n"
        "  make repro"
    )


if __name__ == "__main__":
    run(main)
