"""How a model's error grows with its age, and what each habit of training anew would have cost.

From what models that ended with one month make of the rows of later ones. A model is one month old
on the first month that it has not learnt from; it is compared with the youngest one there is of the
same month, on the same rows, so that a hard month is hard for both. Months are the units, as the
rows of one have more in common than their number tells.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from pydantic import ConfigDict, Field
from scipy import stats

from sales.judging.evidence import Comparison, Improvement
from sales.judging.tallies import Tally, significant
from sales.params import Group

NEVER, MONTHLY, ON_DRIFT = "never", "monthly", "on drift"
FEWEST = 3  # months that an age is compared on: of two, an interval says nothing
FAR = 0.05  # of a model's own errors, the largest, are the limit that a month's are counted beyond
Score = Callable[[str, str], Tally]  # of the model that ended with a month, on the rows of a month


class BacktestParams(Group):
    """See `backtest` in params.yaml."""

    window_months: int | None = Field(ge=1, le=1200)
    horizon_months: int = Field(ge=2, le=240)
    origins: int | None = Field(ge=2)
    confidence: float = Field(gt=0.5, lt=1)
    false_alarm_pct: float = Field(gt=0, lt=50)


class WorthParams(Group):
    """The part of `register` in params.yaml that says what improvement is worth a new model."""

    model_config = ConfigDict(extra="ignore")

    min_improvement_pct: float = Field(ge=0, lt=100)


@dataclass(frozen=True)
class Aged:
    """What models of one age, in months, make of all months that they and fresh ones have seen.

    `growth_pct` is how much larger the RMSE is than that of models one month old, on the same rows,
    between `low` and `high`.
    """

    age: int
    months: int
    rows: int
    rmse: float
    fresh_rmse: float
    growth_pct: float
    low: float
    high: float


@dataclass(frozen=True)
class Policy:
    """What a habit would have cost: the RMSE over all months, and how often a model was trained.

    `excess_pct` is how much larger the RMSE is than by training each month. `trained` are the
    months that a training ended with.
    """

    name: str
    rmse: float
    trainings: int
    excess_pct: float
    low: float
    high: float
    trained: tuple[str, ...]


def curve(
    origins: Sequence[str], months: Sequence[str], score: Score, settings: BacktestParams
) -> list[Aged]:
    """Return what each age comes to, youngest first; ages with fewer than FEWEST months are none.

    The intervals of all ages hold together, with the probability asked for (Bonferroni).
    """
    place = {month: number for number, month in enumerate(_calendar(origins, months))}
    ending = {place[origin]: origin for origin in origins}
    ages = range(1, settings.horizon_months + 1)
    level = 1 - (1 - settings.confidence) / max(1, len(ages) - 1)
    fresh, aged = ({age: list[Tally]() for age in ages} for _ in range(2))
    for month in months:  # month by month, as each one's rows are read once
        youngest = ending.get(place[month] - 1)
        for age in ages:
            old = ending.get(place[month] - age)
            if youngest and old:
                fresh[age].append(score(youngest, month))
                aged[age].append(score(old, month))
    return [_aged(age, fresh[age], aged[age], level) for age in ages if len(aged[age]) >= FEWEST]


def _aged(age: int, fresh: Sequence[Tally], aged: Sequence[Tally], level: float) -> Aged:
    found = growth(fresh, aged, level)
    rows = sum(one.rows for one in aged)
    rmse, fresh_rmse = (rmse_of(tallies) for tallies in (aged, fresh))
    figures = map(significant, (rmse, fresh_rmse, found.pct, found.low, found.high))
    return Aged(age, len(aged), rows, *figures)


def growth(first: Sequence[Tally], second: Sequence[Tally], level: float = 0.95) -> Improvement:
    """Return how much larger the second's RMSE is in percent of the first's; a unit is a month."""
    a, b = (np.sqrt([one.squares for one in tallies]) for tallies in (first, second))
    found = Comparison.of(a, b).improvement(level)
    return Improvement(*(0.0 - each for each in (found.pct, found.high, found.low)))


def rmse_of(tallies: Sequence[Tally]) -> float:
    """Return the RMSE over the rows of all these months."""
    return math.sqrt(math.fsum(t.squares for t in tallies) / sum(t.rows for t in tallies))


def too_old(found: Sequence[Aged], beyond_pct: float) -> int | None:
    """Return the first age at which a model is worse than a fresh one by more than that, for sure.

    Its whole interval lies above. None: at no age that was looked at.
    """
    return next((one.age for one in found if one.age > 1 and one.low > beyond_pct), None)


def drifted(own: Tally, month: Tally, beyond_pct: float, false_alarm_pct: float) -> bool:
    """Return whether a month's errors are larger than those a model had on its own test rows.

    The RMSE is larger by more than `beyond_pct`, and by more than chance, as one of two tests says
    at half of `false_alarm_pct` each: of months without a change not more than so many percent are
    told. To learn anew when errors leave the level that chance allows is the rule of Gama, Medas,
    Castillo and Rodrigues (Learning with drift detection, SBIA 2004), here by the month.
    """
    if not math.isfinite(month.squares):
        return True
    if min(own.rows, month.rows) < 2 or not month.squares:
        return False
    grown = math.inf if not own.squares else rmse_of([month]) / rmse_of([own])
    if grown <= 1 + beyond_pct / 100:
        return False
    return min(larger(own, month), farther(own, month)) < false_alarm_pct / 200


def larger(own: Tally, month: Tally) -> float:
    """Return how probable so large a mean squared error is by chance.

    The logarithms of both are nearly normal and independent, each with the variance that the delta
    method gives it; the test is Welch's (Biometrika 34, 1947).
    """
    if not own.squares:
        return 0.0
    away = math.log(month.squares / month.rows) - math.log(own.squares / own.rows)
    first, second = _variance(own), _variance(month)
    both = first + second
    if not both:
        return float(away <= 0)
    freedom = both**2 / (first**2 / (own.rows - 1) + second**2 / (month.rows - 1))
    return float(stats.t.sf(away / math.sqrt(both), freedom))


def _variance(tally: Tally) -> float:
    """Return the variance of the logarithm of a mean squared error."""
    mean = tally.squares / tally.rows
    return max(tally.fourth / tally.rows / mean**2 - 1, 0.0) / (tally.rows - 1)


def farther(own: Tally, month: Tally) -> float:
    """Return how probable it is by chance that so many errors lie beyond the FAR largest own ones.

    A few errors that are very large make any mean uncertain; counting them does not. Exact,
    whatever the errors' distribution: the exceedance test of Gumbel and von Schelling (Annals of
    Mathematical Statistics 21, 1950). Errors of one bucket of the tally count as not beyond.
    """
    if not own.sizes or not month.sizes:
        return 1.0
    most, above, edge = math.ceil(FAR * own.rows), 0, 0
    for edge in sorted(own.sizes, reverse=True):
        if above + own.sizes[edge] >= most:
            break
        above += own.sizes[edge]
    beyond = sum(count for bucket, count in month.sizes.items() if bucket > edge)
    if not beyond:
        return 1.0
    # Of so many largest errors of both together, no more than `above` are own ones.
    drawn = beyond + above
    return float(stats.hypergeom.cdf(above, own.rows + month.rows, own.rows, drawn))


def policies(
    origins: Sequence[str],
    months: Sequence[str],
    score: Score,
    own: Mapping[str, Tally],
    settings: BacktestParams,
    beyond_pct: float,
    age: int | None = None,
) -> tuple[list[Policy], dict[str, dict[str, float | None]]]:
    """Return what each habit would have cost, and its RMSE by month; None of a diverged model.

    Of the months after the first model. `own` are the models' errors on their own test rows; `age`
    is one that no model shall reach, for a habit of its own.
    """
    seen = [month for month in months if month > origins[0]]
    habits: dict[str, Callable[[str, str, Tally], bool]] = {
        MONTHLY: lambda *_: True,
        NEVER: lambda *_: False,
        ON_DRIFT: lambda model, _, found: drifted(
            own[model], found, beyond_pct, settings.false_alarm_pct
        ),
    }
    if age is not None and age > 2:
        habits[f"every {age - 1} months"] = lambda model, month, _: apart(model, month) >= age - 1
    walked = {name: walk(origins, seen, score, habit) for name, habit in habits.items()}
    monthly = walked[MONTHLY][0]
    found = []
    for name, (tallies, trained) in walked.items():
        more = growth(monthly, tallies, settings.confidence)
        excess, low, high = map(significant, (more.pct, more.low, more.high))
        rmse = significant(rmse_of(tallies))
        found.append(Policy(name, rmse, len(trained), excess, low, high, tuple(trained)))
    by_month = {
        month: {name: _finite(tallies[number].rmse) for name, (tallies, _) in walked.items()}
        for number, month in enumerate(seen)
    }
    return found, by_month


def _finite(value: float) -> float | None:
    return significant(value) if math.isfinite(value) else None


def walk(
    origins: Sequence[str],
    months: Sequence[str],
    score: Score,
    anew: Callable[[str, str, Tally], bool],
) -> tuple[list[Tally], list[str]]:
    """Return a habit's errors by month, and the months that its trainings ended with.

    `anew` tells, once a month is over, whether to train on what has come, by the model that was
    used, the month and its errors.
    """
    model, trained, found = origins[0], [origins[0]], []
    known = set(origins)
    for month in months:
        found.append(score(model, month))
        if month in known and month != months[-1] and anew(model, month, found[-1]):
            model = month
            trained.append(month)
    return found, trained


def apart(first: str, second: str) -> int:
    """Return by how many months a month is later.

    >>> apart("2023-11", "2024-02")
    3
    """
    return int((np.datetime64(second, "M") - np.datetime64(first, "M")).astype(int))


def _calendar(*names: Sequence[str]) -> list[str]:
    every = sorted(set().union(*names))
    return [
        str(month) for month in np.arange(every[0], np.datetime64(every[-1]) + 1, dtype="M8[M]")
    ]


def told(found: Sequence[Aged] | Sequence[Policy]) -> list[dict[str, object]]:
    """Return them ready for JSON, in which nothing is infinite."""
    rows = (asdict(one) for one in found)
    return [
        {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
        for row in rows
    ]
