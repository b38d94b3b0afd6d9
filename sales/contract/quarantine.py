"""The quarantine: raw rows held against the contract, the bad cells set aside with a reason each.

A file that breaks the contract as a whole is refused. Nothing is dropped silently.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
from pandera.errors import SchemaErrors

from sales.contract import Column, Contract, Rule, cells, decimals
from sales.contract.cells import WHOLE
from sales.contract.expressions import Expression
from sales.errors import PipelineError

COLUMNS = ("file", "row", "column", "value", "reason")
NUMBER = "__number"  # a row's number among all that came in, from 0


class Raw(NamedTuple):
    """Rows of a file as they came in, and their numbers among all that came in, from 0."""

    file: str
    table: pa.Table
    numbers: np.ndarray

    def without(self, rows: np.ndarray) -> "Raw":
        """Return the rows but for some."""
        return Raw(self.file, self.table.filter(pa.array(~rows)), self.numbers[~rows])


@dataclass(frozen=True)
class Checked:
    """Rows held against the contract by themselves: only all rows can tell whether an id is unique.

    `accepted` are the good ones, their cells parsed, with their NUMBER beside. `faults` has a row a
    bad cell: number, column, value, reason, and kind, which is the reason without its particulars.
    Rows `without_target` are among none of these, nor in `rows_in`: nothing can be learnt from
    them, but nothing is wrong with them either.
    """

    accepted: pd.DataFrame
    faults: pd.DataFrame
    rows_in: int
    without_target: int


def schema(contract: Contract) -> pandera.DataFrameSchema:
    """Return the pandera schema of a parsed table; each check's error is its reason."""
    columns = {
        name: pandera.Column(checks=_checks(column), nullable=column.optional)
        for name, column in contract.columns.items()
        if name in contract.required
    }
    rules = [
        pandera.Check(_agrees(rule), error=name, ignore_na=False)
        for name, rule in contract.rules.items()
    ]
    rules += [
        pandera.Check(_led(name, leader, leads), error=_follows(name, leader))
        for name, leader, leads in contract.followers
    ]
    return pandera.DataFrameSchema(columns, checks=rules)


def check(contract: Contract, raw: Sequence[Raw]) -> Checked:
    """Return the accepted and the faulty of some rows.

    Raises PipelineError for a file that lacks columns, or has one of which no cell can be read.
    """
    parts, held = [], []
    for each in raw:
        part, unknown = _parse(contract, each.file, each.table)
        if unknown.any():
            each = each.without(unknown)
            part, _ = _parse(contract, each.file, each.table)
        parts.append(part)
        held.append(each)
    rows, raw = sum(each.table.num_rows for each in raw), held
    columns = {
        name: pa.chunked_array([columns[name] for columns, _ in parts]).to_pandas()
        for name in contract.required
    }
    orders = pd.DataFrame(columns)
    numbers = np.concatenate([each.numbers for each in raw])
    ends = np.cumsum([each.table.num_rows for each in raw])
    begins = [0, *ends[:-1].tolist()]
    unparsed = pd.concat(
        [one.assign(at=one["at"] + begin) for (_, one), begin in zip(parts, begins, strict=True)]
    )
    found = pd.concat([unparsed, _broken(contract, orders, unparsed)])
    good = np.ones(len(orders), dtype=bool)
    good[found["at"].to_numpy(int)] = False
    values = []
    for at, column in zip(found["at"], found["column"], strict=True):
        which = int(np.searchsorted(ends, at, side="right"))
        table = raw[which].table
        known = column in table.column_names
        values.append(cells.shown(table[column][at - begins[which]]) if known else "")
    faults = found.assign(number=numbers[found["at"].to_numpy(int)], value=values)
    orders[NUMBER] = numbers
    accepted = orders if good.all() else orders[good].reset_index(drop=True)
    faults = faults[["number", "column", "value", "reason", "kind"]]
    return Checked(accepted, faults, len(orders), rows - len(orders))


def repeated(ids: pd.DataFrame) -> pd.DataFrame:
    """Return, of rows with `id` and NUMBER, those whose id an earlier one has, and its number.

    All rows with an id must be among them; in which order is all one. Columns: id, number, first.
    """
    again = ids[ids["id"].duplicated(keep=False)].sort_values(NUMBER)
    first = again.drop_duplicates("id").rename(columns={NUMBER: "first"})
    rest = again[again["id"].duplicated()].rename(columns={NUMBER: "number"})
    return rest.merge(first, on="id")


