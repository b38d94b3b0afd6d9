"""The featuriser: from an order's columns to the numbers that a model sees.

Fitted on the train rows only. One code path serves a table and a single order, so that training
and serving cannot drift apart: `transform` works elementwise, without BLAS, and gives an order
the same bits alone as in a table.
"""

from collections.abc import Callable, Mapping, Sequence
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
from sales.models import codes, feature_sets, many_levels, spans, target_encoding
from sales.models.codes import Codes
from sales.models.feature_sets import FeaturizeParams
from sales.models.spans import Range

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
    A category that is `encoded` is a number: what each level adds to the mean target, in their
    order, and last, where train rows lack it, what that does (`target_encoding.py`).
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
    ranges: Mapping[str, Range] | None = None
    holes: tuple[str, ...] = ()
    folded: Mapping[str, int] = field(default_factory=dict)
    encoded: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @cached_property
    def _expressions(self) -> dict[str, Expression]:
        return {
            n: Expression.parse(text, f"derived column {n}") for n, text in self.derived.items()
        }

    @cached_property
    def _codes(self) -> dict[str, Codes]:
        return {
            name: codes.of_amounts(levels, self.encoded[name], hole=name in self.holes)
            if name in self.encoded
            else codes.of(levels, self.folded.get(name), hole=name in self.holes)
            for name, levels in self.levels.items()
        }

    def sizes(self) -> tuple[int, ...]:
        """Return how many codes each feature has; 0 of a number, and of a category as one."""
        coded = {name: own for name, own in self._codes.items() if name not in self.encoded}
        each = (coded.get(name, {}).values() for name in self.columns)
        return tuple(sum(code == code for code in own) for own in each)

    def lacking(self) -> tuple[bool, ...]:
        """Return of each feature whether some train row lacks it, or has a code that says so."""
        return tuple(name in self.holes and name not in self.encoded for name in self.columns)

    @property
    def request_fields(self) -> tuple[str, ...]:
        """The columns an order must bring, in the order in which the features first need them."""
        return tuple(self.fields)

    def transform(self, orders: Columns) -> np.ndarray:
        """Return the feature matrix, float64, one row an order, columns as in `self.columns`.

        A derived column that the orders already hold (a request with OrderYear in place of
        OrderDate) is taken as it stands. Raises PipelineError when a column is missing.
        """
        return np.array(self.each(orders), np.float64).T

    def each(self, orders: Columns) -> list[np.ndarray | list[Any]]:
        """Return the matrix's columns: of many rows to be written, a matrix is a copy more."""
        parts: list[Any] = []
        for name, own, get in self._sources:
            if name not in orders:
                parts.append(self._computed(name, orders))
                continue
            values = orders[name]
            listed = isinstance(values, list)
            if own is None:
                parts.append(values if listed else np.asarray(values, np.float64))
            elif listed and get is not None:  # what `encode` comes to, for a single order
                parts.append([*map(get, values)])
            else:
                parts.append(codes.encode(values, own))
        return parts

    def sees_like(self, other: "Featuriser") -> bool:
        """Return whether both make the same numbers of any order."""
        return replace(self, ranges=None) == replace(other, ranges=None)

    def unknown(self, orders: Columns) -> dict[str, list[str]]:
        """Return, for each categorical column, the values that training never saw."""
        found: dict[str, list[str]] = {}
        for name, own in self._codes.items():
            strange = set(orders[name]).difference(own)
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
    def _sources(self) -> list[tuple[str, Codes | None, Callable[[Any], Any] | None]]:
        """Each column's name, its codes, and how one is looked up where none stands for others."""
        named = [(name, self._codes.get(name)) for name in self.columns]
        return [
            (name, own, own.get if own is not None and codes.RARE not in own else None)
            for name, own in named
        ]

    def _computed(self, name: str, orders: Columns) -> np.ndarray | list[float]:
        if name not in self.derived:
            raise PipelineError(f"a row needs the column '{name}'")
        expression = self._expressions[name]
        if missing := expression.names.difference(orders):
            needed = ", ".join(sorted(missing))
            raise PipelineError(f"a row needs '{name}', or {needed} to compute it")
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
                **({"encoded": dict(self.encoded)} if self.encoded else {}),
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
            {name: tuple(own) for name, own in content.get("encoded", {}).items()},
        )


