"""The matrices come back as the featuriser made them: its columns, in its order."""

import numpy as np
import pandas as pd

from sales.models import matrices
from tests.examples import fitted, make_orders


def test_the_featurised_rows_come_back_bit_by_bit(tmp_path, contract, featurize_params):
    tables = {"train": make_orders(60), "valid": make_orders(20, seed=1)}
    featuriser = fitted(tables["train"], featurize_params, contract)
    featuriser.save(tmp_path / "featuriser.json")
    for part, orders in tables.items():
        written = pd.DataFrame(featuriser.transform(orders), columns=list(featuriser.columns))
        written[contract.target] = orders[contract.target].to_numpy()
        # Whatever the order of the file's columns, the featuriser's is the one that counts.
        written[written.columns[::-1]].to_parquet(tmp_path / f"{part}.parquet")
    featuriser, data = matrices.read(tmp_path)
    assert featuriser == featuriser
    assert data.columns == featuriser.columns
    assert dict(zip(data.columns, data.levels, strict=True))["Category"] == 3
    assert dict(zip(data.columns, data.levels, strict=True))["Quantity"] == 0
    for part, X, y in (("train", data.X, data.y), ("valid", data.X_valid, data.y_valid)):
        assert np.array_equal(X, featuriser.transform(tables[part]), equal_nan=True)
        assert np.array_equal(y, tables[part][contract.target])
