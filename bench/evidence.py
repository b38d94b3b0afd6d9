"""How often the promotion rule is right: pairs of models are simulated whose errors are known.

    python -m bench.evidence

Each pair's errors on the same rows are drawn, compared as register compares them, and decided by
the very rule. Beside it stands what could be found at all, and what a rule does that bounds errors.
Writes the tables of docs/registry.md: from the same seeds the same figures.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from bench.docs import ROOT, put
from sales.judging.evidence import Comparison
from sales.registry.promotion import Candidate, Compared, Incumbent, decide

PAIRS = 500
ROWS = (30, 200, 2_000, 20_000)
SHARED = (0.0, 0.5, 0.9)  # of the errors' variance: what both models miss alike
LEAST = 1.0  # register.min_improvement_pct, as committed
APART = 0.97  # the better model's true RMSE, of the other one's
BOUND = 3.0  # RMSEs, at which the rule that is tried beside ours cuts errors off
TWO_SIDED, ONE_SIDED = 1.959964, 1.644854  # of the normal: 2.5 % and 5 % lie above

Draw = Callable[[np.random.Generator, int], np.ndarray]


class Tail(NamedTuple):
    """A distribution of errors with variance 1.

    `fourth` is its fourth moment, `information` Fisher's on the logarithm of its scale, of a row.
    """

    draw: Draw
    fourth: float
    information: float


def student(degrees: int) -> Tail:
    """Return Student's distribution, scaled to the variance 1."""
    scale = math.sqrt(degrees / (degrees - 2))
    fourth = 3 + 6 / (degrees - 4) if degrees > 4 else math.inf
    told = 2 * degrees / (degrees + 3)
    return Tail(lambda rng, rows: rng.standard_t(degrees, rows) / scale, fourth, told)


TAILS = {
    "normal": Tail(lambda rng, rows: rng.standard_normal(rows), 3, 2),
    "heavy (t, 6 degrees)": student(6),
}
VERY_HEAVY = {"very heavy (t, 3 degrees)": student(3)}
HEADER = (
    *("errors", "shared", "rows"),
    *("equal: beyond chance", "equal: replaced", "3 % better: replaced", "10 % better: replaced"),
)
MOST = (
    *("errors", "shared", "3 % better: at most found", "if 5 % of the equal were let through"),
    *("if the shape were known", "rows to find 95 of 100"),
)
UNLIKE = (
    *("champion's errors", "candidate's errors", "rows"),
    *("equal: replaced", "equal: replaced by bounded errors"),
)


def main() -> None:
    """Simulate, print the tables, and put them into the page."""
    for name, header, lines in (
        ("evidence", HEADER, alike()),
        ("evidence most", MOST, most()),
        ("evidence unlike", UNLIKE, unlike()),
    ):
        text = table(header, lines)
        print(text)
        put(ROOT / "docs" / "registry.md", name, f"{text}\n")


def table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown; columns of figures, from `shared` or `rows` on, to the right."""
    words = next(at for at, name in enumerate(header) if name in ("shared", "rows"))
    ruler = ["---"] * words + ["---:"] * (len(header) - words)
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, ruler, *lines))


def alike() -> Iterator[tuple[str, ...]]:
    """Yield what came of PAIRS pairs of each kind, in percent: both models' errors of one shape."""
    for (tail, of), shared, count in product(TAILS.items(), SHARED, ROWS):
        rng = np.random.default_rng(count)
        equal = [pair(rng, (of, of), count, shared, 1.0) for _ in range(PAIRS)]
        better = [
            [pair(rng, (of, of), count, shared, ratio) for _ in range(PAIRS)]
            for ratio in (APART, 0.9)
        ]
        shares = (
            [found.low > 0 for found in equal],
            *([replaces(found) for found in pairs] for pairs in (equal, *better)),
        )
        told = (f"{100 * np.mean(share):.1f} %" for share in shares)
        yield (tail, f"{100 * shared:.0f} %", f"{count:,}", *told)


def most() -> Iterator[tuple[str, ...]]:
    """Yield what any rule can find of models APART on the most rows, and how many it would take.

    Where nothing is known of the errors' distribution, no estimate of a ratio of mean squares is
    nearer than that of the rows' own means (van der Vaart, Asymptotic Statistics, 1998, 25.3), so
    no rule with the same share of equal models replaced finds more than one by its deviation. With
    the shape known, and nothing shared, the deviation is that of maximum likelihood.
    """
    apart, rows = -math.log(APART), ROWS[-1]
    for (tail, of), shared in product(TAILS.items(), SHARED):
        of_a_row = math.sqrt(spread(of.fourth, shared))
        far = apart * math.sqrt(rows) / of_a_row
        known = apart * math.sqrt(rows * of.information / 2)
        yield (
            *(tail, f"{100 * shared:.0f} %"),
            *(f"{100 * ndtr(far - end):.1f} %" for end in (TWO_SIDED, ONE_SIDED)),
            "" if shared else f"{100 * ndtr(known - TWO_SIDED):.1f} %",
            f"{math.ceil((of_a_row * (TWO_SIDED + ONE_SIDED) / apart) ** 2):,}",
        )


def spread(fourth: float, shared: float) -> float:
    """Return the variance that a row has in the logarithm of the ratio of two RMSEs.

    Both errors are sums of a shared and an own part of that fourth moment, in these shares.

    >>> spread(3.0, 0.0), spread(6.0, 0.0)
    (1.0, 2.5)
    """
    own = 1 - shared
    squares = (fourth - 3) * (shared**2 + own**2) + 2
    both = fourth * shared**2 + 2 * shared * own + own**2 - 1
    return (squares - both) / 2


def unlike() -> Iterator[tuple[str, ...]]:
    """Yield how often equally good models are replaced whose errors are of unlike shapes."""
    (light, normal), *heavier = (TAILS | VERY_HEAVY).items()
    kinds = [((light, normal), other) for other in heavier] + [(heavier[0], (light, normal))]
    for ((old, first), (new, second)), count in product(kinds, ROWS):
        rng = np.random.default_rng(count)
        shares = (
            [replaces(pair(rng, (first, second), count, 0.0, 1.0, most)) for _ in range(PAIRS)]
            for most in (math.inf, BOUND)
        )
        yield (old, new, f"{count:,}", *(f"{100 * np.mean(share):.1f} %" for share in shares))


def pair(
    rng: np.random.Generator,
    tails: tuple[Tail, Tail],
    rows: int,
    shared: float,
    ratio: float,
    most: float = math.inf,
) -> Compared:
    """Return how two models compare whose true RMSEs stand in a ratio, candidate to incumbent.

    `tails` are the incumbent's and the candidate's; errors beyond `most` count as that.
    """
    both = tails[0].draw(rng, rows)
    parts = math.sqrt(shared), math.sqrt(1 - shared)
    old, new = (parts[0] * both + parts[1] * tail.draw(rng, rows) for tail in tails)
    old, new = (np.clip(errors, -most, most) for errors in (old, ratio * new))
    ends = Comparison.of(old, new).improvement()
    first, second = (math.sqrt(float(np.square(errors).mean())) for errors in (new, old))
    return Compared(first, second, ends.low, ends.high, rows, "simulated rows")


def replaces(found: Compared) -> bool:
    """Return whether the rule makes the candidate champion."""
    candidate = Candidate("new", "new", found.candidate_rmse, frozenset())
    return decide(candidate, Incumbent("old", "old", found), LEAST).promote


if __name__ == "__main__":
    main()
