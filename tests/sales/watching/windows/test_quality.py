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


def test_unseen_holds_its_promise_where_levels_are_rare():
    """Where Fisher's test, which takes rows for independent, is wrong in one window of a hundred.

    A level that the reference missed brings all of its rows to the window at once.
    """
    rng, found, fisher = np.random.default_rng(4), [], []
    for levels, rows in ((50, 100), (50, 300), (100, 300)):
        for _ in range(1000):
            counts = np.bincount(rng.integers(0, levels, rows), minlength=levels)
            new = rng.binomial(5000, np.mean(counts == 0))
            once, twice = int((counts == 1).sum()), int(2 * (counts == 2).sum())
            found.append(quality.unseen(new, 5000, once, twice, rows))
            fisher.append(quality.more_often(new, 5000, once, rows))
    for p in (0.05, 0.01, 0.001):
        assert np.mean(np.array(found) <= p) <= 2 * p
    assert np.mean(np.array(fisher) <= 0.001) > 0.01
    assert quality.unseen(40, 500, 20, 20, 10_000) < 1e-12  # and it sees what is new
