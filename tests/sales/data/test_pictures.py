"""The data's picture counts every row once, in each column."""

from itertools import pairwise

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as drawn

from sales.data import pictures
from sales.judging import charts
from tests.examples import pictured

VALUES = st.floats(-1e9, 1e9) | st.integers(-3, 3).map(float) | st.just(float("nan"))


@given(values=drawn.arrays(float, st.integers(1, 50), elements=VALUES), more=st.floats(0, 10))
def test_a_bin_has_the_values_between_its_edges(values, more):
    known = values[~np.isnan(values)]
    low, high = (known.min(), known.max() + more) if len(known) else (0.0, 1.0)
    edges = charts.edges(low, high, 30)
    found = pictures.bins(pd.DataFrame({"n": values}), {"n": edges})["n"]
    within = [(a <= known) & (known < b) for a, b in pairwise(edges)]
    within[-1] |= known == edges[-1]
    assert found.tolist() == [mine.sum() for mine in within]


def test_the_picture_as_the_service_tells_it(orders, contract):
    numbers, counts = pictured(orders, contract)
    told = pictures.told({"rows_in": len(orders)}, numbers, counts, contract)
    assert told["rows_in"] == len(orders)
    assert list(told["numeric"]) == [*contract.numeric, "TotalAmount"]
    assert list(told["categorical"]) == list(contract.categorical)
    for table in (*told["numeric"].values(), *told["categorical"].values()):
        assert sum(table["rows"]) == len(orders)
    assert told["target"] == {"name": "TotalAmount", "unit": "$"}
    assert told["breakdown"]["Base"] == "Quantity * UnitPrice"
