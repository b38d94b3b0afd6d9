"""Each column of the data in a line."""

import pytest

from tests import watch_answers
from ui import columns_seen
from ui.told import Told

SCHEMA = {
    "target": "TotalAmount",
    "fields": {
        "Quantity": {"role": "numeric", "integer": True, "min": 1, "max": 100},
        "Discount": {"role": "numeric", "min": 0, "max": 1},
        "Brand": {"role": "categorical", "values": ["Apex", "Zenith"]},
        "OrderDate": {"role": "date"},
    },
}
PICTURE = {
    "rows_accepted": 100,
    "called": {},
    "target": {"unit": "$"},
    "numeric": {
        "Quantity": {"bin_start": [1.0, 3.0], "bin_end": [3.0, 5.0], "rows": [60, 40]},
        "Discount": {"bin_start": [0.0], "bin_end": [0.3], "rows": [98]},
        "TotalAmount": {"bin_start": [4.27], "bin_end": [3534.98], "rows": [100]},
    },
    "categorical": {"Brand": {"value": ["Apex", "Zenith"], "rows": [50, 25]}},
}


@pytest.fixture
def known():
    return Told("http://x", SCHEMA, PICTURE, {}, {})


def rows(known, found=None, picture=PICTURE):
    table = columns_seen.table(known, picture, found).map(lambda text: text.replace("\\", ""))
    return {row[0]: tuple(row[1:]) for row in table.to_numpy()}


def test_kind_values_seen_what_is_allowed_and_holes(known):
    assert rows(known) == {
        "Quantity": ("whole number", "1 to 5", "from 1 to 100", "none"),
        "Discount": ("number", "0 % to 30 %", "from 0 to 100 %", "2 (2 %)"),
        "Brand": ("text", "2 values", "2 values", "25 (25 %)"),
        "Order date": ("date", "", "any", ""),
        "Total amount": ("number", "4.27 to 3,534.98", "", "none"),
    }


def test_what_was_watched_tells_the_drift(known):
    found = rows(known, watch_answers.found(3))
    assert found["Brand"][-1] == "As ever"
    assert found["Quantity"][-1] == ""


def test_of_a_column_with_many_values_holes_are_not_told(known):
    many = {"value": [str(n) for n in range(30)], "rows": [1] * 30}
    picture = {**PICTURE, "categorical": {"Brand": many}}
    assert rows(known, picture=picture)["Brand"] == ("text", "30 or more values", "2 values", "")
