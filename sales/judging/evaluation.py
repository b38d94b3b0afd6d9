"""All that is found out about a model: its scores, and the tables of its plots."""

import functools
import operator
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd

from sales.engine import Engine, partitions
from sales.engine.partitions import Kept, keep, kept
from sales.judging import behaviour, charts, scores
from sales.judging.pairs import Pairs
from sales.judging.scores import EvaluateParams
from sales.judging.tallies import Tally
from sales.models import saved
from sales.models.saved import Model

TABLES = ("predictions", "residual_histogram", "slices", "importance")
BINS = 40  # of the residuals

Tables = Mapping[str, Sequence[Kept]]  # the partitions of train, valid and test


@dataclass(frozen=True)
class Evaluation:
    """A model's metrics, its rows of each of TABLES, and what it predicts of all test rows.

    The last where they came by in this process: on a cluster they do not.
    """

    metrics: dict[str, Any]
    tables: dict[str, pd.DataFrame]
    predicted: np.ndarray | None = None


def evaluate(
    folders: Sequence[Path],
    orders: Tables,
    settings: EvaluateParams,
    engine: Engine,
    floor: float | None = None,
    loaded: Sequence[Model] | None = None,
) -> list[Evaluation]:
    """Score the models of some folders on the train, valid and test orders.

    `floor` is the least target that the contract allows; `loaded` are the models, of whoever has
    them already.
    """
    models = loaded or [saved.load(folder) for folder in folders]
    tallies, residuals, pairs, answers = tallied(models, folders, orders, settings, engine)
    first = partitions.head(orders["test"], settings.behaviour_rows)
    shown = partitions.take(
        orders["test"],
        charts.drawn(sum(partitions.rows(orders["test"])), settings.plot_rows, settings.seed),
    )
    found = [
        Evaluation(
            *_told(one, tallies[i], (first, shown, orders["test"]), residuals[i], settings, floor),
            answers[i] if answers else None,
        )
        for i, one in enumerate(models)
    ]
    for i, one in enumerate(found):
        alike = (models[other].name for other in pairs.alike(i, len(models)))
        one.metrics["not_told_apart_from"] = ", ".join(alike)
    return found


def tallied(
    models: Sequence[Model],
    folders: Sequence[Path],
    orders: Tables,
    settings: EvaluateParams,
    engine: Engine,
) -> tuple[list[dict[str, Tally]], list[tuple[np.ndarray, np.ndarray]], Pairs, list[np.ndarray]]:
    """Return, for each model, its tally of each part; and its test residuals: bins and counts.

    And how the models' errors on the test rows compare, and what each predicts of them, nothing
    where that is with the workers. All are added up over the partitions: how many these are shows
    in the last digits at most. What a model tells of its answers out of fold
    (it was made by folds, or is an ensemble, whose weights the valid rows gave) stands for its
    valid rows. Of one that tells none where there are no valid rows, a champion of earlier days
    that nobody ranks, the train rows do.
    """
    # On a cluster the workers read them for themselves.
    known: Sequence[Model | Path] = models if engine.client is None else folders
    parts = {**orders, "train": _scored_train(orders["train"], settings)}
    jobs = [(part, rows) for part, tables in parts.items() for rows in tables]
    many = len(jobs)
    with _scratch(engine, orders["test"]) as scratch:
        places = [scratch and scratch / f"{i}" for i in range(many)]
        names, tables = zip(*jobs, strict=True)
        told = engine.map(
            _scored, [known] * many, tables, names, [settings] * many, places, what="scores"
        )
        tests = [one for one, name in zip(told, names, strict=True) if name == "test"]
        edges = [_edges([one.ranges[i] for one in tests]) for i in range(len(models))]
        residuals = [one.residuals for one in tests]
        counted = engine.map(_binned, residuals, [edges] * len(tests), what="residuals")
    tallies = [
        {
            part: functools.reduce(
                operator.add,
                (one.tallies[i] for one, name in zip(told, names, strict=True) if name == part),
            )
            for part in parts
        }
        for i in range(len(models))
    ]
    for one, its in zip(models, tallies, strict=True):
        if one.out_of_fold is not None:
            its["valid"] = _unseen(one.out_of_fold)
        elif not its["valid"].rows:
            its["valid"] = its["train"]
    return (
        tallies,
        [(edges[i], np.sum([bins[i] for bins in counted], axis=0)) for i in range(len(models))],
        functools.reduce(operator.add, (one.pairs for one in tests)),
        [np.concatenate(own) for own in zip(*(one.predicted for one in tests), strict=True)],
    )


def _unseen(out_of_fold: np.ndarray) -> Tally:
    """Return the tally of train rows, each predicted by models that had not seen it."""
    true, predicted = out_of_fold
    return scores.counted(true, predicted)


