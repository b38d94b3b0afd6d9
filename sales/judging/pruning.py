"""What each feature is worth to a model, and what it costs: the model trained anew without it.

(Breck et al. 2017, tests Data 2 and 3: all features are beneficial, none costs too much.) Permuting
a column, as the importance of the plots does, tells what a model makes of it; only training without
it tells whether the others could have stood in for it. Never looks at the test rows.
"""

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from sales import estimators
from sales.contract.expressions import Expression
from sales.estimators import TrainingData
from sales.estimators.fitting.scale import Scale
from sales.judging.evidence import Comparison
from sales.judging.tallies import significant
from sales.models.features import Featuriser
from sales.params import Group

HEADINGS = (
    *("without", "by %", "between", "verdict", "bytes less", "train s less", "answer µs less"),
    "not asked for",
)
NEEDED, NOTHING, UNTOLD = "needed", "worth nothing", "cannot be told"


class PruneParams(Group):
    """See `prune` in params.yaml."""

    max_loss_pct: float = Field(gt=0)
    confidence: float = Field(gt=0, lt=1)
    rows: int | None = Field(ge=100)
    seed: int = Field(ge=0, lt=2**32)


class Part(NamedTuple):
    """Train and valid rows, and which valid rows are one: of repeated folds each comes again."""

    data: TrainingData
    units: np.ndarray


@dataclass(frozen=True)
class Trained:
    """A model's errors (predicted - true) on the valid rows, and what it costs.

    `train_seconds` are the processor's, of all threads; `answer_us` the same in microseconds for a
    row among many. `bytes` are those of the estimator's files. Of folds all are of all models.
    """

    errors: np.ndarray
    bytes: int
    train_seconds: float
    answer_us: float

    @property
    def rmse(self) -> float:
        """The RMSE on the valid rows; NaN or infinite of a diverged model."""
        with np.errstate(over="ignore"):
            return math.sqrt(float(np.mean(np.square(self.errors))))


@dataclass(frozen=True)
class Loss:
    """By how many percent the valid RMSE grows without some features, and between what."""

    pct: float
    low: float
    high: float

    def verdict(self, most: float) -> str:
        """Return whether what is missing was needed, if a loss of `most` percent counts as none."""
        if self.high <= most:
            return NOTHING
        return NEEDED if self.low > 0 else UNTOLD


@dataclass(frozen=True)
class Worth:
    """A feature's worth, and what the model would cost less without it.

    `fields` are those that a request would not have to bring any more.
    """

    feature: str
    loss: Loss
    verdict: str
    bytes: int
    train_seconds: float
    answer_us: float
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Pruning:
    """What was found of a model: each feature, the least worth first, and what may go together."""

    model: str
    feature_set: str
    train_rows: int
    valid_rows: int
    valid_rmse: float
    max_loss_pct: float
    confidence: float
    features: tuple[Worth, ...]
    together: tuple[str, ...]
    together_loss: Loss | None
    together_fields: tuple[str, ...]

    def told(self) -> dict[str, Any]:
        """Return it ready for JSON: a loss that is not finite is null."""
        return _finite(asdict(self))


def without(data: TrainingData, names: Sequence[str]) -> TrainingData:
    """Return the rows without some features."""
    kept = [i for i, name in enumerate(data.columns) if name not in names]
    return replace(
        data,
        columns=tuple(data.columns[i] for i in kept),
        levels=tuple(data.levels[i] for i in kept),
        X=data.X[:, kept],
        X_valid=data.X_valid[:, kept],
        holes=tuple(data.holes[i] for i in kept) if data.holes else (),
    )


def trained(
    name: str, settings: Group, parts: Sequence[Part], on: Scale, dropped: Sequence[str]
) -> Trained:
    """Return the model of that name fitted to the train rows without some features."""
    errors, size, fitting, answering = [], 0, 0.0, 0.0
    for part in parts:
        data = without(part.data, dropped)
        begun = time.process_time()
        fitted, _ = estimators.module(name).fit(settings, on.learnt(data))
        fitting += time.process_time() - begun
        estimator = on.answering(fitted)
        begun = time.process_time()
        predicted = estimator.predict(data.X_valid)
        answering += time.process_time() - begun
        errors.append(predicted - data.y_valid)
        with tempfile.TemporaryDirectory() as folder:
            estimator.save(Path(folder))
            size += sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    all_errors = np.concatenate(errors)
    return Trained(all_errors, size, fitting, 1e6 * answering / len(all_errors))


def loss(full: Trained, less: Trained, units: np.ndarray, level: float) -> Loss:
    """Return the growth of the RMSE from one model to the other, paired row by row.

    Infinite where the other one diverged. The interval is of the rows: how much another draw of
    valid rows would change, not another draw of train rows.
    """
    if not math.isfinite(less.rmse):
        return Loss(math.inf, math.inf, math.inf)
    found = Comparison.of(full.errors, less.errors, units).improvement(level)
    return Loss(*(significant(-end) + 0.0 for end in (found.pct, found.high, found.low)))


