"""A row of a file as the API takes it."""

import pytest

from sales.contract import Column
from ui import row_of_file, upload_check

FIELDS = {
    "Quantity": Column(role="numeric", integer=True),
    "UnitPrice": Column(role="numeric", missing="allowed"),
    "Brand": Column(role="categorical"),
    "OrderDate": Column(role="date"),
    "Gift": Column(role="boolean"),
}
BODY = b"qty,UnitPrice,Brand,OrderDate,Gift\n2,,Apex,2024-06-30,yes\n3,1.5,Zenith,2024-07-01,no\n"


@pytest.mark.parametrize(
    ("place", "order"),
    [
        (0, {"Quantity": 2, "UnitPrice": None, "Brand": "Apex", "Gift": True}),
        (1, {"Quantity": 3, "UnitPrice": 1.5, "Brand": "Zenith", "Gift": False}),
    ],
)
def test_every_cell_is_what_its_column_means(place, order):
    found = upload_check.check("a.csv", BODY, FIELDS, {})
    found = found.again(FIELDS, {}, names={"Quantity": "qty"})
    told = row_of_file.order(found, place, FIELDS, {})
    assert told.pop("OrderDate") == f"2024-0{6 + place}-{30 if place == 0 else '01'}T00:00:00.000"
    assert told == order
    assert isinstance(told["Quantity"], int)
