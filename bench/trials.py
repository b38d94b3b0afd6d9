"""How often the verdicts of trials are right, and how many truths they take: `make bench-trials`.

    python -m bench.trials

Errors are drawn, and looked at after every single truth by the very formulas that judge a trial.
"real" are the errors of two models of the last `make repro` on the test rows, drawn with
replacement; the others are made up. Equal models are two whose labels are tossed anew for each
row: whatever the errors are, neither is better. Beside it stands the usual test at 5 %, looked at
once a day, each 100 truths. Writes the tables of docs/trials.md: from the same seeds the same.
"""

import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.docs import ROOT, put
from sales.trials import confidence_sequence, losses, paired_sums
from sales.trials.verdict import Rules

TRIALS, TRUTHS, DAY = 1_000, 10_000, 100
BLOCK = 25  # trials that are drawn at once: 30 MB
BETTER_PCT, MOST = 5.0, 40_000
CUSTOMERS = 1_000
RULES = Rules(alpha=0.05, margin_pct=1.0, least_units=300, tightest_at=2_000)
NORMAL_95 = 1.959964
REAL = ("hist_gradient_boosting", "xgboost")
PREPARED = ROOT / "data" / "prepared" / "test.parquet"
# Errors of two models on the same rows.
Draw = Callable[[np.random.Generator, tuple[int, int]], tuple[np.ndarray, np.ndarray]]
EQUAL_HEADER = (
    *("errors", "compared by"),
    *("interval without zero, ever", "wrong verdict", "verdict `equal`", "usual test, daily"),
)
BETTER_HEADER = ("errors", "compared by", "found", "rows: median", "rows: 90th percentile")
CUSTOMERS_HEADER = ("a customer's rows", "each row its own unit", "each customer a unit")


@dataclass(frozen=True)
class Course:
    """What a sequence tells of trials by truths, (trials, truths) each, in percent of RMSE."""

    improvement: np.ndarray
    low: np.ndarray
    high: np.ndarray
    z: np.ndarray  # the usual test's statistic

    def better(self, rules: Rules) -> np.ndarray:
        """Return where the verdict would be better, as verdict.decided has it."""
        worth = self.improvement >= rules.margin_pct
        return (self.low > 0) & worth & ~self.equal(rules)

    def equal(self, rules: Rules) -> np.ndarray:
        """Return where it would be equal."""
        return (self.low >= -rules.margin_pct) & (self.high <= rules.margin_pct)

    def worse(self, rules: Rules) -> np.ndarray:
        """Return where it would be worse."""
        return (self.high < 0) & ~self.equal(rules)


def course(champion: np.ndarray, challenger: np.ndarray, rules: Rules) -> Course:
    """Return what errors, (trials, truths) each, tell after every truth from `least_units` on."""
    lost = losses.of(champion, rules.loss, rules.bound)
    d = lost - losses.of(challenger, rules.loss, rules.bound)
    units = np.arange(1, d.shape[1] + 1, dtype=float)[rules.least_units - 1 :]
    mean, squares, own = (
        np.cumsum(each, axis=1)[:, rules.least_units - 1 :] / units for each in (d, d * d, lost)
    )
    deviation = np.sqrt(np.maximum(squares - mean**2, 0.0))
    half = deviation * confidence_sequence.width(units, rules.alpha, rules.rate)
    improvement, low, high = (
        losses.improvement_pct(each, own, rules.loss) for each in (mean, mean - half, mean + half)
    )
    return Course(improvement, low, high, np.abs(mean) / deviation * np.sqrt(units))


