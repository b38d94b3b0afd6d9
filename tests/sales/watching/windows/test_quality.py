"""The exact tests of quality, by simulation and against SciPy's."""

import numpy as np
from scipy import stats

from sales.watching.windows import quality


def test_more_often_is_fishers_exact_test():
    expected = stats.fisher_exact([[12, 88], [3, 97]], alternative="greater").pvalue
    assert np.isclose(quality.more_often(12, 100, 3, 100), expected)
    assert quality.more_often(0, 100, 3, 100) == 1


def test_beyond_holds_its_promise_by_simulation():
    """Of windows from where the reference came from, no more than p have a p below it."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(4000):
        reference, window = rng.normal(size=200), rng.normal(size=100)
        outside = np.count_nonzero((window < reference.min()) | (window > reference.max()))
        found.append(quality.beyond(outside, 100, 200))
    for p in (0.2, 0.05, 0.01):
        assert np.mean(np.array(found) <= p) <= p * 1.3
    assert quality.beyond(60, 50, 200) == 0


def test_less_often_is_the_other_tail():
    assert quality.less_often(100, 100, 900, 1000) == 1
    assert quality.less_often(70, 100, 900, 1000) < 1e-6
