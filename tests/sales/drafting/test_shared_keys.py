"""Keys that several rows have, by which rows are parted."""

import numpy as np
import pandas as pd
import pytest

from sales.drafting import shared_keys

ROWS = 800


@pytest.fixture
def rows():
    rng = np.random.default_rng(1)
    person = rng.integers(0, 100, ROWS)
    return pd.DataFrame(
        {
            "nr": np.arange(ROWS) // 8,  # as many rows each
            "person_id": person,
            "born": 1950 + (person * 37) % 50,  # which person_id decides
            "y": rng.normal(size=ROWS),
            "shop_id": rng.integers(0, 100, ROWS),  # which decides nothing
            "size": np.arange(ROWS) // 8,
            "row_id": np.arange(ROWS),
            "big_id": np.where(np.arange(ROWS) < 100, 0, np.arange(ROWS) // 8),
            "product_id": np.arange(ROWS) % 50,
            "few_id": np.arange(ROWS) // 100,
        }
    )


@pytest.mark.parametrize(
    ("names", "key"),
    [
        (["nr"], "nr"),
        (["person_id", "nr"], "person_id"),
        (["shop_id"], None),
        (["size"], None),
        (["row_id"], None),
        (["big_id"], None),
        (["few_id"], None),
        (["product_id"], None),
        ([], None),
    ],
)
def test_a_key_is_called_so_and_comes_again_with_something_else(rows, names, key):
    assert shared_keys.find(rows[[*names, "born", "y"]], names) == key
