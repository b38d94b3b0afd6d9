"""How rows are cut into slices."""

import numpy as np
import pandas as pd
import pytest

from sales.errors import PipelineError
from sales.judging.slices import Slice, within


def test_slice_edges_must_rise():
    with pytest.raises(ValueError, match="edges must rise"):
        Slice(edges=(3, 1))


def test_rows_are_cut_by_value_and_by_band_in_the_order_of_the_parameters():
    table = pd.DataFrame({"Country": ["India", "Canada", "India"], "Price": [9.5, 10.0, 20.0]})
    found = within(table, {"Country": Slice(), "Price": Slice(edges=(10, 20))})
    assert [(key, np.flatnonzero(rows).tolist()) for key, rows in found] == [
        ((0, "India", "Country=India"), [0, 2]),
        ((0, "Canada", "Country=Canada"), [1]),
        ((1, 0, "Price<10"), [0]),
        ((1, 1, "Price=10..20"), [1]),
        ((1, 2, "Price>=20"), [2]),
    ]


def test_an_unknown_column_is_named():
    with pytest.raises(PipelineError, match=r"evaluate: the data has no column 'Colour'"):
        next(within(pd.DataFrame({"Price": [1.0]}), {"Colour": Slice()}))
