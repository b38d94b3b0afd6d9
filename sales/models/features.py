"""The featuriser: from an order's columns to the numbers that a model sees.

Fitted on the train rows only. One code path serves a table and a single order, so that training
and serving cannot drift apart: `transform` works elementwise, without BLAS, and gives an order
the same bits alone as in a table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sales import files
from sales.contract import Column, Contract
from sales.contract.expressions import Expression
from sales.contract.holes import gone
from sales.errors import PipelineError
from sales.models import feature_sets, many_levels
from sales.models.feature_sets import FeaturizeParams

Range = tuple[float | str, float | str]  # of numbers, or of days
Codes = dict[str | None, float]  # None: of no value
RARE = "\0"  # among the codes: of all values that have none of their own; no cell says it
Columns = pd.DataFrame | Mapping[str, Any]  # or a dict of equally long arrays or lists


@dataclass(frozen=True)
class Featuriser:
    """Fitted features: numeric columns as they are or computed, categories as codes.

    With `fields`, the columns an order must bring as the contract had them when it was fitted, and
    the target, it is all that a model needs to know of the contract.
    `levels` maps each categorical column to its values in the train rows, sorted; a value's code is
    its place there. A value not seen in training becomes NaN, which the trees send down their
    branch for missing values and the linear model answers without that column's part.
    `holes` are the fields and features that some train row lacks. A category among them has one
    more code, the last, for rows that lack it; a number that is missing is NaN.
    A category with very many values is `folded`: its levels stand in another order, and all values
    but those have one code together, this one.
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
    holes: tuple[str, ...] = ()
    folded: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def _expressions(self) -> dict[str, Expression]:
        return {
            n: Expression.parse(text, f"derived column {n}") for n, text in self.derived.items()
        }

    @cached_property
    def _codes(self) -> dict[str, Codes]:
        codes: dict[str, Codes] = {
            name: {level: float(code) for code, level in enumerate(levels)}
            for name, levels in self.levels.items()
        }
        for name, rare in self.folded.items():
            codes[name] = {n: code + (code >= rare) for n, code in codes[name].items()}
            codes[name] |= {RARE: float(rare), None: np.nan}
        for name in codes.keys() & self.holes:
            codes[name][None] = float(len(codes[name]) - (name in self.folded))
        return codes

    def sizes(self) -> tuple[int, ...]:
        """Return how many codes each feature has; 0 of a number."""
        each = (self._codes.get(name, {}).values() for name in self.columns)
        return tuple(sum(code == code for code in codes) for codes in each)

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

    def sees_like(self, other: "Featuriser") -> bool:
        """Return whether both make the same numbers of any order."""
        return replace(self, ranges=None) == replace(other, ranges=None)

    def unknown(self, orders: Columns) -> dict[str, list[str]]:
        """Return, for each categorical column, the values that training never saw."""
        found: dict[str, list[str]] = {}
        for name, codes in self._codes.items():
            strange = set(orders[name]).difference(codes)
            if strange and self.fields[name].optional:  # no value is none that is new
                strange = {value for value in strange if not gone(value)}
            if strange:
                found[name] = sorted(map(str, strange))
        return found

    def never_missing(self, orders: Columns) -> list[str]:
        """Return the columns that some order lacks, but no train row did."""
        return [
            name
            for name in self._always_there
            if name in orders and np.any(gone(np.asarray(orders[name])))
        ]

    @cached_property
    def _always_there(self) -> list[str]:
        fields = self.fields.items()
        return [name for name, column in fields if column.optional and name not in self.holes]

    @cached_property
    def _sources(self) -> list[tuple[str, Codes | None]]:
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
                **({"holes": list(self.holes)} if self.holes else {}),
                **({"folded": dict(self.folded)} if self.folded else {}),
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
            tuple(content.get("holes", ())),
            content.get("folded", {}),
        )


