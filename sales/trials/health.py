"""How a service does since a moment, by its /metrics: refusals, answers that are none, and p99.

Its counters count from its start. So two readings are taken, and what lies between them counts;
where the service was started anew meanwhile, what it has counted since.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

ROUTES = ("/predict", "/predict_batch", "/predict_file")
LEAST = 100  # requests, below which a share or a p99 says nothing
LINE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)", re.M)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Reading:
    """The counters of one moment; `took` counts answers by the upper bound of their seconds."""

    requests: float = 0.0
    refused: float = 0.0
    predictions: float = 0.0
    not_finite: float = 0.0
    took: Mapping[str, float] = field(default_factory=dict)

    def since(self, before: "Reading") -> "Reading":
        """Return what was counted since another reading."""
        anew = self.requests < before.requests or self.predictions < before.predictions
        if anew:
            return self
        return Reading(
            self.requests - before.requests,
            self.refused - before.refused,
            self.predictions - before.predictions,
            self.not_finite - before.not_finite,
            {bound: count - before.took.get(bound, 0.0) for bound, count in self.took.items()},
        )

    @property
    def p99_ms(self) -> float:
        """The 99th percentile of the answers' milliseconds, to a bucket's upper bound."""
        bounds = sorted(self.took, key=float)
        most = self.took[bounds[-1]] if bounds else 0.0
        return next((1000 * float(b) for b in bounds if self.took[b] >= 0.99 * most), math.nan)

    def told(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self)


def read(text: str) -> Reading:
    """Return what /metrics tells. Answers to anything but predictions do not count.

    >>> told = 'bentoml_service_request_total{endpoint="/predict",http_response_code="422"} 3.0'
    >>> read(told).refused
    3.0
    """
    requests = refused = predictions = strange = 0.0
    took: dict[str, float] = {}
    for name, labels, value in LINE.findall(text):
        told = dict(LABEL.findall(labels))
        if name == "orders_priced_total":
            predictions += float(value)
        elif name == "predictions_not_finite_total":
            strange += float(value)
        elif told.get("endpoint") not in ROUTES:
            continue
        elif name == "bentoml_service_request_total":
            requests += float(value)
            refused += float(value) if not told["http_response_code"].startswith("2") else 0.0
        elif name == "bentoml_service_request_duration_seconds_bucket":
            took[told["le"]] = took.get(told["le"], 0.0) + float(value)
    return Reading(requests, refused, predictions, strange, took)


def wrong(
    found: Reading,
    most_refused_pct: float | None,
    most_not_finite_pct: float | None,
    most_p99_ms: float | None,
) -> str:
    """Return in words what lies beyond a bound, empty where nothing does; None: not asked for."""
    if found.predictions and most_not_finite_pct is not None:
        pct = 100 * found.not_finite / found.predictions
        if pct > most_not_finite_pct:
            return f"{pct:.3g} % of the answers are no numbers, {most_not_finite_pct:g} % are let"
    if found.requests < LEAST:
        return ""
    if most_refused_pct is not None:
        pct = 100 * found.refused / found.requests
        if pct > most_refused_pct:
            return f"{pct:.3g} % of the requests are refused, {most_refused_pct:g} % are let"
    if most_p99_ms is not None and found.p99_ms > most_p99_ms:
        return f"p99 is up to {found.p99_ms:g} ms, {most_p99_ms:g} ms are let"
    return ""
