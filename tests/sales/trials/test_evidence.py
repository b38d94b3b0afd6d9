"""What the service keeps becomes evidence: the pair's rows, by customer, as truths come."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from sales.trials import evidence, verdict
from sales.trials.evidence import Pair
from sales.trials.verdict import Rules
from sales.watching import parts
from sales.watching.rows import TIME
from tests.paired_rows import errors, keep

RULES = Rules(alpha=0.05, margin_pct=1.0, least_units=100, tightest_at=500)
BEGUN = datetime(2026, 11, 20, 12, tzinfo=UTC)
PAIR = Pair("one", "two", BEGUN)


@pytest.fixture
def address(tmp_path):
    return str(tmp_path / "served")


def test_each_row_counts_for_the_model_that_made_the_prediction(address):
    told = errors(50, 10)
    keep(address, "one", "two", told, BEGUN, canary=20)
    found = evidence.of(address, PAIR)
    assert found.champion == pytest.approx(told[0], abs=1e-12)
    assert found.challenger == pytest.approx(told[1], abs=1e-12)
    assert (found.waiting, found.alone) == (0, 0)
    assert found.sums(RULES).d == pytest.approx(np.sum(told[0] ** 2 - told[1] ** 2), rel=1e-9)


def test_rows_of_others_of_before_without_a_truth_or_a_second_prediction_do_not(address):
    keep(address, "one", "two", errors(5, 0), BEGUN)
    keep(address, "one", "three", errors(6, 0), BEGUN, name="other")
    keep(address, "three", "two", errors(7, 0), BEGUN, name="third")
    keep(address, "one", "two", errors(8, 0), BEGUN - timedelta(hours=1), name="before")
    keep(address, "one", "two", errors(9, 0), BEGUN, name="open", truths=False)
    plain = pa.table(
        {
            "request_id": ["alone"],
            "time": pa.array([BEGUN]).cast(TIME),
            "route": ["/predict"],
            "content_hash": ["one"],
            "prediction": [1.0],
        }
    )
    parts.Parts(address, parts.ROWS).add("2026-11-20", plain)
    found = evidence.of(address, PAIR)
    assert len(found.unit) == 5
    assert found.waiting == 9
    assert found.alone == 1 + 6


def test_nothing_kept_is_no_evidence(address):
    found = evidence.of(address, PAIR)
    assert verdict.of(found.sums(RULES), RULES).what == "not yet"
    assert found.course(RULES) == []


def test_a_customers_rows_are_one_unit_and_rows_without_one_are_their_requests(address):
    names = ["a", "a", "b", None, None, "a"]
    keep(address, "one", "two", errors(6, 0), BEGUN, customers=names)
    found = evidence.of(address, Pair("one", "two", BEGUN, "OrderID"))
    assert found.sums(RULES).units == 4
    assert evidence.of(address, PAIR).sums(RULES).units == 6


def test_rows_of_a_list_belong_to_their_request(address):
    rows = pa.table(
        {
            "request_id": ["night-0", "night-1", "night-2", "day-0", "a-1"],
            "time": pa.array([BEGUN] * 5).cast(TIME),
            "route": ["/predict_batch"] * 4 + ["/predict"],
            "content_hash": ["one"] * 5,
            "prediction": [1.0] * 5,
            "shadow.content_hash": ["two"] * 5,
            "shadow.prediction": [2.0] * 5,
        }
    )
    truths = rows.select(["time", "request_id"]).append_column("truth", pa.array([1.5] * 5))
    parts.Parts(address, parts.ROWS).add("2026-11-20", rows)
    parts.Parts(address, parts.TRUTHS).add("2026-11-20", truths)
    assert evidence.of(address, PAIR).sums(RULES).units == 3


def test_truths_count_in_the_order_in_which_they_came(address):
    told = errors(40, 0)
    keep(address, "one", "two", told, BEGUN, truths=False)
    for late, first in ((2, 0), (1, 20)):  # the second half came first, a day before
        ids = [f"row-{number}" for number in range(first, first + 20)]
        came = BEGUN + timedelta(days=late)
        table = pa.table(
            {
                "time": pa.array([came] * 20).cast(TIME),
                "request_id": ids,
                "truth": 100.0 + np.arange(first, first + 20),
            }
        )
        parts.Parts(address, parts.TRUTHS).add(str(came.date()), table)
    found = evidence.of(address, PAIR)
    assert found.champion == pytest.approx(np.r_[told[0][20:], told[0][:20]], abs=1e-12)
    assert str(found.when[0])[:10] == "2026-11-21"


def test_the_course_ends_with_the_verdict_and_closes_in(address):
    keep(address, "one", "two", errors(900, 15), BEGUN)
    found = evidence.of(address, PAIR)
    course = found.course(RULES, points=10)
    said = verdict.of(found.sums(RULES), RULES)
    last = course[-1]
    assert [point["rows"] for point in course] == [90 * n for n in range(1, 11)]
    assert last["low_pct"] == pytest.approx(said.low_pct, rel=1e-9)
    assert (said.what, last["verdict"]) == ("better", "better")
    widths = [point["high_pct"] - point["low_pct"] for point in course]
    assert widths[-1] < widths[0] / 2
    assert course[0]["verdict"] == "not yet"
