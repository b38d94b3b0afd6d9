"""Two answers side by side."""

import math

import pytest

from sales.contract import Column
from ui import what_ifs
from ui.asked import Asked

MODEL = {"alias": "champion", "version": 3, "content_hash": "h"}
FIELDS = {
    "Quantity": Column(role="numeric", integer=True),
    "Discount": Column(role="numeric", min=0, max=1),
    "UnitPrice": Column(role="numeric", unit="$"),
    "Brand": Column(role="categorical"),
}
ORDER = {"Quantity": 2, "Discount": 0.1, "UnitPrice": 100.0, "Brand": "Apex"}


def asked(total, adds=None, within=None, **changes):
    answer = {"predicted": total, "model": MODEL}
    if within:
        answer["prediction_interval"] = {"low": within[0], "high": within[1], "coverage": 0.9}
    explained = "not told"
    if adds is not None:
        told = [{"feature": n, "value": 1, "amount": a} for n, a in adds.items()]
        explained = {"baseline": total - sum(adds.values()), "contributions": told}
    return Asked({**ORDER, **changes}, answer, explained)


def table(first, second):
    found = what_ifs.table(first, second, FIELDS, "predicted", "$")
    return [tuple(row) for row in found.to_numpy()]


def test_only_the_fields_that_differ_are_shown_each_in_its_own_way():
    first = asked(200.0, within=(190.0, 210.0))
    second = asked(150.0, within=(140.0, 160.0), Quantity=1, Discount=0.25, Brand="Zenith")
    assert table(first, second) == [
        ("Quantity", "2", "1", "−1"),
        ("Discount", "10 %", "25 %", "+15 %"),
        ("Brand", "Apex", "Zenith", ""),
        ("From", "$190.00", "$140.00", "−$50.00"),
        ("To", "$210.00", "$160.00", "−$50.00"),
        ("Prediction", "$200.00", "$150.00", "−$50.00"),
    ]


def test_a_field_that_one_model_does_not_ask_for_differs():
    first, second = asked(1.0), asked(1.0)
    del second.order["UnitPrice"]
    assert table(first, second)[0] == ("Unit price", "$100.00", "not known", "")


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (200.0, 150.0, "$50.00 (25.0 %) less than the one that was kept."),
        (200.0, 203.0, "$3.00 (1.5 %) more than the one that was kept."),
        (200.0, 200.001, "Both come to $200.00."),
        (0.0, 5.0, "$5.00 more than the one that was kept."),
    ],
)
def test_the_difference_is_said_in_a_sentence(first, second, said):
    assert what_ifs.said(asked(first), asked(second), "predicted", "$") == said


def test_both_whys_add_up_to_both_predictions_and_the_largest_difference_is_first():
    first = asked(10.0, {"Quantity": 3.0, "UnitPrice": 2.0})
    second = asked(14.0, {"Quantity": 3.0, "UnitPrice": 5.0, "Brand": 1.0})
    whys = what_ifs.whys(first, second)
    assert whys["label"].tolist()[:2] == ["Unit price", "Brand"]
    assert math.isclose(whys["first"].sum(), 10.0)
    assert math.isclose(whys["second"].sum(), 14.0)
    assert math.isclose(whys["difference"].sum(), 4.0)


def test_many_features_are_summed_up_and_still_add_up():
    adds = {f"F{number}": float(number) for number in range(20)}
    whys = what_ifs.whys(asked(300.0, adds), asked(310.0, {**adds, "F3": 13.0}))
    assert len(whys) == what_ifs.MOST + 1
    assert whys["label"].tolist()[-1] == "13 others"
    assert math.isclose(whys["second"].sum(), 310.0)
    assert whys["label"].tolist()[0] == "F3"


def test_without_both_whys_there_is_none():
    assert what_ifs.whys(asked(1.0), asked(1.0, {"Quantity": 1.0})) is None


def test_what_was_changed_since_the_answer_before_is_said():
    assert what_ifs.changes(None, asked(1.0), FIELDS) == "the first one"
    assert what_ifs.changes(asked(1.0), asked(1.0), FIELDS) == "nothing"
    found = what_ifs.changes(asked(1.0), asked(1.0, Discount=0.3, Brand="Zenith"), FIELDS)
    assert found == "Discount: 30 %, Brand: Zenith"
