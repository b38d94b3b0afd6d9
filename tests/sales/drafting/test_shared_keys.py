"""A key that several rows have: found by its name and by how often its values come."""

import numpy as np
import pandas as pd
import pytest

from sales.drafting import shared_keys

ROWS = 600


def numbers(groups):
    return np.arange(ROWS) % groups


@pytest.mark.parametrize(
    ("name", "values", "found"),
    [
        ("nr", numbers(100), True),
        ("CustomerID", numbers(100).astype(str), True),
        ("customer_id", numbers(60), True),
        ("customer_id", numbers(59), False),  # which of them judge would be luck
        ("customer", numbers(100), False),  # not called a key
        ("nr", np.arange(ROWS), False),  # each row has its own
        ("nr", numbers(500), False),  # nearly so
        ("nr", np.where(np.arange(ROWS) < 40, 0, numbers(100)), False),  # one of them is most
    ],
)
def test_what_is_a_key_that_several_rows_have(name, values, found):
    rows = pd.DataFrame({"area": np.arange(ROWS) % 7, name: values})
    assert shared_keys.find(rows, rows.columns) == (name if found else None)
