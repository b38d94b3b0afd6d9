"""The data's picture counts every row once, in each column."""

from sales.data import pictures
from tests.examples import pictured


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
