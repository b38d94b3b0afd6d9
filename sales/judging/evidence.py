"""Whether one model is better than another by more than chance: paired, on the same rows.

Both models' squared errors of the same rows are added up, with their squares and products. These
sums merge over partitions, and give the ratio of the two errors with its standard error.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

SURE, FOUND = 1.959964, 1.644854  # deviations: of a 95 % interval's half, below 95 of 100


@dataclass(frozen=True)
class Improvement:
    """How much lower the second model's RMSE is, in percent of the first's, and between what."""

    pct: float
    low: float
    high: float

    @property
    def beyond_chance(self) -> bool:
        """Whether the whole interval speaks for the second model."""
        return self.low > 0


@dataclass(frozen=True)
class Comparison:
    """Sums over units: rows, or groups of rows that are not independent of one another.

    `a` and `b` are the first and the second model's squared errors of a unit, added up.
    """

    units: int = 0
    a: float = 0.0
    b: float = 0.0
    aa: float = 0.0
    bb: float = 0.0
    ab: float = 0.0

    @classmethod
    def of(
        cls, first: "np.ndarray", second: "np.ndarray", groups: "np.ndarray | None" = None
    ) -> "Comparison":
        """Return the sums of two models' errors of the same rows; `groups` are a row's keys.

        All rows of a group must be given together.
        """
        import numpy as np  # here, not above: register seldom compares, and starts sooner

        a, b = np.square(first, dtype=np.float64), np.square(second, dtype=np.float64)
        if groups is not None:
            _, of = np.unique(groups, return_inverse=True)
            a, b = np.bincount(of, a), np.bincount(of, b)
        products = (math.fsum(x) for x in (a, b, a * a, b * b, a * b))
        return cls(len(a), *products)

    def __add__(self, other: "Comparison") -> "Comparison":
        """Return the sums over the units of both."""
        mine, its = vars(self), vars(other)
        return Comparison(**{name: mine[name] + its[name] for name in mine})

    def improvement(self, level: float = 0.95) -> Improvement:
        """Return how much lower the second RMSE is, with its interval of that confidence.

        The logarithm of the ratio of two sums B / A over n units has, by the delta method, the
        variance n / (n - 1) * sum((b / B - a / A)^2) (Cochran, Sampling Techniques, 1977, ch. 6);
        half of the logarithm is that of the RMSEs' ratio. Its interval is Student's with n - 1
        degrees of freedom, and goes back through the exponential, so that it stays below 100 %.

        >>> import numpy as np
        >>> first, second = np.array([2.0, -2.0, 2.0]), np.array([1.0, 1.0, -1.0])
        >>> Comparison.of(first, second).improvement()
        Improvement(pct=50.0, low=50.0, high=50.0)
        """
        if not self.a or not self.b or self.units < 2:
            return self._without_a_ratio()
        spread = self.bb / self.b**2 + self.aa / self.a**2 - 2 * self.ab / (self.a * self.b)
        deviation = math.sqrt(max(spread, 0.0) * self.units / (self.units - 1)) / 2
        from scipy.special import stdtrit  # as above

        away = float(stdtrit(self.units - 1, (1 + level) / 2)) * deviation
        middle = math.log(self.b / self.a) / 2
        low, pct, high = (100 * (1 - math.exp(middle + d)) for d in (away, 0.0, -away))
        return Improvement(pct, low, high)

    def _without_a_ratio(self) -> Improvement:
        """Return what is known where a model makes no error at all, or there is one unit."""
        pct = 100 * (1 - math.sqrt(self.b / self.a)) if self.a else 0.0 if not self.b else -math.inf
        if self.units < 2:
            return Improvement(pct, -math.inf, 100.0)
        return Improvement(pct, pct, pct)


def least_found(low: float, high: float) -> float | None:
    """Return the least true improvement, in percent, that is found 95 times of a hundred.

    On rows like those that gave a 95 % interval from `low` to `high`; None where it has no end. The
    end of such an interval is then above zero so often: it lies half an interval below what is
    seen, which itself lies FOUND deviations below what is true once in twenty times.

    >>> round(least_found(0.0, 20.0), 2)
    18.55
    """
    if not (math.isfinite(low) and high < 100):
        return None
    half = (math.log1p(-low / 100) - math.log1p(-high / 100)) / 2
    return -100 * math.expm1(-half * (1 + FOUND / SURE))
