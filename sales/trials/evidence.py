"""The rows of a trial: answered by one of its models with the other's prediction beside, and true.

Read from what the service keeps (docs/served.md), joined with the truths as they came, so that
late ones, and those out of order, count when they are there. A row stands for itself: of lists and
files of which some were drawn, the drawn ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from sales.trials import losses, paired_sums, verdict
from sales.trials.paired_sums import PairedSums
from sales.trials.verdict import Rules
from sales.watching import joined
from sales.watching.row_keys import PREFIX

POINTS = 60  # of the picture, evenly over the truths
COLUMNS = (
    *("request_id", "time", "route", "content_hash", "prediction"),
    *("shadow.content_hash", "shadow.prediction"),
)


@dataclass(frozen=True)
class Pair:
    """Whose answers are compared, by content hash, and since when.

    `customer` is the column by which rows belong together; without one, or where a row lacks it,
    the rows of a request do.
    """

    champion: str
    challenger: str
    since: datetime
    customer: str | None = None


@dataclass(frozen=True)
class Evidence:
    """What both models would have erred by, each row that came true, in the order of the truths.

    `unit` are codes from 0: of customers, or requests. `waiting` rows have no truth yet,
    `alone` ones no prediction of the other model.
    """

    champion: np.ndarray
    challenger: np.ndarray
    unit: np.ndarray
    when: np.ndarray
    waiting: int
    alone: int

    def sums(self, rules: Rules) -> PairedSums:
        """Return the sums of all rows."""
        return next(self._grown(rules, [len(self.unit)]))[1]

    def course(self, rules: Rules, points: int = POINTS) -> list[dict[str, Any]]:
        """Return how the sequence has closed in: a point after each part of the truths."""
        rows = len(self.unit)
        at = np.unique(np.linspace(rows / points, rows, points).round().astype(int)) if rows else ()
        told = []
        for many, sums in self._grown(rules, [int(each) for each in at]):
            if sums.units < 2:
                continue
            found = verdict.of(sums, rules)
            told.append(
                {
                    "rows": many,
                    "units": found.units,
                    "when": str(self.when[many - 1]),
                    "improvement_pct": finite(found.improvement_pct),
                    "low_pct": finite(found.low_pct),
                    "high_pct": finite(found.high_pct),
                    "verdict": found.what,
                }
            )
        return told

    def _grown(self, rules: Rules, until: list[int]) -> Iterator[tuple[int, PairedSums]]:
        """Yield the sums of the first rows, for each number of them."""
        lost = losses.of(self.champion, rules.loss, rules.bound)
        d = lost - losses.of(self.challenger, rules.loss, rules.bound)
        units = int(self.unit.max(initial=-1)) + 1
        rows, sums, own = (np.zeros(units) for _ in range(3))
        before = 0
        for many in until:
            part = self.unit[before:many]
            rows += np.bincount(part, minlength=units)
            sums += np.bincount(part, d[before:many], units)
            own += np.bincount(part, lost[before:many], units)
            seen = rows > 0
            yield many, paired_sums.of_units(rows[seen], sums[seen], own[seen])
            before = many


def of(address: str, pair: Pair) -> Evidence:
    """Return what is kept at an address about a pair."""
    column = f"{PREFIX}{pair.customer}" if pair.customer else ""
    window = joined.window(address, pair.since.date())
    wanted = [*COLUMNS, *([column] if column else [])]
    tables, waiting, alone = [], 0, 0
    for _, table in window.days(wanted):
        frame = _of_pair(table, pair)
        without = frame["other"].isna()
        alone += int(without.sum())
        open_ = frame["truth"].isna() & ~without
        waiting += int(open_.sum())
        frame = frame[~open_ & ~without]
        tables.append(frame.assign(unit=_units(frame, column)))
    if not tables:
        nothing = np.zeros(0)
        return Evidence(nothing, nothing, np.zeros(0, int), nothing, waiting, alone)
    frame = pd.concat(tables, ignore_index=True).sort_values("truth_time", kind="stable")
    own, truth = frame["own"].to_numpy(bool), frame["truth"].to_numpy(float)
    one, other = (frame[name].to_numpy(float) - truth for name in ("prediction", "other"))
    return Evidence(
        np.where(own, one, other),
        np.where(own, other, one),
        pd.factorize(frame["unit"])[0],
        frame["truth_time"].to_numpy(),
        waiting,
        alone,
    )


def _of_pair(table: pa.Table, pair: Pair) -> pd.DataFrame:
    """Return the rows that either of the two has answered since the pair is compared.

    `own`: the champion did. `other` is the other one's prediction, missing where there is none.
    """
    if "shadow.prediction" not in table.column_names:
        table = table.append_column("shadow.prediction", pa.nulls(table.num_rows, pa.float64()))
        table = table.append_column("shadow.content_hash", pa.nulls(table.num_rows, pa.string()))
    frame = table.to_pandas()
    both = {pair.champion: pair.challenger, pair.challenger: pair.champion}
    ours = frame["content_hash"].isin(list(both)) & (frame["time"] >= pd.Timestamp(pair.since))
    frame = frame[ours]
    beside = frame["shadow.content_hash"] == frame["content_hash"].map(both)
    return frame.assign(
        own=frame["content_hash"] == pair.champion,
        other=frame["shadow.prediction"].where(beside).astype(float),
    )


def _units(frame: pd.DataFrame, column: str) -> pd.Series:
    """Return to whom each row belongs: its customer, else its request."""
    requests = frame["request_id"].astype(str)
    several = frame["route"] != "/predict"
    requests = requests.where(~several, requests.str.replace(r"-\d+$", "", regex=True))
    requests = "request " + requests
    if column not in frame:
        return requests
    return frame[column].where(frame[column].notna(), requests)


def finite(value: float) -> float | None:
    """Return a number as JSON may hold it: None where it is infinite, or none."""
    return value if np.isfinite(value) else None
