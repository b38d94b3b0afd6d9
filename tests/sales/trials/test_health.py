"""What a service counted between two readings of its metrics, held against bounds."""

import math

import pytest

from sales.trials import health
from sales.trials.health import Reading

TOOK, TOTAL = "bentoml_service_request_duration_seconds_bucket", "bentoml_service_request_total"
GOOD = 'endpoint="/predict",http_response_code="200"'
BAD = 'endpoint="/predict_file",http_response_code="422"'
TEXT = f"""
# HELP {TOTAL} Requests, by route and status.
{TOTAL}{{{GOOD}}} 180.0
{TOTAL}{{{BAD}}} 20.0
{TOTAL}{{endpoint="/metrics",http_response_code="404"}} 9.0
{TOOK}{{{GOOD},le="0.005"}} 100.0
{TOOK}{{{GOOD},le="0.01"}} 177.0
{TOOK}{{{GOOD},le="+Inf"}} 180.0
{TOOK}{{{BAD},le="0.005"}} 20.0
{TOOK}{{{BAD},le="0.01"}} 20.0
{TOOK}{{{BAD},le="+Inf"}} 20.0
{TOOK}{{endpoint="/health",http_response_code="200",le="0.005"}} 999.0
orders_priced_total{{alias="champion"}} 170.0
orders_priced_total{{alias="challenger"}} 30.0
predictions_not_finite_total{{alias="champion"}} 2.0
"""


def test_what_metrics_tell_of_predictions():
    found = health.read(TEXT)
    assert (found.requests, found.refused) == (200.0, 20.0)
    assert (found.predictions, found.not_finite) == (200.0, 2.0)
    assert found.took == {"0.005": 120.0, "0.01": 197.0, "+Inf": 200.0}
    assert found.p99_ms == math.inf
    assert Reading(took={"0.005": 120.0, "0.01": 198.0, "+Inf": 200.0}).p99_ms == 10.0
    assert math.isnan(Reading().p99_ms)


def test_what_lies_between_two_readings_counts_and_after_a_restart_all_does():
    now, before = health.read(TEXT), Reading(150.0, 20.0, 150.0, 2.0, {"0.005": 100.0})
    since = now.since(before)
    assert (since.requests, since.refused, since.not_finite) == (50.0, 0.0, 0.0)
    assert since.took == {"0.005": 20.0, "0.01": 197.0, "+Inf": 200.0}
    assert now.since(Reading(500.0, 0.0, 500.0, 0.0)) == now


@pytest.mark.parametrize(
    ("reading", "bounds", "said"),
    [
        (Reading(1000, 60, 1000, 0), (5.0, 0.0, None), "6 % of the requests are refused"),
        (Reading(1000, 50, 1000, 0), (5.0, 0.0, None), ""),
        (Reading(1000, 60, 1000, 0), (None, 0.0, None), ""),
        (Reading(99, 60, 99, 0), (5.0, 0.0, None), ""),  # too few to say
        (Reading(10, 0, 10, 1), (5.0, 0.0, None), "10 % of the answers are no numbers"),
        (Reading(10, 0, 10, 1), (5.0, None, None), ""),
        (
            Reading(200, 0, 200, 0, {"0.1": 100, "0.5": 200}),
            (None, None, 400.0),
            "p99 is up to 500",
        ),
        (Reading(200, 0, 200, 0, {"0.1": 199, "0.5": 200}), (None, None, 400.0), ""),
        (Reading(), (5.0, 0.0, 400.0), ""),
    ],
)
def test_what_is_beyond_a_bound_is_said(reading, bounds, said):
    found = health.wrong(reading, *bounds)
    assert found.startswith(said)
    assert bool(found) == bool(said)