def shared(noise: Callable[[np.random.Generator, tuple[int, int]], np.ndarray]) -> Draw:
    """Return errors of which half of the variance is what both models miss alike."""

    def draw(rng: np.random.Generator, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        both, one, other = (noise(rng, size) for _ in range(3))
        return math.sqrt(0.5) * (both + one), math.sqrt(0.5) * (both + other)

    return draw


def of_models(folder: Path = ROOT / "models", table: Path = PREPARED) -> Draw:
    """Return the errors of two models on the same test rows, drawn with replacement.

    The second one's are made as large as the first one's, by their RMSE.
    """
    import pandas as pd

    from sales.models import saved

    rows = pd.read_parquet(table)
    models = [saved.load(folder / name) for name in REAL]
    truth = rows[models[0].featuriser.target].to_numpy()
    one, other = (model.predict(rows) - truth for model in models)
    other *= math.sqrt(float(one @ one) / float(other @ other))

    def draw(rng: np.random.Generator, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        at = rng.integers(len(one), size=size)
        return one[at], other[at]

    return draw


def tossed(draw: Draw) -> Draw:
    """Return errors of equal models: which is which is tossed for each row."""

    def equal(rng: np.random.Generator, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        one, other = draw(rng, size)
        swap = rng.random(size) < 0.5
        return np.where(swap, other, one), np.where(swap, one, other)

    return equal


NORMAL = shared(lambda rng, size: rng.standard_normal(size))
HEAVY = shared(lambda rng, size: rng.standard_t(3, size))


@dataclass(frozen=True)
class Wrong:
    """Shares of trials of equal models."""

    missed: float  # the interval was without zero at any time
    verdict: float  # the first verdict was better or worse
    equal: float  # it was equal
    usual: float  # the usual test, looked at daily, told them apart on any day


def of_equal(
    draw: Draw, rules: Rules, trials: int = TRIALS, truths: int = TRUTHS, seed: int = 1
) -> Wrong:
    """Return how trials of equal models end that are looked at after every truth."""
    rng, found = np.random.default_rng(seed), []
    days = np.arange(rules.least_units, truths + 1) % DAY == 0
    for at in range(0, trials, BLOCK):
        size = (min(BLOCK, trials - at), truths)
        told = course(*tossed(draw)(rng, size), rules)
        wrong, equal = told.better(rules) | told.worse(rules), told.equal(rules)
        spoke = (wrong | equal).any(axis=1)
        first = (wrong | equal).argmax(axis=1)
        at_first = np.take_along_axis(wrong, first[:, None], axis=1)[:, 0]
        found.append(
            np.array(
                [
                    ((told.low > 0) | (told.high < 0)).any(axis=1),
                    spoke & at_first,
                    spoke & ~at_first,
                    (told.z[:, days] > NORMAL_95).any(axis=1),
                ]
            )
        )
    return Wrong(*np.concatenate(found, axis=1).mean(axis=1).tolist())


def of_better(
    draw: Draw, rules: Rules, trials: int = TRIALS, truths: int = MOST, seed: int = 2
) -> np.ndarray:
    """Return after how many truths each trial finds a challenger BETTER_PCT better; inf: never."""
    rng, found = np.random.default_rng(seed), []
    for at in range(0, trials, BLOCK):
        champion, challenger = draw(rng, (min(BLOCK, trials - at), truths))
        told = course(champion, (1 - BETTER_PCT / 100) * challenger, rules).better(rules)
        first = told.argmax(axis=1) + float(rules.least_units)
        found.append(np.where(told.any(axis=1), first, np.inf))
    return np.concatenate(found)


def of_customers(
    rules: Rules, most_rows: int, trials: int = TRIALS, truths: int = TRUTHS, seed: int = 3
) -> tuple[float, float]:
    """Return how often equal models are told apart where a customer has many rows.

    By rows, and by customers. A customer's rows share half of d's variance, customers have from one
    to `most_rows` rows, and rows come in any order; it is looked each DAY truths.
    """
    rng, wrong = np.random.default_rng(seed), np.zeros(2)
    for _ in range(trials):
        weights = rng.integers(1, most_rows + 1, CUSTOMERS).astype(float)
        who = rng.choice(CUSTOMERS, truths, p=weights / weights.sum())
        d = rng.standard_normal(CUSTOMERS)[who] + rng.standard_normal(truths)
        lost, rows, sums = np.zeros(CUSTOMERS), np.zeros(CUSTOMERS), np.zeros(CUSTOMERS)
        apart = paired_sums.PairedSums()
        ever = np.zeros(2, bool)
        for at in range(0, truths, DAY):
            now = slice(at, at + DAY)
            rows += np.bincount(who[now], minlength=CUSTOMERS)
            sums += np.bincount(who[now], d[now], CUSTOMERS)
            apart += paired_sums.PairedSums.of(d[now], np.ones(DAY))
            seen = rows > 0
            grouped = paired_sums.of_units(rows[seen], sums[seen], lost[seen])
            for number, told in enumerate((apart, grouped)):
                if told.units >= rules.least_units:
                    half = confidence_sequence.width(np.array(told.units), rules.alpha, rules.rate)
                    ever[number] |= abs(told.mean) > told.deviation * float(half)
        wrong += ever
    return wrong[0] / trials, wrong[1] / trials


def cases() -> Iterator[tuple[str, str, Draw, Rules]]:
    """Yield the kinds of errors, and by what they are compared."""
    real = of_models()
    # A bound that was set before: some five times the RMSE, of what is known of the champion.
    one, _ = real(np.random.default_rng(0), (1, 20_000))
    bound = 5 * math.sqrt(float(np.square(one).mean()))
    yield "normal", "RMSE", NORMAL, RULES
    yield "real", "RMSE", real, RULES
    yield "real", f"RMSE, errors cut at {bound:.3g}", real, replace(RULES, bound=bound)
    yield "heavy (t, 3 degrees)", "RMSE", HEAVY, RULES
    yield "heavy (t, 3 degrees)", "RMSE, errors cut at 5", HEAVY, replace(RULES, bound=5.0)
    yield "heavy (t, 3 degrees)", "MAE", HEAVY, replace(RULES, loss="absolute")


def main() -> None:
    """Simulate, print the tables, and put them into the page."""
    began = time.perf_counter()
    equal, better = [], []
    for name, by, draw, rules in cases():
        wrong = of_equal(draw, rules)
        shares = (wrong.missed, wrong.verdict, wrong.equal, wrong.usual)
        equal.append((name, by, *(f"{100 * share:.1f} %" for share in shares)))
        print(*equal[-1], sep=" | ", flush=True)
        rows = of_better(draw, rules)
        share = f"{100 * np.isfinite(rows).mean():.1f} %"
        better.append((name, by, share, *(_rows(rows, pct) for pct in (50, 90))))
        print(*better[-1], sep=" | ", flush=True)
    customers = []
    for most in (1, 20):
        told = of_customers(RULES, most)
        customers.append(
            (
                f"ten on average, unequally (1 : {most})" if most > 1 else "ten each, about",
                *map(_pct, told),
            )
        )
        print(*customers[-1], sep=" | ", flush=True)
    page = ROOT / "docs" / "trials.md"
    put(page, "equal", _table(EQUAL_HEADER, equal))
    put(page, "better", _table(BETTER_HEADER, better))
    put(page, "customers", _table(CUSTOMERS_HEADER, customers))
    sys.stdout.write(f"written to {page} after {time.perf_counter() - began:.0f} s\n")


def _rows(found: np.ndarray, pct: float) -> str:
    at = np.percentile(found, pct, method="higher")
    return f"{at:,.0f}" if math.isfinite(at) else f"above {MOST:,}"


def _pct(share: float) -> str:
    return f"{100 * share:.1f} %"


def _table(header: tuple[str, ...], lines: list[tuple[str, ...]]) -> str:
    marks = ("---", *["---:"] * (len(header) - 1))
    return "".join(f"| {' | '.join(line)} |\n" for line in (header, marks, *lines))


if __name__ == "__main__":
    main()
