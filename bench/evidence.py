"""How often the promotion rule is right: pairs of models are simulated whose errors are known.

    python -m bench.evidence

Each pair's errors on the same rows are drawn, compared as register compares them, and decided by
the very rule. Writes the table of docs/registry.md: from the same seeds the same figures.
"""

import math
from collections.abc import Callable, Iterator
from itertools import product

import numpy as np

from bench.docs import ROOT, put
from sales.judging.evidence import Comparison
from sales.registry.promotion import Candidate, Compared, Incumbent, decide

PAIRS = 500
ROWS = (30, 200, 2_000, 20_000)
SHARED = (0.0, 0.5, 0.9)  # of the errors' variance: what both models miss alike
TAILS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal": lambda rng, rows: rng.standard_normal(rows),
    "heavy (t, 6 degrees)": lambda rng, rows: rng.standard_t(6, rows) / math.sqrt(1.5),
}
LEAST = 1.0  # register.min_improvement_pct, as committed
APART = 0.97  # the better model's true RMSE, of the other one's
HEADER = (
    *("errors", "shared", "rows"),
    *("equal: beyond chance", "equal: replaced", "3 % better: replaced", "10 % better: replaced"),
)


def main() -> None:
    """Simulate, print the table, and put it into the page."""
    lines = [HEADER, ("---", *["---:"] * (len(HEADER) - 1)), *rows()]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    print(table)
    put(ROOT / "docs" / "registry.md", "evidence", f"{table}\n")


def rows() -> Iterator[tuple[str, ...]]:
    """Yield what came of PAIRS pairs of each kind, in percent."""
    for (tail, draw), shared, count in product(TAILS.items(), SHARED, ROWS):
        rng = np.random.default_rng(count)
        equal = [pair(rng, draw, count, shared, 1.0) for _ in range(PAIRS)]
        better = [
            [pair(rng, draw, count, shared, ratio) for _ in range(PAIRS)] for ratio in (APART, 0.9)
        ]
        shares = (
            [found.low > 0 for found in equal],
            *([replaces(found) for found in pairs] for pairs in (equal, *better)),
        )
        told = (f"{100 * np.mean(share):.1f} %" for share in shares)
        yield (tail, f"{100 * shared:.0f} %", f"{count:,}", *told)


def pair(
    rng: np.random.Generator,
    draw: Callable[[np.random.Generator, int], np.ndarray],
    rows: int,
    shared: float,
    ratio: float,
) -> Compared:
    """Return how two models compare whose true RMSEs stand in a ratio, candidate to incumbent."""
    both, *own = (draw(rng, rows) for _ in range(3))
    parts = math.sqrt(shared), math.sqrt(1 - shared)
    old, new = (parts[0] * both + parts[1] * each for each in own)
    new = ratio * new
    ends = Comparison.of(old, new).improvement()
    first, second = (math.sqrt(float(np.square(errors).mean())) for errors in (new, old))
    return Compared(first, second, ends.low, ends.high, rows, "simulated rows")


def replaces(found: Compared) -> bool:
    """Return whether the rule makes the candidate champion."""
    candidate = Candidate("new", "new", found.candidate_rmse, frozenset())
    return decide(candidate, Incumbent("old", "old", found), LEAST).promote


if __name__ == "__main__":
    main()
