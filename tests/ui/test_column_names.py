"""Which column of a file is which: guessed by the name, said by a person."""

import pytest

from ui import column_names


@pytest.mark.parametrize(
    ("lacking", "columns", "found"),
    [
        (["UnitPrice"], ["unit price"], {"UnitPrice": "unit price"}),
        (["UnitPrice"], ["UNIT_PRICE", "price"], {"UnitPrice": "UNIT_PRICE"}),
        (["Quantity"], ["Quantities"], {"Quantity": "Quantities"}),
        (["Tax"], ["Brand"], {}),
        (["City", "State"], ["Stat", "city"], {"City": "city", "State": "Stat"}),
        (["Größe"], ["GRÖSSE"], {"Größe": "GRÖSSE"}),
    ],
)
def test_a_name_is_known_again_by_its_letters(lacking, columns, found):
    assert column_names.guess(lacking, columns) == found


def test_one_column_is_offered_for_one_name_alone_and_the_exact_one_wins():
    found = column_names.guess(["OrderDates", "OrderDate"], ["order date"])
    assert found == {"OrderDate": "order date"}
