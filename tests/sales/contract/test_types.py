"""Cells of every type: truth values, codes, dates by their form and zone, numbers of people."""

import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales import params
from sales.contract import Column, Contract, cells, holes
from sales.contract.date_forms import Form, instant
from sales.contract.date_forms import read as read_dates
from sales.contract.expressions import Expression
from sales.errors import PipelineError


def read(raw, **column):
    found = cells.read(pa.chunked_array([raw]), Column(**column))
    return found.values.to_pylist(), found.wrong.tolist()


def day(text):
    return datetime.datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (pa.array([True, False, None]), [1, 0, None]),
        (pa.array([1, 0, 2]), [1, 0, None]),
        (pa.array([1.0, 0.0, float("nan")]), [1, 0, None]),
        (pa.array(["true", "FALSE", "Yes", " no "]), [1, 0, 1, 0]),
        (pa.array(["1", "0", "1.0", "0.0"]), [1, 0, 1, 0]),
        (pa.array(["y", "F", "maybe", "2"]), [1, 0, None, None]),
        (pa.array(["yes", "no"]).dictionary_encode(), [1, 0]),
        (pa.array([datetime.date(2024, 1, 1)]), [None]),
    ],
)
def test_what_says_yes_or_no(raw, expected):
    assert read(raw, role="boolean")[0] == expected


def test_named_words_come_first():
    words = {"true_values": ("ja", "N"), "false_values": ("nein",)}
    values, wrong = read(pa.array(["ja", "nein", "N", "yes", "Ja"]), role="boolean", **words)
    assert values == [1, 0, 1, 1, None]
    assert wrong == [False, False, False, False, True]


@pytest.mark.parametrize(
    "raw",
    [
        pa.array(["0", "0.0", "12.00", "-3.0", "-0.0"]),
        pa.array([0, 0, 12, -3, 0]),
        pa.array([0.0, 0.0, 12.0, -3.0, -0.0]),
        pa.array([0.0, 0.0, 12.0, -3.0, -0.0], pa.float32()),
        pa.array([0.0, 0.0, 12.0, -3.0, -0.0]).dictionary_encode(),
    ],
)
def test_a_code_is_one_value_however_it_is_stored(raw):
    assert read(raw, role="categorical")[0] == ["0", "0", "12", "-3", "0"]


def test_a_code_is_written_as_the_contract_names_it():
    column = {"role": "categorical", "values": ["1.0", 2, "v1.0"]}
    assert Column(**column).values == ("1.0", "2", "v1.0")
    assert read(pa.array(["1", "1.0", "1.00", "2.0", "v1.0"]), **column)[0] == (
        ["1.0", "1.0", "1.0", "2", "v1.0"]
    )


@pytest.mark.parametrize("raw", [[1e15, 2.0**52 + 1], [2.5, 0.1]])
def test_numbers_as_codes_have_no_exponent(raw):
    as_text = [f"{value:.12g}" if value < 10 else f"{value:.0f}" for value in raw]
    assert read(pa.array(raw), role="categorical")[0] == as_text


@pytest.mark.parametrize(
    ("decimal", "text", "value"),
    [
        (",", "1.234,50", 1234.5),
        (",", "1 234,5", 1234.5),
        (",", "1\u202f234,50\u00a0€", 1234.5),
        (",", "−3,5", -3.5),
        (",", "12 %", 0.12),
        (",", "1.234", 1234.0),
        (",", ",5", 0.5),
        (",", "1.234.567,8", 1234567.8),
        (",", "1,5e3", 1500.0),
        (",", "1.5", None),
        (",", "12.34,5", None),
        (",", "1,2,3", None),
        (",", "%", None),
        (",", "EUR", None),
        (".", "$1,234.50", 1234.5),
        (".", "-$5", -5.0),
        (".", "($5.00)", -5.0),
        (".", "5-", -5.0),
        (".", "-(5)", None),
        (".", "(5", None),
        (".", "US$ 3", 3.0),
        (".", "3 CHF", 3.0),
        (".", "1'000'000", 1e6),
        (".", "1,00,000.5", 100000.5),
        (".", "1,23", None),
        (".", "0.1", 0.1),
        (".", "33.3%", 0.333),
        (".", "soon", None),
        (".", "0x10", None),
        (".", "nan", None),
    ],
)
def test_numbers_as_people_write_them(decimal, text, value):
    found, wrong = read(pa.array([text, "7"]), role="numeric", decimal=decimal)
    assert found == [value, 7.0]
    assert wrong[0] == (value is None and text != "nan")


