"""The true amounts of a scored file, as truths."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa

from ui import truths_kept


def scoring(added, good):
    return SimpleNamespace(added=lambda: pa.table(added), upload=SimpleNamespace(good=good))


def test_rows_with_a_prediction_and_a_finite_truth_are_sent_with_their_ids():
    added = {"RequestId": ["a", "b", None, "d"], "PredictedTotalAmount": [1.0, 2.0, None, 4.0]}
    run = scoring(added, np.array([True, True, False, True]))
    found = truths_kept.table(run, "TotalAmount", np.array([1.5, np.nan, 3.5, 4.5]))
    assert found.to_pydict() == {"RequestId": ["a", "d"], "TotalAmount": [1.5, 4.5]}


def test_without_ids_or_truths_there_is_nothing_to_send():
    good = np.array([True])
    true = np.array([1.0])
    assert truths_kept.table(scoring({"Predicted": [1.0]}, good), "TotalAmount", true) is None
    run = scoring({"RequestId": ["a"]}, good)
    assert truths_kept.table(run, "TotalAmount", np.array([np.nan])) is None