def refuse_incomplete(contract: Contract, name: str, columns: Sequence[str]) -> None:
    """Raise PipelineError for a file without all columns of the contract, or with one twice."""
    for column in contract.required:
        if columns.count(column) > 1:
            raise PipelineError(f"{name}: the column '{column}' stands there twice")
    missing = [column for column in contract.required if column not in columns]
    if not missing:
        return
    if len(columns) == 1:
        hint = "; it has a single column: name its separator in ingest.csv.separator"
    else:
        there = {column.lower(): column for column in columns}
        near = {m: difflib.get_close_matches(m.lower(), there, 1, 0.8) for m in missing}
        hints = [f"'{there[close[0]]}' for '{m}'" for m, close in near.items() if close]
        hint = f"; is it {', '.join(hints)}?" if hints else ""
    listed = ", ".join(missing)
    raise PipelineError(f"{name}: missing column{'s'[: len(missing) > 1]} {listed}{hint}")


def _parse(
    contract: Contract, file: str, table: pa.Table
) -> tuple[tuple[dict[str, pa.Array], pd.DataFrame], np.ndarray]:
    """Return the typed columns, null where a cell cannot be read, and those cells' faults.

    And beside them, which rows have no target.
    """
    refuse_incomplete(contract, file, table.column_names)
    columns, faults = {}, []
    for name in contract.required:
        column = contract.columns[name]
        raw = decimals.column(table, name, column)
        if cells.nested(raw.type):
            raise PipelineError(f"{file}: the column '{name}' holds {cells.called(raw.type)}")
        columns[name], missing, wrong = cells.read(raw, column)
        if name == contract.target:
            unknown = missing
        if wrong.any():
            reason = cells.wrong(column)
            faults.append(_faults(np.flatnonzero(wrong), name, reason, reason))
    found = pd.concat(faults) if faults else _faults(np.array([], int), "", "", "")
    return (columns, found), unknown


