"""What `make watch` found, in tables and words."""

import pandas as pd
import pytest

from tests import watch_answers as example
from ui import watched


def test_the_error_over_time_is_measured_where_truths_are_and_else_estimated():
    found = example.found(3)
    table = watched.errors(found)
    assert table["which"].tolist() == ["Measured", "Measured", "Estimated"]
    assert table["value"].tolist() == [2.2, 2.2, 2.3]
    assert table["at"].tolist()[0] == pd.Timestamp("2026-11-01 12:00", tz="UTC")
    neither = {**found["windows"][0], "error": None, "estimated": None}
    assert len(watched.errors({**found, "windows": [neither, *found["windows"][1:]]})) == 2


def test_coverage_is_of_the_windows_that_tell_it():
    found = example.found(3)
    assert watched.coverage(found)["value"].tolist() == [88.0, 88.0]
    untold = {**example.error(2.0), "coverage_pct": None}
    found["windows"][0] = example.window(0, error=untold)
    assert len(watched.coverage(found)) == 1


def test_a_fields_drift_is_told_over_time_with_what_it_comes_to():
    table = watched.drift(example.found(3), "UnitPrice")
    assert table["distance"].tolist() == [0.05, 0.05, 0.35]
    assert table["level"].tolist() == ["As ever", "As ever", "Alarm"]
    assert watched.drift(example.found(3), "Tax").empty


def test_the_field_that_moved_farthest_is_offered_first():
    assert watched.fields(example.found(3)) == ["UnitPrice", "Brand", "(prediction)"]
    assert watched.fields(example.found(0)) == []


def test_more_than_chance_that_is_small_is_no_alarm():
    assert watched.level(example.moved("Tax", 0.08, threshold=0.05)) == "More than chance"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (example.found(0), "No orders were answered in the time that was looked at."),
        (
            example.found(3, calm=True),
            "Nothing out of the ordinary in the last window, 2026-11-03.",
        ),
        (example.found(3), "3 alarms in the last window, 2026-11-03."),
        (
            {**example.found(2, calm=True), "alarms": [1, 2]},
            "Nothing out of the ordinary in the last window, 2026-11-02. "
            "Before, there were 2 alarms.",
        ),
        ({**example.found(1), "state": "unknown", "why": "No reference."}, "No reference."),
    ],
)
def test_how_it_stands_is_said_in_a_sentence(found, said):
    assert watched.verdict(found) == said


def test_a_newest_window_that_is_not_judged_is_told_of_and_the_last_judged_one_is_shown():
    found = example.found(3, calm=True)
    found["windows"][-1] |= {"judged": None, "why": "12 rows are too few.", "drift": []}
    assert watched.unjudged(found) == (
        "The newest window, 2026-11-03, is not judged: 12 rows are too few."
    )
    assert watched.last(found) is found["windows"][1]
    assert watched.unjudged(example.found(3)) == ""


def test_the_last_windows_alarms_stand_apart_from_earlier_ones():
    newest, earlier = watched.alarms(example.found(12))
    assert [one["field"] for one in newest] == ["UnitPrice", "(prediction)", "Brand"]
    assert [one["kind"] for one in earlier] == ["rmse"]
    assert watched.what(newest[1]).startswith("The prediction lies 0.35 SD")
    assert "what sends the prediction has changed" in watched.to_do(newest[1])


def test_the_figures_of_the_last_window_stand_beside_what_is_promised():
    calm = {
        label: (value, beside)
        for label, value, beside in watched.headline(example.found(1, calm=True))
    }
    assert calm == {
        "Orders answered": ("960", None),
        "In an hour": ("40", None),
        "Typical error": ("$2.20", "promised $2.20"),
        "Within its range": ("88.0 %", "promised 90 %"),
        "Too low on average by": ("$0.5000", None),
        "Came true so far": ("700", "72.9 % of them"),
    }
    found = {label: value for label, value, _ in watched.headline(example.found(1))}
    assert found["Typical error, estimated"] == "$2.30"
    assert found["Came true so far"] == "0"
    assert watched.headline(example.found(0)) == []


def test_the_groups_that_grew_most_beside_their_promise_stand_first():
    table = watched.slices(example.window(0), "$")
    assert table["Group"].tolist() == ["UnitPrice<50", "Category=Books", "City=Austin"]
    assert table["Promised"].tolist() == ["$2.20", "$2.20", ""]
    assert watched.slices(example.alarmed(0), "$").empty


def test_how_far_a_field_is_off_is_said_in_its_own_unit():
    assert watched.far(example.BRANDS) == (
        "4.0 % of the rows have moved to another value; chance reaches 5.0 %"
    )
    assert watched.far(example.PRICES).startswith("0.35 standard deviations from")


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("2026-11-01T00:00:00+00:00", "2026-11-02T00:00:00+00:00", "2026-11-01"),
        ("2026-11-02T00:00:00+00:00", "2026-11-09T00:00:00+00:00", "2026-11-02 to 2026-11-09"),
        (
            "2026-11-02T08:15:00+02:00",
            "2026-11-02T09:00:00+00:00",
            "2026-11-02 06:15 to 2026-11-02 09:00",
        ),
    ],
)
def test_a_windows_time_is_told_in_utc(start, end, said):
    assert watched.span({"start": start, "end": end}) == said


def test_bad_cells_and_refusals_are_told_in_words():
    table = watched.quality(example.alarmed(0))
    assert table.to_numpy().tolist() == [["Brand", "Never seen in training", "3.1 %", "0 %"]]
    assert watched.refused(example.window(0)) == "Refused in that time: 3 missing."
    assert watched.refused(example.window(0, refused=None)) == ""


def test_a_change_of_the_model_is_told_in_words():
    told = watched.changes(example.found(12))
    assert told["said"].tolist() == [
        "XGBoost, version 2: promoted",
        "Linear regression, version 3: promoted",
    ]
