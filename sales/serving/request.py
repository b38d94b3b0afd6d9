"""What a client of the service must send: a schema made from the promoted model's own fields.

Numbers out of the contract's range are refused; a category that training never saw, and a number
or a date outside of what it saw, are answered with a warning: shops get new brands, and tomorrow
comes. A value is read as a file's cell is (sales/contract/cells.py): tests compare.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from sales.contract.cells import WHOLE, code
from sales.contract.date_forms import instant
from sales.contract.expressions import Expression
from sales.models.features import Featuriser
from sales.serving.fields import DAYS, NO_DATE, NUMBER_OF, adapters, parts_of
from sales.serving.ranges import Outside, Ranges

Orders = dict[str, Any]  # columns of equally long lists or arrays, as the featuriser takes them


class RequestError(Exception):
    """A request that cannot be answered; `details` name the row, the field and what is wrong."""

    def __init__(self, details: list[dict[str, Any]]) -> None:
        super().__init__(details)
        self.details = details


class OrderSchema:
    """The orders that a model can price, one or many, and how to read them."""

    def __init__(self, featuriser: Featuriser) -> None:
        self.featuriser = featuriser
        self.dates = [name for name, column in featuriser.fields.items() if column.role == "date"]
        self.parts = parts_of(featuriser, self.dates)
        self._part_of = {p: Expression.parse(featuriser.derived[p], p) for p in self.parts}
        self._undated = [name for name in featuriser.fields if name not in self.dates]
        # What most orders bring: every field, of a date its parts.
        self._usual = {*self._undated, *self.parts} if self.parts or not self.dates else None
        self._days = [part for part, kind in self.parts.items() if kind == "day_of_week"]
        self._ranges = Ranges(featuriser, self.parts)
        fields = featuriser.fields.items()
        categories = {name: column for name, column in fields if column.role == "categorical"}
        # What a row may lack, and what says that it does: null in any case.
        self._nothing = {name: None for name, column in fields if column.optional}
        self._none = {
            name: column.marks
            for name, column in fields
            if column.optional and column.role in ("categorical", "date")
        }
        self._marks = {n: c.marks for n, c in categories.items() if not c.optional}
        self._suspect = frozenset[str]().union(*self._marks.values())
        self._numbers = [name for name in self._undated if name not in categories]
        self._said = [name for name, column in fields if column.role == "boolean"]
        # Those that may be codes, which come in several ways; of others only what is told differs.
        levels = featuriser.levels
        self._categories = {
            name: column.values or ()
            for name, column in categories.items()
            if any(map(_is_code, (*(column.values or ()), *levels.get(name, ()))))
        }
        self._whole = [name for name, column in featuriser.fields.items() if column.integer]
        # What pydantic lets through by itself, and fast, is looked at here column by column. What
        # either refuses is read again by the second pair, which tells all that is wrong with it.
        self._quick = adapters(featuriser, self.parts, full=False)
        self._full = adapters(featuriser, self.parts, full=True)

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of one order."""
        return self._full.one.json_schema()

    def one(self, body: bytes | str) -> Orders:
        """Return the order in a JSON object, as columns of one value. Raises RequestError."""
        try:
            order = self._quick.one.validator.validate_json(body)
        except ValidationError:
            return self._columns([_validated(self._full.one, body)], single=True)
        if self._nothing:
            order = self._whole_order(order)
        for name in self._categories:
            if _is_code(text := order[name]):
                order[name] = code(text, self._categories[name])
        for name in self._said:
            order[name] = float(order[name])
        if order.keys() != self._usual:
            columns = self._columns_of(self._full.one, body, [order], single=True)
        else:
            columns = {name: [value] for name, value in order.items()}
            for day in self._days:
                columns[day] = [NUMBER_OF.get(order[day], order[day])]
        sound = self._suspect.isdisjoint(order.values())
        for name in self._whole:
            number = order[name]
            sound = sound and (number != number or (number % 1 == 0 and abs(number) <= WHOLE))
        if not sound:
            _validated(self._full.one, body)
        return columns

    def many(self, body: bytes | str) -> Orders:
        """Return the orders in a JSON list. Raises RequestError that names every bad field."""
        try:
            orders = self._quick.many.validator.validate_json(body)
        except ValidationError:
            return self._columns(_validated(self._full.many, body), single=False)
        columns = self._columns_of(self._full.many, body, orders, single=False)
        sound = all(marks.isdisjoint(columns[name]) for name, marks in self._marks.items())
        for name in self._whole:
            numbers = columns[name]
            whole = (numbers % 1 == 0) & (np.abs(numbers) <= WHOLE)
            sound = sound and bool(np.all(whole | np.isnan(numbers)))
        if not sound:
            _validated(self._full.many, body)
        return columns

    def _columns_of(
        self, full: TypeAdapter[Any], body: bytes | str, orders: Sequence[Any], *, single: bool
    ) -> Orders:
        """Return the columns. What is wrong with single fields is told first, and all of it."""
        try:
            return self._columns(orders, single=single)
        except RequestError:
            _validated(full, body)
            raise

    def warnings(self, orders: Orders) -> list[str]:
        """Return what training never saw: categories, and values `outside` of its ranges."""
        outside = self.outside(orders)
        return [*self.unseen(orders), *(outside.warnings if outside else ())]

    def unseen(self, orders: Orders) -> list[str]:
        """Return a warning for each category that training never saw, and each new hole."""
        return [
            *(
                f"{name}: '{code(value)}' {RARE if name in self.featuriser.folded else UNSEEN}"
                for name, values in self.featuriser.unknown(orders).items()
                for value in values
            ),
            *(
                f"{name}: it is missing, which it never was in the training data"
                for name in self.featuriser.never_missing(orders)
            ),
        ]

    def outside(self, orders: Orders) -> Outside | None:
        """Return what lies outside the ranges of the train rows; None: nothing."""
        return self._ranges.outside(orders)

    def _columns(self, orders: Sequence[Mapping[str, Any]], *, single: bool) -> Orders:
        """Return the orders column by column; of a date's parts, all or none.

        Raises RequestError for a date that is none, for one that its parts contradict, and where
        there is neither it nor all its parts.
        """
        if self._nothing:
            orders = [self._whole_order(order) for order in orders]
        columns: Orders = {name: [order[name] for order in orders] for name in self._undated}
        for name, named in self._categories.items():
            coded = {text: code(text, named) for text in set(columns[name]) if _is_code(text)}
            if coded:
                columns[name] = [coded.get(text, text) for text in columns[name]]
        for name in self._said:
            columns[name] = [float(value) for value in columns[name]]
        if not single:
            columns |= {name: np.array(columns[name], np.float64) for name in self._numbers}
        faults: list[_Wrong] = []
        for name in self.dates:
            dated = [row for row, order in enumerate(orders) if order.get(name) is not None]
            texts = [orders[row][name] for row in dated]
            form = self.featuriser.fields[name].dates_as
            read = {text: instant(text, form) for text in set(texts)}  # days come again and again
            faults += [
                (row, name, "value_error", NO_DATE)
                for row, text in zip(dated, texts, strict=True)
                if read[text] is None
            ]
            known = np.array([read[text] or 0 for text in texts], "datetime64[ms]")
            columns |= self._of_date(name, orders, dated, known, faults, single=single)
        if faults:
            where = [[] if single else [row] for row, _, _, _ in faults]
            raise RequestError(
                [
                    {"type": kind, "loc": ["body", *at, field], "msg": why}
                    for at, (_, field, kind, why) in zip(where, faults, strict=True)
                ]
            )
        return columns

    def _whole_order(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Return an order with all that it may lack: None, or NaN of a number."""
        whole = {**self._nothing, **order}
        for name in self._nothing:
            if name in self._none:
                text = whole[name]
                if name in self._categories and _is_code(text):
                    text = code(text, self._categories[name])
                whole[name] = None if text in self._none[name] else text
            elif whole[name] is None:
                whole[name] = np.nan
        return whole

    def _of_date(
        self,
        name: str,
        orders: Sequence[Mapping[str, Any]],
        dated: list[int],
        known: np.ndarray,
        faults: "list[_Wrong]",
        *,
        single: bool,
    ) -> Orders:
        """Return a date's column, or its parts' where an order has them in its place.

        `known` are the dates of the `dated` rows. What is wrong with the parts is added to faults.
        """
        undated = len(dated) < len(orders)
        if not self.parts:
            whole = np.full(len(orders), "NaT", "datetime64[ms]")
            whole[dated] = known
            return {name: whole}
        beside = any(part in orders[row] for part in self.parts for row in dated)
        told: dict[str, np.ndarray] = {}
        if undated or beside:
            told = {part: each.evaluate({name: known}) for part, each in self._part_of.items()}
            if not faults:
                faults += self._missing_or_contradicting(orders, dated, told)
        if faults or not undated:
            return {name: known}
        columns: Orders = {}
        for part in self.parts:
            sent = [order.get(part) for order in orders]
            columns[part] = [NUMBER_OF.get(value, value) for value in sent]
            if not single:
                columns[part] = np.array(columns[part], np.float64)
                if dated:
                    columns[part][dated] = told[part]
        return columns

    def _missing_or_contradicting(
        self, orders: Sequence[Mapping[str, Any]], dated: list[int], told: Mapping[str, np.ndarray]
    ) -> "Iterator[_Wrong]":
        """Yield the row, the part of the date, the kind of fault and why, row by row."""
        [name] = self.dates
        at = dict(zip(dated, range(len(dated)), strict=True))
        for row, order in enumerate(orders):
            for part in self.parts:
                if row not in at:
                    if part not in order:
                        yield row, part, "missing", f"Field required, or {name} in its place"
                elif part in order:
                    says = int(told[part][at[row]])
                    if NUMBER_OF.get(order[part], order[part]) != says:
                        shown = DAYS[says] if self.parts[part] == "day_of_week" else says
                        yield row, part, "contradiction", f"Input should be {shown}, as {name} says"


UNSEEN = "was not in the training data"
RARE = "is rare in the training data, or not there: it is answered as all rare values are"
WHOLE_NUMBER = re.compile(r"-?\d+(\.0+)?", re.ASCII)


def _is_code(text: str | None) -> bool:
    """Whether a category is a whole number, which files store in several ways."""
    return bool(text) and WHOLE_NUMBER.fullmatch(text or "") is not None


_Wrong = tuple[int, str, str, str]  # the row, the field, the kind of fault, and why


def snake(name: str) -> str:
    """Return `TotalAmount` as `total_amount`, `price ($)` as `price`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"\W+", "_", spaced).strip("_").lower()


def added_columns(target: str) -> tuple[str, str, str]:
    """Return what scoring adds: the names of the prediction and its ends, in the target's style.

    `PredictedTotalAmount` for `TotalAmount`, `predicted_price` for `price`.
    """
    if target[:1].isupper():
        name = f"Predicted{target}"
        return name, f"{name}Low", f"{name}High"
    name = f"predicted_{target}"
    return name, f"{name}_low", f"{name}_high"


def _validated(adapter: TypeAdapter[Any], body: bytes | str) -> Any:
    """Return what a body holds. Raises RequestError that names every bad field."""
    try:
        return adapter.validator.validate_json(body)
    except ValidationError as error:
        raise _refused(error) from None


def _refused(error: ValidationError) -> RequestError:
    """Return what is wrong, once a field: a date is tried in two ways, a day of the week too."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    details: dict[tuple, dict[str, Any]] = {}
    for one in found:
        loc = one["loc"][: 2 if one["loc"] and isinstance(one["loc"][0], int) else 1]
        why = one["msg"].removeprefix("Value error, ")  # before what is raised here
        details.setdefault(loc, {"type": one["type"], "loc": ["body", *loc], "msg": why})
    return RequestError(list(details.values()))
