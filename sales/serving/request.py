"""What a client of the service must send: a schema made from the promoted model's own fields.

Numbers out of the contract's range are refused; a category or a date that training never saw is
answered, with a warning: shops get new brands, and tomorrow comes.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal, NotRequired

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from sales.contract import Column
from sales.contract.expressions import Expression
from sales.models.features import Featuriser

Orders = dict[str, Any]  # columns of equally long lists or arrays, as the featuriser takes them

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NUMBER_OF: dict[Any, int] = {day: number for number, day in enumerate(DAYS)}
# A part of a date that may be sent in the date's place, and what values it may have.
PART_RANGE = {"year": (1, 9999), "month": (1, 12), "day_of_week": (0, 6)}
WHOLE = {
    part: Annotated[int, Field(strict=True, ge=low, le=high)]
    for part, (low, high) in PART_RANGE.items()
}
PARTS: dict[str, Any] = {**WHOLE, "day_of_week": Literal[DAYS] | WHOLE["day_of_week"]}
LONGEST = 200  # characters of a category
typed_dict: Any = TypedDict  # called with fields that only the model knows


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
        self.parts = _parts(featuriser, self.dates)
        self._part_of = {p: Expression.parse(featuriser.derived[p], p) for p in self.parts}
        self._undated = [name for name in featuriser.fields if name not in self.dates]
        # What most orders bring: every field, of a date its parts.
        self._usual = {*self._undated, *self.parts} if self.parts or not self.dates else None
        self._days = [part for part, kind in self.parts.items() if kind == "day_of_week"]
        self._windows = self._seen()
        fields: dict[str, Any] = {}
        for name, column in featuriser.fields.items():
            kind = _kind(column)
            fields[name] = NotRequired[kind] if self.parts and name in self.dates else kind
        for name, part in self.parts.items():
            fields[name] = NotRequired[PARTS[part]]
        # A TypedDict: what it lets through is a plain dict, made faster than a model's instance.
        order: Any = typed_dict("Order", fields)
        self._one: TypeAdapter[dict[str, Any]] = TypeAdapter(order)
        self._many: TypeAdapter[list[dict[str, Any]]] = TypeAdapter(list[order])

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of one order."""
        return self._one.json_schema()

    def one(self, body: bytes | str) -> Orders:
        """Return the order in a JSON object, as columns of one value. Raises RequestError."""
        try:
            order = self._one.validator.validate_json(body)
        except ValidationError as error:
            raise _refused(error) from None
        if order.keys() != self._usual:
            return self._columns([order], single=True)
        columns = {name: [value] for name, value in order.items()}
        for day in self._days:
            columns[day] = [NUMBER_OF.get(order[day], order[day])]
        return columns

    def many(self, body: bytes | str) -> Orders:
        """Return the orders in a JSON list. Raises RequestError that names every bad field."""
        try:
            orders = self._many.validator.validate_json(body)
        except ValidationError as error:
            raise _refused(error) from None
        return self._columns(orders, single=False)

    def warnings(self, orders: Orders) -> list[str]:
        """Return what training never saw: categories, and dates outside the contract's window."""
        found = [
            f"{name}: '{value}' was not in the training data"
            for name, values in self.featuriser.unknown(orders).items()
            for value in values
        ]
        for sent, (first, last, window) in self._windows.items():
            if sent in orders:
                low, high = _ends(orders[sent])
                if low < first or high > last:
                    found.append(f"{sent}: {window}")
        return found

    def _seen(self) -> dict[str, tuple[Any, Any, str]]:
        """Return first and last of the dates and years that training saw, and a text of it."""
        seen: dict[str, tuple[Any, Any, str]] = {}
        for name in self.dates:
            column = self.featuriser.fields[name]
            low, high = (
                np.datetime64(bound, "ms")
                for bound in (
                    column.low if column.min else "0001-01-01",
                    column.high if column.max else "9999-12-31T23:59:59.999",
                )
            )
            window = f"{column.min or 'any day'} to {column.max or 'any day'}"
            text = f"outside {window}, which the training data covers"
            seen[name] = (low, high, text)
            years = [part for part, kind in self.parts.items() if kind == "year"]
            first, last = (
                bound.astype("datetime64[Y]").astype(int) + 1970 for bound in (low, high)
            )
            seen |= dict.fromkeys(years, (int(first), int(last), text))
        return seen

    def _columns(self, orders: Sequence[Mapping[str, Any]], *, single: bool) -> Orders:
        """Return the orders column by column; of a date's parts, all or none."""
        columns: Orders = {name: [order[name] for order in orders] for name in self._undated}
        if not self.dates:
            return columns
        [name] = self.dates
        dated = [name in order for order in orders]
        if all(dated):
            columns[name] = _instants([order[name] for order in orders])
            return columns
        missing = [
            {
                "type": "missing",
                "loc": ["body", part] if single else ["body", row, part],
                "msg": f"Field required, or {name} in its place",
            }
            for row, order in enumerate(orders)
            if name not in order
            for part in self.parts
            if part not in order
        ]
        if missing:
            raise RequestError(missing)
        for part in self.parts:
            sent = [order.get(part) for order in orders]
            columns[part] = [NUMBER_OF.get(value, value) for value in sent]
        if any(dated):
            known = _instants([order[name] for order in orders if name in order])
            for part, expression in self._part_of.items():
                columns[part] = np.array(columns[part], dtype=np.float64)
                columns[part][np.array(dated)] = expression.evaluate({name: known})
        return columns


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