@given(st.floats(0, 1e12).map(lambda value: round(value, 2)), st.sampled_from(",."))
def test_a_number_is_the_same_with_its_digits_grouped(value, decimal):
    english = f"{value:,.2f}"
    swapped = english.replace(",", " ").replace(".", ",").replace(" ", ".")
    text = english if decimal == "." else swapped
    assert read(pa.array([text]), role="numeric", decimal=decimal)[0] == [float(f"{value:.2f}")]


@pytest.mark.parametrize(
    ("raw", "unit", "expected"),
    [
        (
            pa.array(["1:30", "1:30:00", "PT1H30M", "1h 30min", "90", "-0:30"]),
            "minutes",
            [90, 90, 90, 90, 90, -30],
        ),
        (pa.array(["2 days 03:00", "36:00", "soon"]), "hours", [51, 36, None]),
        (pa.array([5_400_000, None], pa.duration("ms")), "hours", [1.5, None]),
        (pa.array([datetime.time(6, 30)], pa.time32("s")), "hours", [6.5]),
        (pa.array([datetime.time(6, 30)], pa.time64("us")), "minutes", [390]),
        (pa.array([1.5, 2.0]), "days", [1.5, 2.0]),
    ],
)
def test_durations(raw, unit, expected):
    assert read(raw, role="numeric", duration=unit)[0] == expected


SUMMER = "2024-06-03T23:30:00"


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ({"zone": "Europe/Berlin"}, "2024-06-03T23:30:00Z", "2024-06-04T01:30:00"),
        ({"zone": "Europe/Berlin"}, "2024-12-03T23:30:00+00:00", "2024-12-04T00:30:00"),
        ({"zone": "Europe/Berlin"}, SUMMER, SUMMER),  # no offset: in the zone already
        ({"zone": "Europe/Berlin"}, "2024-06-03", "2024-06-03T00:00:00"),
        ({"zone": "America/New_York"}, "2024-06-04T01:00:00+02:00", "2024-06-03T19:00:00"),
        ({"zone": "Europe/Berlin"}, "0001-01-01T00:00Z", None),
        ({"dayfirst": True}, "3/6/2024", "2024-06-03T00:00:00"),
        ({"dayfirst": False}, "3/6/2024", "2024-03-06T00:00:00"),
        ({"dayfirst": True}, "03.06.24 17:05", "2024-06-03T17:05:00"),
        ({"dayfirst": True}, "3-6-1999 1:05 PM", "1999-06-03T13:05:00"),
        ({"dayfirst": True}, "3/6/69", "1969-06-03T00:00:00"),
        ({"dayfirst": True}, "3/13/2024", None),
        ({"dayfirst": True}, "3/6-2024", None),
        ({"dayfirst": True}, "2024-06-03", "2024-06-03T00:00:00"),
        ({"format": "%d %b %Y"}, "3 Jun 2024", "2024-06-03T00:00:00"),
        ({"format": "%d %b %Y"}, "2024-06-03T10:00", "2024-06-03T10:00:00"),
        ({"format": "%Y%d%m"}, "20240306", "2024-06-03T00:00:00"),
        (
            {"format": "%d.%m.%Y %H:%M %z", "zone": "Asia/Tokyo"},
            "03.06.2024 20:00 +0000",
            "2024-06-04T05:00:00",
        ),
        ({"format": "%d %b %Y"}, "soon", None),
    ],
)
def test_a_date_in_its_columns_form_alone_and_by_the_column(form, text, expected):
    values, wrong = read(pa.array([text, text, "2020-01-01"]), role="date", **form)
    assert values == [expected and day(expected)] * 2 + [day("2020-01-01")]
    assert wrong == [expected is None] * 2 + [False]
    alone = instant(text, Form(**form))
    assert alone == (None if expected is None else int(np.datetime64(expected, "ms").astype(int)))


