"""What /metrics tells of the orders: how many each model priced, at what, and what was refused."""

from collections.abc import Sequence

import numpy as np
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from sales.serving import traffic
from sales.serving.ranges import RangeWarning
from sales.serving.traffic import Traffic

# Upper bounds of the histogram's buckets, in units of the target: 1, 2, 5 a decade.
BOUNDS = (0, *(digit * 10.0**power for power in range(5) for digit in (1, 2, 5)))


class Meters:
    """The counters of one process; /metrics adds up those of all workers.

    To be made once in a process, after it is told where the workers leave their numbers.
    Predictions are noted at once and counted together by `count`: a counter that workers share
    takes a system call each time, which for single orders would be a tenth of the answer.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._priced = Counter(
            "orders_priced", "Orders priced, by alias.", ["alias"], registry=registry
        )
        self._refused = Counter(
            "requests_refused", "Requests refused, by reason.", ["reason"], registry=registry
        )
        self._outside = Counter(
            "range_warnings",
            "Warnings of values outside of what training saw, by alias.",
            ["alias"],
            registry=registry,
        )
        self._predicted = Histogram(
            "predicted",
            "Predictions, by alias, in units of the target.",
            ["alias"],
            registry=registry,
            buckets=BOUNDS,
        )
        self._behind = Gauge(
            "promotion_behind_since_seconds",
            "Since when other models are promoted than those that answer; 0: they are the same.",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._away = Gauge(
            "registry_away_since_seconds",
            "Since when the registry that is followed cannot be asked; 0: it can, or none is.",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._kept = Counter(
            "served_rows_kept", "Answered rows that are kept on disk.", registry=registry
        )
        self._lost = Counter(
            "served_rows_lost",
            "Answered rows that were to be kept and were not, by reason.",
            ["reason"],
            registry=registry,
        )
        self._waiting = Gauge(
            "served_rows_waiting",
            "Answered rows that are not yet on disk.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._shadowed = Counter(
            "shadow_rows",
            "Rows with another model's prediction beside the answer, by its alias.",
            ["alias"],
            registry=registry,
        )
        self._shadow_lost = Counter(
            "shadow_rows_lost",
            "Rows that were to have another model's prediction and have none, by reason.",
            ["reason"],
            registry=registry,
        )
        self._not_finite = Counter(
            "predictions_not_finite",
            "Predictions that are no number, by alias.",
            ["alias"],
            registry=registry,
        )
        self._truths = Counter("truths_kept", "Truths that are kept on disk.", registry=registry)
        self.traffic = Traffic(registry)
        self._registry = registry
        self._noted: dict[str, list[float]] = {}

    def note(self, alias: str, prediction: float) -> bool:
        """Keep one prediction for the next `count`; return whether it is the first one kept."""
        first = not self._noted
        self._noted.setdefault(alias, []).append(prediction)
        return first

    def count(self) -> None:
        """Count what was noted."""
        noted, self._noted = self._noted, {}
        for alias, predictions in noted.items():
            self.priced(alias, predictions)

    def priced(self, alias: str, predictions: Sequence[float] | np.ndarray) -> None:
        """Count predictions of a model, many at once."""
        self._priced.labels(alias).inc(len(predictions))
        strange = len(predictions) - int(np.isfinite(predictions).sum())
        if strange:
            self._not_finite.labels(alias).inc(strange)
        histogram = self._predicted.labels(alias)
        # As `observe` would one by one, with one system call a bucket.
        counts = np.bincount(np.searchsorted(BOUNDS, predictions), minlength=len(BOUNDS) + 1)
        histogram._sum.inc(float(np.sum(predictions)))
        for bucket, count in zip(histogram._buckets, counts.tolist(), strict=True):
            if count:
                bucket.inc(count)

    def warned(self, alias: str, warnings: Sequence[str]) -> None:
        """Count those of an answer's warnings that are of values outside of what training saw."""
        outside = sum(isinstance(warning, RangeWarning) for warning in warnings)
        if outside:
            self._outside.labels(alias).inc(outside)

    def refused(self, reason: str) -> None:
        """Count a refused request."""
        self._refused.labels(reason).inc()

    def behind(self, since: float | None) -> None:
        """Tell since when newly promoted models cannot be loaded; None: nothing is wrong."""
        self._behind.set(since or 0)

    def away(self, since: float | None) -> None:
        """Tell since when the registry that is followed cannot be asked; None: it can."""
        self._away.set(since or 0)

    def kept(self, rows: int) -> None:
        """Count answered rows that are on disk now."""
        self._kept.inc(rows)

    def lost(self, rows: int, reason: str) -> None:
        """Count answered rows that were to be kept and are not; the reason is one of few."""
        self._lost.labels(reason).inc(rows)

    def waiting(self, rows: int) -> None:
        """Tell how many answered rows are not yet on disk."""
        self._waiting.set(rows)

    def shadowed(self, rows: int, alias: str) -> None:
        """Count rows that have another model's prediction beside the answer."""
        self._shadowed.labels(alias).inc(rows)

    def shadow_lost(self, rows: int, reason: str) -> None:
        """Count rows that were to have one and have none; the reason is one of few."""
        self._shadow_lost.labels(reason).inc(rows)

    def truths(self, rows: int) -> None:
        """Count truths that are on disk now."""
        self._truths.inc(rows)

    def told(self) -> tuple[bytes, str]:
        """Return what /metrics answers, and its media type."""
        return traffic.told(self._registry)
