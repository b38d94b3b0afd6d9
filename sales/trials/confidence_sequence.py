r"""An interval for a mean that stays valid however often, and whenever, it is looked at.

After n units with mean m and standard deviation s it is m ± s w(n), with

    w(n) = sqrt( (n r² + 1) / (n² r²) · 2 log( sqrt(n r² + 1) / alpha ) )

It is the asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas,
"Time-uniform central limit theory and asymptotic confidence sequences" (The Annals of Statistics
52, 2024; arXiv 2103.06476, theorem 2.2), Robbins' normal mixture with the standard deviation
estimated. With probability 1 - alpha all intervals, at all n from some first one on, hold the true
mean at once: so one may stop at the first that says something. A usual interval promises that for
one n that was chosen before. What it costs is width: about 1.5 times the usual one at the n* for
which `rate` chose r², and more far away from it.

It is asymptotic as the central limit theorem is: units are independent, have a finite variance,
and there are enough of them. Where their variance is not finite it promises nothing; bound the
losses then (losses.py). `make bench-trials` shows both.
"""

import math

import numpy as np


def rate(alpha: float, tightest_at: float) -> float:
    """Return r², with which the interval is about the tightest after so many units.

    The paper's equation for the optimum, solved to first order of the Lambert function.
    """
    told = -2 * math.log(alpha)
    return (told + math.log(told + 1)) / tightest_at


def width(units: np.ndarray, alpha: float, rate: float) -> np.ndarray:
    """Return half of the interval's width in standard deviations, for each number of units.

    >>> width(np.array([100.0, 2000.0]), 0.05, rate(0.05, 2000)).round(4).tolist()
    [0.4719, 0.0679]
    """
    grown = units * rate + 1
    return np.sqrt(grown / (units**2 * rate) * (np.log(grown) - 2 * math.log(alpha)))


def units_until(width_wanted: float, alpha: float, rate: float) -> float:
    """Return the number of units from which on the interval is no wider; infinite beyond 10^15.

    >>> units_until(0.067, 0.05, rate(0.05, 2000))
    2053
    """
    low, high = 1.0, 1e15
    if not width_wanted > 0 or float(width(np.array(high), alpha, rate)) > width_wanted:
        return math.inf
    while high - low > 0.5:  # the width falls as units grow
        middle = (low + high) / 2
        if float(width(np.array(middle), alpha, rate)) > width_wanted:
            low = middle
        else:
            high = middle
    return math.ceil(high)
