"""The search for a model's settings with Optuna, by the RMSE on the valid rows alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from pydantic import Field, model_validator
from tqdm import tqdm

from sales import estimators, files
from sales.errors import PipelineError
from sales.estimators import TrainingData
from sales.estimators.fitting.scale import Scale
from sales.params import Group, validate

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

DIGITS = 4  # significant digits of a fraction that is tried: more would not tell models apart
PLAIN = Scale("none")
RMSE_DIGITS = 6  # as in the metrics


class Range(Group):
    """Where one setting is searched: from `low` to `high`, or among `choices`."""

    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    choices: tuple[bool | int | float | str | None, ...] = ()

    @model_validator(mode="after")
    def _one_of_both(self) -> "Range":
        if self.choices:
            if self.low is not None or self.high is not None or self.log:
                raise ValueError("choices stand alone, without low, high and log")
            if len(set(self.choices)) < len(self.choices):
                raise ValueError("each choice once")
        elif self.low is None or self.high is None:
            raise ValueError("give low and high, or choices")
        elif self.low >= self.high:
            raise ValueError("low must be below high")
        elif self.log and self.low <= 0:
            raise ValueError("log needs low above 0")
        return self

    @property
    def ends(self) -> tuple[Any, ...]:
        """Return the choices, or low and high: a model that takes these takes all between."""
        return self.choices or (self.low, self.high)

    def holds(self, value: Any) -> bool:
        """Return whether the search could come upon the value."""
        if self.choices:
            return value in self.choices
        low, high = self.ends
        return isinstance(value, int | float) and low <= value <= high


class TuneParams(Group):
    """See `tune` in params.yaml."""

    trials: int = Field(ge=1, le=500)
    seed: int = Field(ge=0, lt=2**32)
    train_rows: int | None = Field(ge=100)
    space: dict[str, Range] = Field(min_length=1)


@dataclass(frozen=True)
class Trial:
    """Settings that were tried, and the valid RMSE they gave; None where a model diverged."""

    settings: dict[str, Any]
    valid_rmse: float | None


@dataclass(frozen=True)
class Study:
    """A finished search: its first trial is the setting that stands in params.yaml."""

    model: str
    feature_set: str
    train_sha256: str
    train_rows: int
    seed: int
    trials: tuple[Trial, ...]

    @property
    def best(self) -> int:
        """Return the number of the search's best trial; the setting that stands is number 0."""
        return 1 + int(np.argmin([_or_inf(trial) for trial in self.trials[1:]]))

    @property
    def improves(self) -> bool:
        """Return whether the best trial beats the setting that stands."""
        return _or_inf(self.trials[self.best]) < _or_inf(self.trials[0])

    def save(self, path: Path) -> None:
        """Write the study as JSON: no clock, no host in it."""
        best = {"trial": self.best, **asdict(self.trials[self.best])}
        files.write_json(path, {**asdict(self), "best": best})

    @classmethod
    def load(cls, path: Path) -> "Study":
        """Return the study that `save` wrote."""
        content = files.read_json(path)
        del content["best"]
        return cls(**{**content, "trials": tuple(Trial(**trial) for trial in content["trials"])})


def _or_inf(trial: Trial) -> float:
    return np.inf if trial.valid_rmse is None else trial.valid_rmse


def distributions(
    space: Mapping[str, Range], committed: Group, where: str
) -> "dict[str, BaseDistribution]":
    """Return the space in Optuna's terms.

    Raises PipelineError, starting with `where` and the key, for a setting the model does not have
    or an end of a range that it would refuse.
    """
    from optuna import distributions as optuna

    model = type(committed)
    found: dict[str, BaseDistribution] = {}
    for key, searched in space.items():
        if key not in model.model_fields:
            known = ", ".join(model.model_fields)
            raise PipelineError(f"{where}.{key}: unknown key; the model has {known}")
        for value in searched.ends:
            validate({**committed.model_dump(), key: value}, model, where)
        if searched.choices:
            found[key] = optuna.CategoricalDistribution(searched.choices)
            continue
        low, high = searched.ends
        annotation = model.model_fields[key].annotation
        if float in (annotation, *get_args(annotation)):
            found[key] = optuna.FloatDistribution(low, high, log=searched.log)
        else:
            found[key] = optuna.IntDistribution(int(low), int(high), log=searched.log)
    return found


def search(
    score: Callable[[dict[str, Any]], float],
    committed: Group,
    params: TuneParams,
    where: str,
    title: str = "",
) -> tuple[Trial, ...]:
    """Return the committed setting's trial and `params.trials` more, each as `score` finds it.

    Optuna's TPE sampler draws them from the seed and the scores so far: the same scores, the same
    trials. It learns from the committed setting too, where that lies within the space.
    """
    import optuna

    space = distributions(params.space, committed, where)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=params.seed))
    trials: list[Trial] = []
    with tqdm(total=params.trials + 1, desc=title, unit="trial", disable=None) as bar:

        def tried(settings: dict[str, Any]) -> float | None:
            rmse = score(settings)
            trials.append(Trial(settings, rmse if np.isfinite(rmse) else None))
            best = min((t.valid_rmse for t in trials if t.valid_rmse is not None), default=np.nan)
            bar.set_postfix_str(f"best valid RMSE {best:,.4f}", refresh=False)
            bar.update()
            return trials[-1].valid_rmse

        settings = {key: getattr(committed, key) for key in space}
        rmse = tried(settings)
        if rmse is not None and all(params.space[key].holds(settings[key]) for key in space):
            study.add_trial(
                optuna.trial.create_trial(params=settings, distributions=space, value=rmse)
            )
        for _ in range(params.trials):
            asked = study.ask(space)
            rmse = tried({key: _rounded(value, space[key]) for key, value in asked.params.items()})
            state = optuna.trial.TrialState
            study.tell(asked, rmse, state.FAIL if rmse is None else state.COMPLETE)
    return tuple(trials)


def _rounded(value: Any, within: Any) -> Any:
    """Return a fraction as a person would write it, still within its range."""
    if not isinstance(value, float) or not hasattr(within, "low"):
        return value
    return min(max(float(f"{value:.{DIGITS}g}"), within.low), within.high)


def valid_rmse(
    name: str, settings: Group, parts: Sequence[TrainingData], scale: Scale = PLAIN
) -> float:
    """Return the RMSE on the valid rows of a model fitted on the train rows, in the target's units.

    `parts` are the train and valid rows, or those of each fold: then a model is fitted for each.
    `scale` is that on which they learn.
    """
    squares = []
    for data in parts:
        estimator, _ = estimators.module(name).fit(settings, scale.learnt(data))
        squares.append((scale.answering(estimator).predict(data.X_valid) - data.y_valid) ** 2)
    return float(f"{np.sqrt(np.mean(np.concatenate(squares))):.{RMSE_DIGITS}g}")


def drawn(data: TrainingData, rows: int | None, seed: int) -> TrainingData:
    """Return the data with at most so many of the train rows, drawn by the seed."""
    if rows is None or rows >= len(data.y):
        return data
    kept = np.sort(np.random.default_rng(seed).permutation(len(data.y))[:rows])
    return replace(data, X=data.X[kept], y=data.y[kept])
