"""The steps from the average prediction to this one."""

import pytest

from ui import charts, waterfall

KEY = "predicted_total_amount"


def explained(baseline, *amounts, value="x"):
    told = [
        {"feature": f"Feature{number}", "value": value, "amount": amount}
        for number, amount in enumerate(amounts)
    ]
    return {KEY: baseline + sum(amounts), "baseline": baseline, "contributions": told}


def test_each_step_begins_where_the_one_before_ended():
    steps = waterfall.steps(explained(100.0, -60.0, 20.0), KEY, "$")
    assert steps.to_dict("split")["data"] == [
        ["Average prediction", 0.0, 100.0, "", "$100.00"],
        ["Feature0: x", 100.0, 40.0, "Lowers it", "−$60.00"],
        ["Feature1: x", 40.0, 60.0, "Raises it", "+$20.00"],
        ["This prediction", 0.0, 60.0, "", "$60.00"],
    ]


def test_many_features_are_added_up():
    amounts = [50.0 - number for number in range(16)]
    steps = waterfall.steps(explained(100.0, *amounts), KEY, None)
    assert len(steps) == 1 + waterfall.MOST + 1 + 1
    assert steps["label"].iloc[-2] == "8 others"
    assert steps["end"].iloc[-2] == steps["end"].iloc[-1] == 100 + sum(amounts)


def test_features_that_hardly_count_are_added_up():
    steps = waterfall.steps(explained(100.0, 50.0, 0.06, -0.04, 0.01), KEY, "$")
    assert list(steps["label"]) == [
        "Average prediction",
        "Feature0: x",
        "Feature1: x",
        "2 others",
        "This prediction",
    ]
    assert steps["shown"].iloc[-2] == "−$0.03"


def test_one_other_is_named():
    steps = waterfall.steps(explained(100.0, 50.0, 0.0), KEY, "$")
    assert list(steps["label"][1:3]) == ["Feature0: x", "Feature1: x"]
    assert steps["shown"].iloc[2] == "$0.00"


def test_an_order_like_the_average():
    steps = waterfall.steps(explained(100.0, 0.0, 0.0, 0.0), KEY, "$")
    assert set(steps["shown"][1:-1]) == {"$0.00"}
    assert charts.waterfall(steps, "$").to_dict()


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("San Jose", "Unit price: San Jose"),
        (2024, "Unit price: 2024"),
        (270.648, "Unit price: 270.65"),
        (0.05, "Unit price: 0.05"),
        (0.000012345, "Unit price: 1.234e-05"),
        (None, "Unit price: none"),
    ],
)
def test_a_step_is_named_with_the_features_value(value, label):
    told = explained(1.0, 2.0, value=value)
    told["contributions"][0]["feature"] = "UnitPrice"
    assert waterfall.steps(told, KEY, "$")["label"][1] == label


def test_the_chart_draws_the_steps_in_order_with_room_for_their_text():
    steps = waterfall.steps(explained(-10.0, 60.0, -20.0), KEY, "$")
    drawn = charts.waterfall(steps, "$").to_dict()
    bars = drawn["layer"][0]["encoding"]
    assert bars["y"]["sort"] == list(steps["label"])
    low, high = bars["x"]["scale"]["domain"]
    assert low == -10
    assert high > 50


def test_it_is_told_to_those_who_do_not_see_it():
    told = waterfall.told(waterfall.steps(explained(100.0, -60.0), KEY, "$"))
    assert told == "Average prediction $100.00; Feature0: x −$60.00; This prediction $40.00"