class Seen(NamedTuple):
    """What a partition of the train rows tells: its categories' values, its ranges, its holes."""

    levels: dict[str, set[str]]
    ranges: dict[str, Range]
    holes: frozenset[str] = frozenset()
    tallies: Mapping[str, many_levels.Tally] = MappingProxyType({})
    amounts: Mapping[str, target_encoding.Tally] = MappingProxyType({})


def seen(
    train: pd.DataFrame,
    params: FeaturizeParams,
    contract: Contract,
    first: int = 0,
    forward: Callable[[np.ndarray], np.ndarray] | None = None,
    groups: np.ndarray | None = None,
) -> Seen:
    """Return all that `fit` asks of a partition of the train rows, of the columns in `fields`.

    `first` is the number of its first row among all; `forward` makes of targets what is learnt;
    `groups` are the hashes of the rows' groups, where they come in such.
    """
    wanted = feature_sets.fields(params, contract)
    levels = {
        name: {str(value) for value in train[name].unique() if not gone(value)}
        for name, column in wanted.items()
        if column.role == "categorical"
    }
    if not len(train):
        return Seen(levels, {})
    holes = {n for n, column in wanted.items() if column.optional and train[n].isna().any()}
    numbers = {
        name: train[name].to_numpy(np.float64)
        for name, column in wanted.items()
        if column.role in ("numeric", "boolean")
    }
    dates = {name: train[name].to_numpy() for name in contract.dates if name in wanted}
    dates = {n: pd.unique(days[~np.isnat(days)]) for n, days in dates.items()}  # they come again
    ranges = spans.of_days(dates)
    for name, expression in feature_sets.derived(params).items():
        if expression.names <= dates.keys() and len(expression.names) == 1:
            numbers[name] = expression.evaluate(dates).astype(np.float64)
        if expression.names & holes:
            inputs = {column: train[column].to_numpy() for column in expression.names}
            if gone(expression.evaluate(inputs)).any():
                holes.add(name)
    ranges |= spans.of_numbers(numbers, holes)
    target = train[contract.target].to_numpy(np.float64)
    # A column's type has the values in all partitions: each of these comes to the same answer.
    many = {n: len(train[n].cat.categories) for n in levels if n in params.columns()}
    folded = [name for name, count in many.items() if count > params.many_levels]
    tallies = {name: many_levels.tally(train[name], target) for name in folded}
    fold = target_encoding.folds(first, len(train), groups)
    learnt = forward(target) if forward else target
    amounts = {
        name: target_encoding.tally(train[name], learnt, fold)
        for name, count in many.items()
        if params.target_encoding.takes(name, count)
    }
    return Seen(levels, ranges, frozenset(holes), tallies, amounts)


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
    encoded = {n for n in levels if params.target_encoding.takes(n, len(levels[n]))}
    for name in levels.keys() - encoded:
        if len(levels[name]) > params.many_levels:
            told_of = [each.tallies[name] for each in partitions if name in each.tallies]
            levels[name], folded[name] = many_levels.order(many_levels.merged(told_of))
    holes = frozenset[str]().union(*(each.holes for each in partitions))
    amounts = {
        name: target_encoding.fitted(
            [each.amounts[name] for each in partitions if name in each.amounts], hole=name in holes
        )
        for name in levels
        if name in encoded
    }
    return Featuriser(
        params.feature_set,
        columns,
        {name: params.derived[name] for name in derived},
        levels,
        feature_sets.fields(params, contract),
        contract.target,
        spans.merged([each.ranges for each in partitions]),
        tuple(sorted(holes)),
        {name: folded[name] for name in levels if name in folded},
        amounts,
    )
