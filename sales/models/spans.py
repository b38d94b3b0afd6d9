"""The least and the largest value in the train rows, of numbers and of dates."""

from collections.abc import Mapping, Sequence, Set

import numpy as np

Range = tuple[float | str, float | str]  # of numbers, or of days


def of_days(dates: Mapping[str, np.ndarray]) -> dict[str, Range]:
    """Return the range of each date, as days, `2024-06-03`; none where there is no row."""
    return {
        name: (str(days.min().astype("datetime64[D]")), str(days.max().astype("datetime64[D]")))
        for name, days in dates.items()
        if len(days)
    }


def of_numbers(numbers: Mapping[str, np.ndarray], holes: Set[str]) -> dict[str, Range]:
    """Return the range of each column of numbers; none of one that is not finite.

    Those that some row lacks, the `holes`, are NaN there.
    """
    return {
        name: (float(each.min()), float(each.max()))
        for name, all_of in numbers.items()
        for each in [all_of[~np.isnan(all_of)] if name in holes else all_of]
        if len(each) and np.isfinite(each).all()
    }


def merged(partitions: Sequence[Mapping[str, Range]]) -> dict[str, Range]:
    """Return the ranges over all partitions."""
    told = {name: None for each in partitions for name in each}
    return {
        name: (
            min(each[name][0] for each in partitions if name in each),
            max(each[name][1] for each in partitions if name in each),
        )
        for name in told
    }