def spared(featuriser: Featuriser, dropped: Sequence[str]) -> tuple[str, ...]:
    """Return the fields that a request need not bring where these features are gone."""
    left = [name for name in featuriser.columns if name not in dropped]
    needed = set[str]()
    for name in left:
        text = featuriser.derived.get(name)
        needed |= {name} if text is None else Expression.parse(text, name).names
    return tuple(field for field in featuriser.request_fields if field not in needed)


def prune(
    name: str,
    featuriser: Featuriser,
    parts: Sequence[Part],
    params: PruneParams,
    fit: Callable[[Sequence[str]], Trained],
) -> Pruning:
    """Return what each feature is worth to the model of that name; `fit` trains it without some.

    Then all that are worth nothing go together. Two that say the same are each worth nothing and
    both needed: where all together are needed, they go one after another, the least worth first,
    as long as what has gone is worth nothing together.
    """
    units = np.concatenate([part.units for part in parts])
    columns = featuriser.columns
    level = 1 - (1 - params.confidence) / len(columns)
    full = fit([])
    found = []
    for column in columns if len(columns) > 1 else ():
        less = fit([column])
        lost = loss(full, less, units, level)
        found.append(
            Worth(
                column,
                lost,
                lost.verdict(params.max_loss_pct),
                full.bytes - less.bytes,
                full.train_seconds - less.train_seconds,
                full.answer_us - less.answer_us,
                spared(featuriser, [column]),
            )
        )
    found.sort(key=lambda worth: (worth.loss.pct, worth.feature))
    nothing = [worth.feature for worth in found if worth.verdict == NOTHING]
    gone, lost_together = _together(nothing, len(columns), fit, full, units, params)
    return Pruning(
        model=name,
        feature_set=featuriser.feature_set,
        train_rows=len(parts[0].data.y),
        valid_rows=len(np.unique(units)),
        valid_rmse=significant(full.rmse),
        max_loss_pct=params.max_loss_pct,
        confidence=params.confidence,
        features=tuple(found),
        together=tuple(gone),
        together_loss=lost_together,
        together_fields=spared(featuriser, gone) if gone else (),
    )


def _together(
    nothing: Sequence[str],
    columns: int,
    fit: Callable[[Sequence[str]], Trained],
    full: Trained,
    units: np.ndarray,
    params: PruneParams,
) -> tuple[list[str], Loss | None]:
    """Return which of the features that are worth nothing may all go, and what that loses."""

    def lost(dropped: Sequence[str]) -> Loss:
        return loss(full, fit(dropped), units, params.confidence)

    if not nothing:
        return [], None
    if len(nothing) < columns:  # no model learns from no feature at all
        found = lost(nothing)
        if found.verdict(params.max_loss_pct) == NOTHING:
            return list(nothing), found
    gone: list[str] = []
    least: Loss | None = None
    for feature in nothing:
        if len(gone) + 1 == columns:
            break
        found = lost([*gone, feature])
        if found.verdict(params.max_loss_pct) == NOTHING:
            gone, least = [*gone, feature], found
    return gone, least


def as_text(found: Pruning) -> str:
    """Return what was found as a Markdown table, and a line on what may go."""
    lines = [
        f"{found.model}, {found.feature_set}: {found.train_rows:,} train rows, RMSE "
        f"{found.valid_rmse:,.4g} on {found.valid_rows:,} valid rows; without a feature it grows",
        "",
        f"| {' | '.join(HEADINGS)} |",
        "| --- | ---: | ---: | --- | ---: | ---: | ---: | --- |",
    ]
    for one in found.features:
        costs = f"{one.bytes:,} | {one.train_seconds:.2f} | {one.answer_us:.2f}"
        told = f"{_loss(one.loss)} | {one.verdict} | {costs} | {', '.join(one.fields)}"
        lines.append(f"| {one.feature} | {told} |".replace("|  |", "| |"))
    return "\n".join([*lines, "", _conclusion(found)])


def _conclusion(found: Pruning) -> str:
    alone = [one.feature for one in found.features if one.verdict == NOTHING]
    if not alone:
        return "No feature is worth nothing."
    if not found.together or found.together_loss is None:
        return f"Worth nothing alone: {', '.join(alone)}; but none of them may go."
    needed = [name for name in alone if name not in found.together]
    grows = _loss(found.together_loss).replace(" | ", " %, ")
    told = f"May go together, for {grows}: {', '.join(found.together)}."
    if found.together_fields:
        told += f" Not asked for then: {', '.join(found.together_fields)}."
    if needed:
        told += f" Worth nothing alone, but no longer once those are gone: {', '.join(needed)}."
    return told


def _loss(loss: Loss) -> str:
    if not math.isfinite(loss.pct):
        return "diverges | "
    return f"{_percent(loss.pct)} | {_percent(loss.low)} to {_percent(loss.high)}"


def _percent(value: float) -> str:
    return f"{value:,.2f}" if abs(value) < 1000 else f"{value:,.0f}"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
