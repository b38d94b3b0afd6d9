"""The learning curve every fit returns: RMSE on train and valid rows, step by step."""

from collections.abc import Sequence

import numpy as np
import pandas as pd


def learning_curve(
    steps: Sequence[int], curves: Sequence[Sequence[float]], most: int = 200
) -> pd.DataFrame:
    """Return the train and valid curve as step, split and rmse, thinned to at most `most` steps.

    RMSE has 6 significant digits: a plot shows no more, and the file stays the same everywhere.
    """
    keep = np.unique(np.linspace(0, len(steps) - 1, min(most, len(steps))).round().astype(int))
    return pd.DataFrame(
        [
            (steps[i], split, float(f"{curve[i]:.6g}"))
            for split, curve in zip(("train", "valid"), curves, strict=True)
            for i in keep
        ],
        columns=["step", "split", "rmse"],
    )
