"""The learning curve every fit returns: RMSE on train and valid rows, step by step."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

MOST = 200  # steps


def kept(steps: int) -> np.ndarray:
    """Return which of so many steps, from 0, the curve shows: the first, the last, some between."""
    return np.unique(np.linspace(0, steps - 1, min(MOST, steps)).round().astype(int))


def learning_curve(
    steps: Sequence[int], curves: Sequence[Sequence[float]], digits: int = 6
) -> pd.DataFrame:
    """Return the train and valid curve as step, split and rmse, thinned to at most MOST steps.

    RMSE has so many significant digits that the file stays the same everywhere.
    """
    keep = kept(len(steps))
    return pd.DataFrame(
        [
            (steps[i], split, float(f"{curve[i]:.{digits}g}"))
            for split, curve in zip(("train", "valid"), curves, strict=True)
            for i in keep
        ],
        columns=["step", "split", "rmse"],
    )