def test_stored_instants_are_shown_by_the_zones_clocks():
    stored = pa.array([day(SUMMER)], pa.timestamp("us", "UTC"))
    assert read_dates(stored, Form(zone="Europe/Berlin")).to_pylist() == [
        day("2024-06-04T01:30:00")
    ]
    assert read_dates(stored, Form()).to_pylist() == [day(SUMMER)]
    naive = pa.array([day(SUMMER)], pa.timestamp("us"))
    assert read_dates(naive, Form(zone="Europe/Berlin")).to_pylist() == [day(SUMMER)]


@pytest.mark.parametrize(
    ("column", "why"),
    [
        ({"role": "date", "zone": "Europe/Nowhere"}, "'Europe/Nowhere' is no time zone"),
        ({"role": "date", "zone": "../etc"}, "'../etc' is no time zone"),
        ({"role": "date", "format": "%d.%m"}, "leaves out the year, the month or the day"),
        ({"role": "date", "format": "%d.%m.%Y", "dayfirst": True}, "says already whether"),
        ({"role": "numeric", "zone": "UTC"}, "zone is for dates"),
        ({"role": "numeric", "true_values": ["x"]}, "true_values is for boolean columns"),
        ({"role": "categorical", "decimal": ","}, "decimal is for numeric columns"),
        ({"role": "boolean", "true_values": ["x"], "false_values": ["x"]}, "'x' stands in"),
        ({"role": "boolean", "min": 0}, "does not suit the role boolean"),
    ],
)
def test_settings_of_another_type_are_refused(column, why):
    with pytest.raises(PipelineError) as caught:
        params.validate({"columns": {"c": column, "y": {"role": "target"}}}, Contract, "contract")
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("day(d)", lambda at: at.day),
        ("hour(d)", lambda at: at.hour),
        ("minute(d)", lambda at: at.minute),
        ("week(d)", lambda at: at.isocalendar().week),
        ("quarter(d)", lambda at: (at.month + 2) // 3),
        ("day_of_year(d)", lambda at: at.timetuple().tm_yday),
        ("is_weekend(d)", lambda at: float(at.weekday() >= 5)),
        (
            "days_between(d, e)",
            lambda at: (day("2024-02-29T12:00:00") - at) / datetime.timedelta(1),
        ),
    ],
)
@given(at=st.datetimes(datetime.datetime(1600, 1, 1), datetime.datetime(2400, 1, 1)))
def test_the_parts_of_a_date(text, part, at):
    at = at.replace(microsecond=0)
    expression = Expression.parse(text, "test")
    ats = {
        "d": np.array([at, "NaT"], "datetime64[ms]"),
        "e": np.array(["2024-02-29T12:00:00"] * 2, "datetime64[ms]"),
    }
    found = expression.evaluate({name: ats[name] for name in expression.names})
    assert found.tolist()[0] == pytest.approx(part(at), rel=1e-15)
    assert np.isnan(found[1])


@pytest.mark.parametrize("missing", ["none", "some", "all"])
@pytest.mark.parametrize("apart", [1, 1000])  # days: in the second, more days than rows
@pytest.mark.parametrize(
    "part", ["year", "month", "day", "day_of_week", "week", "quarter", "day_of_year", "is_weekend"]
)
def test_a_part_of_many_dates_is_that_of_each_alone(part, apart, missing, monkeypatch):
    rng = np.random.default_rng(3)
    at = rng.integers(-40_000, 40_000, 500) * 86_400_000 // 1000 * apart
    at += rng.integers(0, 86_400_000, 500)
    dates = at.astype("datetime64[ms]")
    dates[{"none": slice(0), "some": slice(0, None, 7), "all": slice(None)}[missing]] = "NaT"
    expression = Expression.parse(f"{part}(d)", "test")
    one_by_one = expression.evaluate({"d": dates})
    monkeypatch.setattr(holes, "MANY", 1)
    np.testing.assert_array_equal(expression.evaluate({"d": dates}), one_by_one)


def test_days_between_dates_of_which_one_is_missing():
    expression = Expression.parse("days_between(a, b)", "test")
    a = np.array(["2024-01-01", "NaT"], "datetime64[ms]")
    b = np.array(["NaT", "2024-01-01"], "datetime64[ms]")
    assert np.isnan(expression.evaluate({"a": a, "b": b})).all()