def _broken(contract: Contract, orders: pd.DataFrame, unparsed: pd.DataFrame) -> pd.DataFrame:
    """Return the faults that pandera finds, but for cells that could not even be read."""
    try:
        schema(contract).validate(orders, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases
    else:
        return unparsed.iloc[:0]
    cell = ["at", "column"]
    cases = cases.rename(columns={"index": "at"})
    in_column = cases[cases["schema_context"] == "Column"]
    reason = in_column["check"].replace("not_nullable", "missing")
    found = _faults(in_column["at"].to_numpy(int), in_column["column"], reason, reason)
    read = pd.MultiIndex.from_frame(unparsed[cell])
    found = found[~pd.MultiIndex.from_frame(found[cell]).isin(read)]
    bad = pd.concat([unparsed[cell], found[cell]])
    across, faults = cases[cases["schema_context"] == "DataFrameSchema"], [found]
    for name, rule in contract.rules.items():
        reads = _names(rule)
        ats = np.unique(across.loc[across["check"] == name, "at"].to_numpy(int))
        ats = np.setdiff1d(ats, bad.loc[bad["column"].isin(reads), "at"].to_numpy(int))
        if not len(ats):
            continue
        left, right = (_side(text, orders.loc[ats]) for text in (rule.left, rule.right))
        digits = max(2, int(np.ceil(-np.log10(rule.tolerance)))) if rule.tolerance else 12
        reasons = [
            f"{name}: {one:.{digits}f} is not {other:.{digits}f} within {rule.tolerance:g}"
            for one, other in zip(left, right, strict=True)
        ]
        faults.append(_faults(ats, rule.left, name, reasons))
    for name, leader, leads in contract.followers:
        broken = across["check"] == _follows(name, leader)
        ats = np.unique(across.loc[broken, "at"].to_numpy(int))
        reported = bad.loc[bad["column"].isin([name, leader]), "at"].to_numpy(int)
        ats = np.setdiff1d(ats, reported)
        reasons = [f"{leader} {value} means {leads[value]}" for value in orders[leader][ats]]
        if reasons:
            faults.append(_faults(ats, name, f"does not follow {leader}", reasons))
    return pd.concat(faults)


def levels(contract: Contract, accepted: pd.DataFrame) -> dict[str, set[str]]:
    """Return the values of the categorical columns for which the contract names none."""
    free = [name for name in contract.categorical if contract.columns[name].values is None]
    return {
        name: {value for value in accepted[name].unique() if isinstance(value, str)}
        for name in free
    }


def typed(contract: Contract, accepted: pd.DataFrame, seen: Mapping[str, set[str]]) -> pd.DataFrame:
    """Return accepted orders in their final types, with the same categories in any file.

    `seen` has the `levels` of all of them together.
    """
    final: dict[str, pd.Series] = {}
    for name in contract.required:
        column, values = contract.columns[name], accepted[name]
        if column.role == "categorical":
            known = column.values if column.values is not None else seen[name]
            final[name] = values.cat.set_categories(sorted(known))
        else:
            whole = column.integer and not column.optional  # only floats can be missing
            final[name] = values.astype("int64") if whole else values
    return pd.DataFrame(final)


def _faults(
    at: np.ndarray, column: str | pd.Series, kind: str | pd.Series, reason: str | list | pd.Series
) -> pd.DataFrame:
    given = {"column": column, "kind": kind, "reason": reason}
    texts = {k: v.to_numpy(object) if isinstance(v, pd.Series) else v for k, v in given.items()}
    return pd.DataFrame({"at": at, **texts})


def _checks(column: Column) -> list[pandera.Check]:
    checks = []
    if column.values is not None:
        reason = "not one of the allowed values"
        checks.append(pandera.Check.isin(column.values, error=reason))
    if column.min is not None:
        word = "before" if column.role == "date" else "below"
        checks.append(pandera.Check.ge(column.low, error=f"{word} {_plain(column.min)}"))
    if column.max is not None:
        word = "after" if column.role == "date" else "above"
        checks.append(pandera.Check.le(column.high, error=f"{word} {_plain(column.max)}"))
    if column.integer:
        checks.append(pandera.Check(lambda values: values % 1 == 0, error="not a whole number"))
        exact = f"not within {WHOLE:.0f} of zero"
        checks.append(pandera.Check(lambda values: values.abs() <= WHOLE, error=exact))
    return checks


def _plain(bound: float | str) -> str:
    return bound if isinstance(bound, str) else f"{bound:.12g}"


def _agrees(rule: Rule) -> Callable[[pd.DataFrame], pd.Series]:
    def agrees(orders: pd.DataFrame) -> pd.Series:
        left, right = (_side(text, orders) for text in (rule.left, rule.right))
        kept = np.abs(left - right) <= rule.tolerance
        kept |= _unjudged(rule, orders, np.isnan(left) | np.isnan(right))
        return pd.Series(kept, index=orders.index)

    return agrees


def _unjudged(rule: Rule, orders: pd.DataFrame, unknown: np.ndarray) -> np.ndarray:
    """Return which rows a rule says nothing of: a side is not known, as an input is missing."""
    if not unknown.any():
        return unknown
    reads = sorted(_names(rule))
    return unknown & orders[reads].isna().any(axis=1).to_numpy()


def _names(rule: Rule) -> frozenset[str]:
    left, right = (Expression.parse(text, "rule") for text in (rule.left, rule.right))
    return left.names | right.names


def _follows(name: str, leader: str) -> str:
    return f"{name} does not follow {leader}"


def _led(name: str, leader: str, leads: Mapping[str, str]) -> Callable[[pd.DataFrame], pd.Series]:
    def led(orders: pd.DataFrame) -> pd.Series:
        """Look at each pair of values once, however many rows have it."""
        pairs = orders[[name, leader]].drop_duplicates().dropna().astype(str)
        wrong = pairs[pairs[leader].map(leads).fillna(pairs[name]) != pairs[name]]
        if wrong.empty:
            return pd.Series(True, index=orders.index)
        broken = pd.MultiIndex.from_frame(wrong[[name, leader]])
        return pd.Series(
            ~pd.MultiIndex.from_frame(orders[[name, leader]].astype(str)).isin(broken),
            index=orders.index,
        )

    return led


def _side(text: str, orders: pd.DataFrame) -> np.ndarray:
    expression = Expression.parse(text, "rule")
    value = expression.evaluate({name: orders[name].to_numpy() for name in expression.names})
    return value.astype(np.float64)  # a comparison gives 0 and 1
