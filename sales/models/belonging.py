"""What a run's files were made from, by hash: what two runs have made does not belong together.

DVC lets no run touch what another one's stage reads or writes at that moment, but it does between
two stages: a second run in the same folder may put its rows in the place of those that the first
has trained on, and a model would be judged by its own train rows. So each result names what it was
made from, and whoever reads several holds them against one another.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sales import files
from sales.errors import PipelineError

MADE_OF = "made_of.json"  # in a folder; a key of that name in a JSON file
TABLES = ("train.parquet", "valid.parquet", "test.parquet")
FOLDS = "folds.parquet"  # where there are no valid rows
GROUPS = "train_groups.parquet"  # where rows come in groups
TRAINED = ("train_sha256", "valid_sha256")  # what a model's model.json names them by
DIGITS = 12  # of a hash in the metrics: enough to tell two apart, narrow in `dvc metrics diff`


def of_features(prepared: Path) -> dict[str, str]:
    """Return what data/features is made of: the prepared tables."""
    found = files.content_hashes(prepared)
    wanted = [*TABLES, *(name for name in (FOLDS, GROUPS) if name in found)]
    return {name: found[name] for name in wanted}


def of_model(features: Path) -> dict[str, str]:
    """Return what a model is made of: the train and valid rows as numbers, and the folds if any.

    Of those alone: other rows in the test, or other ids, make no other model.
    """
    parts = ["train", "valid", *(["folds"] if (features / FOLDS).is_file() else [])]
    return {f"{part}_sha256": files.content_hash(features / f"{part}.parquet") for part in parts}


def of_metrics(prepared: Path, features: Path, models: Iterable[Path]) -> list[dict[str, str]]:
    """Return what the metrics of each model are made of: the model and all prepared rows.

    Raises PipelineError for a model of other rows than those that are to judge it.
    """
    rows = files.content_hashes(prepared)
    numbers = files.read_json(features / MADE_OF)
    for table in (*TABLES, FOLDS, GROUPS):
        if table in TABLES or table in rows or table in numbers:
            _hold(features, numbers.get(table), prepared / table, rows.get(table))
    learnt_from = of_model(features)
    for folder in models:
        about = files.read_json(folder / "model.json")
        for key, sha256 in learnt_from.items():
            _hold(folder, about.get(key), features, sha256)
        for name, its in about.get("members", {}).items():
            own = folder.parent / name
            _hold(folder, its["content_hash"], own, files.content_hash(own))
    data = rows["."][:DIGITS]
    return [{"model": files.content_hash(folder)[:DIGITS], "data": data} for folder in models]


def of_gate(metrics: Mapping[str, Path]) -> dict[str, str]:
    """Return what the gate's verdicts are made of: each model's metrics.

    Raises PipelineError where they are not all of the same rows.
    """
    first, *others = metrics.values()
    for path in others:
        rows = _made_of(first).get("data")
        _hold(path, _made_of(path).get("data"), f"the rows of {first}", rows)
    return {name: files.content_hash(path) for name, path in metrics.items()}


def of_cards(gate: Path, data: Path) -> dict[str, str]:
    """Return what the cards are made of: the verdicts, and the data's counts."""
    return {path.name: files.content_hash(path) for path in (gate, data)}


def hold(prepared: Path, models: Mapping[str, str], metrics: Path, cards: Path) -> None:
    """Hold all that is to be registered together against one another, the models by their hashes.

    Raises PipelineError where something was made from another thing than lies there now.
    """
    hold_scores(models, metrics)
    gate, data = metrics / "gate.json", metrics / "data.json"
    rows = files.content_hash(prepared)
    _hold(data, files.read_json(data).get("sha256"), prepared, rows)
    for path in (metrics / f"{name}.json" for name in models):
        _hold(path, _made_of(path).get("data"), prepared, rows[:DIGITS])
    told = files.read_json(cards / MADE_OF)
    for path in (gate, data):
        _hold(cards, told.get(path.name), path, files.content_hash(path))


def hold_scores(models: Mapping[str, str], metrics: Path) -> None:
    """Hold models, by their hashes, metrics and the gate's verdicts against one another.

    Raises PipelineError where one was made from another thing than lies there now.
    """
    judged = _made_of(metrics / "gate.json")
    for name, sha256 in models.items():
        path = metrics / f"{name}.json"
        _hold(path, _made_of(path).get("model"), Path("models", name), sha256[:DIGITS])
        _hold(metrics / "gate.json", judged.get(name), path, files.content_hash(path))


def _made_of(path: Path) -> dict[str, Any]:
    return files.read_json(path).get("made_of", {})


def _hold(result: Path, named: str | None, source: Path | str, now: str | None) -> None:
    if named is None or named != now:
        raise PipelineError(
            f"{result} was not made from {source} as it is now: another run has been at work in "
            "this folder meanwhile. When it has ended, run `make repro` again"
        )