def _encode(values: Any, codes: Codes) -> Any:
    """Return an array, or a list to make one of, in which None is NaN."""
    rare = codes.get(RARE, np.nan)
    if isinstance(values, list) and rare != rare:
        return [*map(codes.get, values)]
    dtype = getattr(values, "dtype", None)
    if isinstance(dtype, pd.CategoricalDtype):  # look up each category once, not each row
        categorical = pd.Categorical(values)
        known = (codes.get(category, rare) for category in categorical.categories)
        lookup = np.array([*known, codes.get(None, np.nan)])
        return lookup[categorical.codes]  # code -1, a missing value, takes the last entry
    if None in codes:
        return [codes.get(None if gone(value) else value, rare) for value in values]
    return [*map(codes.get, values)]


class Seen(NamedTuple):
    """What a partition of the train rows tells: its categories' values, its ranges, its holes."""

    levels: dict[str, set[str]]
    ranges: dict[str, Range]
    holes: frozenset[str] = frozenset()
    tallies: Mapping[str, many_levels.Tally] = MappingProxyType({})


def seen(train: pd.DataFrame, params: FeaturizeParams, contract: Contract) -> Seen:
    """Return all that `fit` asks of a partition of the train rows, of the columns in `fields`."""
    wanted = feature_sets.fields(params, contract)
    levels = {
        name: {str(value) for value in train[name].unique() if not gone(value)}
        for name, column in wanted.items()
        if column.role == "categorical"
    }
    if not len(train):
        return Seen(levels, {})
    optional = {name for name, column in wanted.items() if column.optional}
    holes = {name for name in optional if train[name].isna().any()}
    numbers = {
        name: train[name].to_numpy(np.float64)
        for name, column in wanted.items()
        if column.role in ("numeric", "boolean")
    }
    dates = {name: train[name].to_numpy() for name in contract.dates if name in wanted}
    dates = {n: days[~np.isnat(days)] if n in holes else days for n, days in dates.items()}
    ranges: dict[str, Range] = {
        name: (str(days.min().astype("datetime64[D]")), str(days.max().astype("datetime64[D]")))
        for name, days in dates.items()
        if len(days)
    }
    for name, expression in feature_sets.derived(params).items():
        if expression.names <= dates.keys() and len(expression.names) == 1:
            numbers[name] = expression.evaluate(dates).astype(np.float64)
        if expression.names & holes:
            inputs = {column: train[column].to_numpy() for column in expression.names}
            if gone(expression.evaluate(inputs)).any():
                holes.add(name)
    ranges |= {
        name: (float(each.min()), float(each.max()))
        for name, all_of in numbers.items()
        for each in [all_of[~np.isnan(all_of)] if name in holes else all_of]
        if len(each) and np.isfinite(each).all()
    }
    # A column's type has the values in all partitions: each of these comes to the same answer.
    tallies = {
        name: many_levels.tally(train[name], train[contract.target].to_numpy(np.float64))
        for name in levels
        if name in params.columns() and len(train[name].cat.categories) > params.many_levels
    }
    return Seen(levels, ranges, frozenset(holes), tallies)


def fit(partitions: Sequence[Seen], params: FeaturizeParams, contract: Contract) -> Featuriser:
    """Return the featuriser of the chosen feature set, from what was `seen` in the train rows.

    Raises what `fields` does.
    """
    columns, derived = params.columns(), feature_sets.derived(params)
    levels = {
        name: tuple(sorted(set[str]().union(*(each.levels[name] for each in partitions))))
        for name in columns
        if name in contract.categorical and name not in derived
    }
    folded: dict[str, int] = {}
    for name in levels:
        if len(levels[name]) > params.many_levels:
            told_of = [each.tallies[name] for each in partitions if name in each.tallies]
            levels[name], folded[name] = many_levels.order(many_levels.merged(told_of))
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
        feature_sets.fields(params, contract),
        contract.target,
        ranges,
        tuple(sorted(frozenset[str]().union(*(each.holes for each in partitions)))),
        folded,
    )
