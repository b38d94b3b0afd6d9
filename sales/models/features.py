"""The featuriser: from an order's columns to the numbers that a model sees.

Fitted on the train rows only. One code path serves a table and a single order, so that training
and serving cannot drift apart: `transform` works elementwise, without BLAS, and gives an order
the same bits alone as in a table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from sales import files
from sales.contract import Column, Contract
from sales.contract.expressions import Expression
from sales.errors import PipelineError
from sales.params import Group

Range = tuple[float | str, float | str]  # of numbers, or of days
Columns = pd.DataFrame | Mapping[str, Any]  # or a dict of equally long arrays or lists


class FeatureSet(Group):
    """A list of columns, or another set with columns added and dropped."""

    start: str | None = None
    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


class FeaturizeParams(Group):
    """Which columns a model sees, and how those that no order holds are computed."""

    feature_set: str
    derived: dict[str, str] = Field(default_factory=dict)
    feature_sets: dict[str, FeatureSet]

    @model_validator(mode="after")
    def _known(self) -> "FeaturizeParams":
        self.columns()
        return self

    def columns(self, feature_set: str | None = None) -> tuple[str, ...]:
        """Return the columns of a feature set in order; by default of the chosen one.

        Raises ValueError for an unknown or circular set, a column twice, or a drop of no column.
        """
        return self._resolve(feature_set or self.feature_set, ())

    def _resolve(self, name: str, above: tuple[str, ...]) -> tuple[str, ...]:
        if name not in self.feature_sets:
            raise ValueError(f"unknown feature set '{name}'; known: {', '.join(self.feature_sets)}")
        if name in above:
            raise ValueError(f"feature set '{name}' starts from itself")
        chosen = self.feature_sets[name]
        columns = list(self._resolve(chosen.start, (*above, name)) if chosen.start else ())
        for column in chosen.drop:
            if column not in columns:
                raise ValueError(f"feature set '{name}' drops '{column}', which it does not have")
            columns.remove(column)
        for column in chosen.add:
            if column in columns:
                raise ValueError(f"feature set '{name}' has '{column}' twice")
            columns.append(column)
        if not columns:
            raise ValueError(f"feature set '{name}' is empty")
        return tuple(columns)


@dataclass(frozen=True)
class Featuriser:
    """Fitted features: numeric columns as they are or computed, categories as codes.

    With `fields`, the columns an order must bring as the contract had them when it was fitted, and
    the target, it is all that a model needs to know of the contract.
    `levels` maps each categorical column to its values in the train rows, sorted; a value's code is
    its place there. A value not seen in training becomes NaN, which the trees send down their
    branch for missing values and the linear model answers without that column's part.
    `ranges` has the least and the largest value in the train rows: of the numbers that an order
    brings, of its date (as days, `2024-06-03`) and of the columns derived from the date alone. A
    model that was saved before has none.
    """

    feature_set: str
    columns: tuple[str, ...]
    derived: Mapping[str, str]
    levels: Mapping[str, tuple[str, ...]]
    fields: Mapping[str, Column]
    target: str
    ranges: Mapping[str, "Range"] | None = None

    @cached_property
    def _expressions(self) -> dict[str, Expression]:
        return {
            n: Expression.parse(text, f"derived column {n}") for n, text in self.derived.items()
        }

    @cached_property
    def _codes(self) -> dict[str, dict[str, float]]:
        return {
            name: {level: float(code) for code, level in enumerate(levels)}
            for name, levels in self.levels.items()
        }

    @property
    def request_fields(self) -> tuple[str, ...]:
        """The columns an order must bring, in the order in which the features first need them."""
        return tuple(self.fields)

    def transform(self, orders: Columns) -> np.ndarray:
        """Return the feature matrix, float64, one row an order, columns as in `self.columns`.

        A derived column that the orders already hold (a request with OrderYear in place of
        OrderDate) is taken as it stands. Raises PipelineError when a column is missing.
        """
        parts: list[Any] = []
        for name, codes in self._sources:
            if name not in orders:
                parts.append(self._computed(name, orders))
            elif codes is not None:
                parts.append(_encode(orders[name], codes))
            else:
                values = orders[name]
                parts.append(values if isinstance(values, list) else np.asarray(values, np.float64))
        return np.array(parts, np.float64).T

    def unknown(self, orders: Columns) -> dict[str, list[str]]:
        """Return, for each categorical column, the values that training never saw."""
        found: dict[str, list[str]] = {}
        for name, codes in self._codes.items():
            if strange := set(orders[name]).difference(codes):
                found[name] = sorted(map(str, strange))
        return found

    @cached_property
    def _sources(self) -> list[tuple[str, dict[str, float] | None]]:
        return [(name, self._codes.get(name)) for name in self.columns]

    def _computed(self, name: str, orders: Columns) -> np.ndarray | list[float]:
        if name not in self.derived:
            raise PipelineError(f"a row needs the column '{name}'")
        expression = self._expressions[name]
        missing = sorted(expression.names.difference(orders))
        if missing:
            raise PipelineError(f"a row needs '{name}', or {', '.join(missing)} to compute it")
        inputs = {n: orders[n] for n in expression.names}
        if all(isinstance(values, list) and len(values) == 1 for values in inputs.values()):
            return [expression.of_one({n: value for n, [value] in inputs.items()})]
        return expression.evaluate({n: np.asarray(values) for n, values in inputs.items()})

    def save(self, path: Path) -> None:
        """Write the featuriser as JSON: readable, the same bytes everywhere, nothing executed."""
        files.write_json(
            path,
            {
                "feature_set": self.feature_set,
                "columns": list(self.columns),
                "derived": dict(self.derived),
                "levels": {name: list(levels) for name, levels in self.levels.items()},
                "fields": {
                    name: column.model_dump(exclude_defaults=True)
                    for name, column in self.fields.items()
                },
                "target": self.target,
                **({} if self.ranges is None else {"ranges": self.ranges}),
            },
        )

    @classmethod
    def load(cls, path: Path) -> "Featuriser":
        """Return the featuriser that `save` wrote."""
        content = files.read_json(path)
        return cls(
            content["feature_set"],
            tuple(content["columns"]),
            content["derived"],
            {name: tuple(levels) for name, levels in content["levels"].items()},
            {name: Column(**column) for name, column in content["fields"].items()},
            content["target"],
            {name: (low, high) for name, (low, high) in content["ranges"].items()}
            if "ranges" in content
            else None,
        )


def _encode(values: Any, codes: Mapping[str, float]) -> Any:
    """Return an array, or a list to make one of, in which None is NaN."""
    if isinstance(values, list):
        return [*map(codes.get, values)]
    dtype = getattr(values, "dtype", None)
    if isinstance(dtype, pd.CategoricalDtype):  # look up each category once, not each row
        categorical = pd.Categorical(values)
        lookup = np.array([*(codes.get(c, np.nan) for c in categorical.categories), np.nan])
        return lookup[categorical.codes]  # code -1, a missing value, takes the last entry: NaN
    return [*map(codes.get, values)]


class Seen(NamedTuple):
    """What a partition of the train rows tells: the values of its categories, and its ranges."""

    levels: dict[str, set[str]]
    ranges: dict[str, Range]


def seen(train: pd.DataFrame, params: FeaturizeParams, contract: Contract) -> Seen:
    """Return all that `fit` asks of a partition of the train rows, of the columns in `fields`."""
    wanted = fields(params, contract)
    levels = {
        name: {str(value) for value in train[name].unique()}
        for name, column in wanted.items()
        if column.role == "categorical"
    }
    if not len(train):
        return Seen(levels, {})
    numbers = {
        name: train[name].to_numpy(np.float64)
        for name, column in wanted.items()
        if column.role == "numeric"
    }
    ranges: dict[str, Range] = {}
    if contract.date in wanted:
        dates = train[contract.date].to_numpy()
        first, last = (str(day.astype("datetime64[D]")) for day in (dates.min(), dates.max()))
        ranges[contract.date] = (first, last)
        for name, expression in _derived(params).items():
            if expression.names == {contract.date}:
                numbers[name] = expression.evaluate({contract.date: dates}).astype(np.float64)
    ranges |= {
        name: (float(each.min()), float(each.max()))
        for name, each in numbers.items()
        if np.isfinite(each).all()
    }
    return Seen(levels, ranges)


def fields(params: FeaturizeParams, contract: Contract) -> dict[str, Column]:
    """Return the columns that the features need, in the order in which they first need them.

    Raises PipelineError for a feature that is neither a numeric or categorical column of the
    contract nor derived, or that would show the model the target.
    """
    plain = {*contract.numeric, *contract.categorical}
    inputs = plain | ({contract.date} if contract.date else set())
    derived = _derived(params)
    needed: dict[str, None] = {}
    for name in params.columns():
        if name in derived:
            strange = sorted(derived[name].names - inputs)
            if strange:
                raise PipelineError(
                    f"featurize.derived.{name}: '{strange[0]}' is not a date, numeric or "
                    "categorical column of the contract"
                )
            needed.update(dict.fromkeys(sorted(derived[name].names)))
        elif name in plain:
            needed[name] = None
        else:
            raise PipelineError(
                f"featurize.feature_sets: '{name}' is neither a numeric or categorical column "
                "of the contract nor in featurize.derived"
            )
    return {name: contract.columns[name] for name in needed}


def fit(partitions: Sequence[Seen], params: FeaturizeParams, contract: Contract) -> Featuriser:
    """Return the featuriser of the chosen feature set, from what was `seen` in the train rows.

    Raises what `fields` does.
    """
    columns, derived = params.columns(), _derived(params)
    levels = {
        name: tuple(sorted(set[str]().union(*(each.levels[name] for each in partitions))))
        for name in columns
        if name in contract.categorical and name not in derived
    }
    told = {name: None for each in partitions for name in each.ranges}
    ranges = {
        name: (
            min(each.ranges[name][0] for each in partitions if name in each.ranges),
            max(each.ranges[name][1] for each in partitions if name in each.ranges),
        )
        for name in told
    }
    return Featuriser(
        params.feature_set,
        columns,
        {name: params.derived[name] for name in derived},
        levels,
        fields(params, contract),
        contract.target,
        ranges,
    )


def _derived(params: FeaturizeParams) -> dict[str, Expression]:
    """Return the columns of the chosen feature set that are computed."""
    return {
        name: Expression.parse(params.derived[name], f"featurize.derived.{name}")
        for name in params.columns()
        if name in params.derived
    }