@contextmanager
def _scratch(engine: Engine, tables: Sequence[Kept]) -> Iterator[Path | None]:
    """Yield a folder beside the tables, where workers see it; None on one machine."""
    if engine.client is None:
        yield None
        return
    last = cast("Path", tables[-1])  # there a table is always a file
    with tempfile.TemporaryDirectory(prefix=".evaluate.", dir=last.parents[1]) as folder:
        yield Path(folder)


def _scored_train(train: Sequence[Kept], settings: EvaluateParams) -> Sequence[Kept]:
    """Return at most `train_rows` of the train rows, drawn by the seed."""
    rows = sum(partitions.rows(train))
    if settings.train_rows is None or rows <= settings.train_rows:
        return train
    return [partitions.take(train, charts.drawn(rows, settings.train_rows, settings.seed))]


class _Scored(NamedTuple):
    """What a partition tells of each model; the residuals of test rows are kept.

    `predicted` has its test rows' predictions, where they need not travel.
    """

    tallies: list[Tally]
    ranges: list[tuple[float, float] | None]
    residuals: Kept
    pairs: Pairs
    predicted: list[np.ndarray]


def _scored(
    models: Sequence[Model | Path],
    rows: Kept,
    part: str,
    settings: EvaluateParams,
    place: Path | None,
) -> _Scored:
    """Score the models on a partition; the slices are the test rows' alone."""
    table = kept(rows)
    tallies, ranges, residuals = [], list[tuple[float, float] | None](), {}
    answers = list[np.ndarray]()
    for number, known in enumerate(models):
        one = saved.load(known) if isinstance(known, Path) else known
        target = one.featuriser.target
        predicted = one.predict(table) if len(table) else np.empty(0)  # a library may refuse none
        sliced = settings if part == "test" else None
        within = one.within(table, predicted) if len(table) else None
        tallies.append(scores.tally(table, target, predicted, within, sliced))
        if part == "test":
            answers += [predicted] if place is None else []
            residual = predicted - table[target].to_numpy(float)
            residuals[f"{number}"] = residual
            finite = residual[np.isfinite(residual)]
            ranges.append((float(finite.min()), float(finite.max())) if len(finite) else None)
    errors = [*residuals.values()]
    pairs = Pairs.of(errors if errors else [np.array([])] * len(models))
    return _Scored(tallies, ranges, keep(pd.DataFrame(residuals), place), pairs, answers)


def _edges(ranges: Sequence[tuple[float, float] | None]) -> np.ndarray:
    known = [each for each in ranges if each]
    if not known:  # a diverged model has no residual: no bin either
        return np.array([])
    return charts.edges(min(low for low, _ in known), max(high for _, high in known), BINS)


def _binned(residuals: Kept, edges: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return how many of a partition's residuals lie in each bin, for each model."""
    table = kept(residuals)
    found: list[np.ndarray] = []
    for number, within in enumerate(edges):
        values = table[f"{number}"].to_numpy()
        inside = values[np.isfinite(values)]
        found.append(np.histogram(inside, within)[0] if len(within) else np.array([], int))
    return found


def _told(
    one: Model,
    tallies: Mapping[str, Tally],
    rows: tuple[pd.DataFrame, pd.DataFrame, Sequence[Kept]],
    residuals: tuple[np.ndarray, np.ndarray],
    settings: EvaluateParams,
    floor: float | None,
) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Return a model's metrics and tables: of its tallies, and of some test rows.

    These are the first ones, those that the plots show, and all, from which the importance draws.
    """
    first, shown, test = rows
    name, predicted = one.name, one.predict(first)
    violated = behaviour.violations(one, first, predicted, settings.behaviour)
    metrics = scores.score(one, tallies, violated, settings, floor)
    # Every bit of the first test row's prediction: whoever loads the model can try it on that.
    golden = float(predicted[0])
    metrics["golden_prediction"] = golden if np.isfinite(golden) else None
    slices, _ = scores.slice_scores(tallies["test"], settings)
    true = shown[one.featuriser.target].to_numpy(float)
    tables = {
        "predictions": charts.prediction_rows(name, true, one.predict(shown)),
        "residual_histogram": charts.residual_histogram(name, *residuals),
        "slices": charts.slices_table({name: slices}),
        "importance": charts.importance_table({name: scores.importance(one, test, settings)}),
    }
    return metrics, tables


def told(evaluation: Evaluation, judged: dict[str, Any]) -> dict[str, Any]:
    """Return an evaluation with the gate's verdict, as the service tells it: tables by column."""
    tables = {
        name: table.drop(columns="model").to_dict("list")
        for name, table in evaluation.tables.items()
    }
    return {"metrics": evaluation.metrics, "gate": judged, **tables}
