"""What each feature is worth, and what it costs: `make prune MODEL=xgboost`; docs/pruning.md.

Not a DVC stage: what is found belongs to whoever's data it is, and seconds are no result that
another run gives again. It changes nothing that stands.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from sales import estimators, files, params
from sales.errors import PipelineError, run
from sales.estimators.fitting import scale
from sales.judging import pruning
from sales.judging.pruning import Part, PruneParams, Trained
from sales.models import matrices, state
from sales.models.features import Featuriser

FEATURES = Path("data/features")
TARGET = Path("data/target.json")
GATE = Path("metrics/gate.json")


def main() -> None:
    """Train a model without each feature, and write state/prune/<model>.json and .md."""
    parser = argparse.ArgumentParser(prog="python -m stages.prune", description=__doc__)
    parser.add_argument("model", nargs="?", default="")
    name = chosen(parser.parse_args().model)
    module = estimators.module(name)
    settings = params.read(f"train.{name}", module.Params)
    wanted = params.read("prune", PruneParams)
    if not (FEATURES / "featuriser.json").is_file():
        raise PipelineError("there are no features yet: make repro")
    featuriser, parts = read(wanted)
    on = scale.wanted(TARGET)
    with tqdm(desc=f"prune {name}", unit="fit", disable=None) as bar:

        def fit(dropped: Sequence[str]) -> Trained:
            found = pruning.trained(name, settings, parts, on, dropped)
            bar.update()
            return found

        found = pruning.prune(name, featuriser, parts, wanted, fit)
    folder = state.state_folder() / "prune"
    files.write_json(folder / f"{name}.json", found.told())
    text = pruning.as_text(found)
    with files.replacing(folder / f"{name}.md") as beside:
        beside.write_text(text + "\n", encoding="utf-8")
    print(text)


def chosen(name: str) -> str:
    """Return the model of that name; "": the best that passed the gate."""
    if name:
        estimators.module(name)  # raises for one that nobody knows
        return name
    if not GATE.is_file():
        raise PipelineError("no model is the best yet: make repro, or name one: MODEL=xgboost")
    ranking = files.read_json(GATE)["ranking"]
    if not ranking:
        raise PipelineError("no model passed the gate: name one: make prune MODEL=xgboost")
    return str(ranking[0])


def read(wanted: PruneParams) -> tuple[Featuriser, list[Part]]:
    """Return the features, and the train and valid rows, or those of each fold."""
    folds = matrices.folds(FEATURES)
    if folds is None:
        featuriser, data = matrices.read(FEATURES, wanted.rows, wanted.seed)
        return featuriser, [Part(data, np.arange(len(data.y_valid)))]
    featuriser, _ = matrices.files(FEATURES)
    held = [
        np.flatnonzero(fold_of.to_numpy() == fold)
        for _, fold_of in folds.items()
        for fold in range(fold_of.max() + 1)
    ]
    each = (data for _, data in matrices.each_fold(FEATURES))
    return featuriser, [Part(*part) for part in zip(each, held, strict=True)]


if __name__ == "__main__":
    run(main)