def _parts(featuriser: Featuriser, dates: list[str]) -> dict[str, str]:
    """Return the columns that are a part of the date, if they are all that reads it."""
    if len(dates) != 1:
        return {}
    parts = {}
    for name, text in featuriser.derived.items():
        if dates[0] not in Expression.parse(text, name).names:
            continue
        match = re.fullmatch(rf"\s*(\w+)\(\s*{re.escape(dates[0])}\s*\)\s*", text)
        if not match or match[1] not in PARTS:
            return {}
        parts[name] = match[1]
    return parts


def _kind(column: Column) -> Any:
    if column.role == "categorical":
        known = list(column.values or ())
        # Listed for people and forms; another value is answered all the same.
        extra: Any = {"examples": known} if known else None
        return Annotated[str, Field(strict=True, max_length=LONGEST, json_schema_extra=extra)]
    if column.role == "date":
        return Annotated[datetime, Field(strict=True)] | Annotated[date, Field(strict=True)]
    limits: dict[str, Any] = {"strict": True, "allow_inf_nan": False}
    limits |= {k: v for k, v in (("ge", column.min), ("le", column.max)) if v is not None}
    if column.integer:
        limits |= {"multiple_of": 1, "json_schema_extra": {"type": "integer"}}
    return Annotated[float, Field(**limits)]


def _ends(values: Any) -> tuple[Any, Any]:
    if isinstance(values, list):
        return min(values), max(values)
    return values.min(), values.max()


def _instants(days: Sequence[Any]) -> np.ndarray:
    """Return dates and datetimes as milliseconds; one with a time zone in UTC."""
    return np.array([np.datetime64(_naive(day), "ms") for day in days], dtype="datetime64[ms]")


def _naive(day: date) -> date:
    if isinstance(day, datetime) and day.tzinfo:
        offset = day.utcoffset()
        return day.replace(tzinfo=None) - offset if offset else day.replace(tzinfo=None)
    return day


def _refused(error: ValidationError) -> RequestError:
    """Return what is wrong, once a field: a date is tried in two ways, a day of the week too."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    details: dict[tuple, dict[str, Any]] = {}
    for one in found:
        loc = one["loc"][: 2 if one["loc"] and isinstance(one["loc"][0], int) else 1]
        details.setdefault(loc, {"type": one["type"], "loc": ["body", *loc], "msg": one["msg"]})
    return RequestError(list(details.values()))
