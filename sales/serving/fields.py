"""What each field of a request may be, as pydantic types made from the model's own fields.

There are two sets. What pydantic lets through by itself, and fast, is enough for most requests;
the full one reads what that refuses, or what looks strange in it, and tells all that is wrong.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, NotRequired

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    TypeAdapter,
    WithJsonSchema,
)
from typing_extensions import TypedDict

from sales.contract import Column
from sales.contract.cells import WHOLE, sentinels
from sales.contract.date_forms import ISO, instant
from sales.contract.expressions import Expression
from sales.contract.numbers import PLAIN, truth
from sales.models.features import Featuriser
from sales.serving.ranges import PART_RANGE

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NUMBER_OF: dict[Any, int] = {day: number for number, day in enumerate(DAYS)}
LONGEST = 200  # characters of a category
NO_DATE = "Input should be a valid date in ISO 8601, such as 2024-06-03"
NO_MARK = "Input should be a value, not a mark of none"
DATE_SCHEMA = {
    "anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}],
    "description": "ISO 8601, in UTC where it names a zone; 20240603 is a day too",
}
CODES = rf"{PLAIN}|^(true|false)$"  # of which a category may come as a number or a truth value
BOOLEAN_SCHEMA = {"anyOf": [{"type": "boolean"}, {"enum": [0, 1]}, {"type": "string"}]}
typed_dict: Any = TypedDict  # called with fields that only the model knows


def parts_of(featuriser: Featuriser, dates: list[str]) -> dict[str, str]:
    """Return the columns that are a part of the date, if they are all that reads it.

    None where there are several dates, or one that a row may lack.
    """
    if len(dates) != 1 or featuriser.fields[dates[0]].optional:
        return {}
    parts = {}
    for name, text in featuriser.derived.items():
        if dates[0] not in Expression.parse(text, name).names:
            continue
        match = re.fullmatch(rf"\s*(\w+)\(\s*{re.escape(dates[0])}\s*\)\s*", text)
        if not match or match[1] not in PART_RANGE:
            return {}
        parts[name] = match[1]
    return parts


class Adapters(NamedTuple):
    """What reads one order, and a list of them."""

    one: TypeAdapter[dict[str, Any]]
    many: TypeAdapter[list[dict[str, Any]]]


def adapters(featuriser: Featuriser, parts: Mapping[str, str], *, full: bool) -> Adapters:
    """Return one of both sets; `parts` may stand in the date's place."""
    fields: dict[str, Any] = {}
    for name, column in featuriser.fields.items():
        kind = _kind(column, full=full, levels=featuriser.levels.get(name, ()))
        kind = kind | None if column.optional else kind
        if marks := sentinels(column):
            kind = _marked(kind, marks, column)
        if column.optional:
            fields[name] = NotRequired[kind]
        else:
            fields[name] = NotRequired[kind] if parts and column.role == "date" else kind
    for name, part in parts.items():
        low, high = PART_RANGE[part]
        whole: Any = Annotated[int, Field(strict=True, ge=low, le=high)]
        if full:
            whole = Annotated[whole, BeforeValidator(_without_fraction)]
        fields[name] = NotRequired[Literal[DAYS] | whole if part == "day_of_week" else whole]
    # A TypedDict: what it lets through is a plain dict, made faster than a model's instance.
    order: Any = typed_dict("Order", fields)
    return Adapters(TypeAdapter(order), TypeAdapter(list[order]))


def _marked(kind: Any, marks: frozenset[float], column: Column) -> Any:
    """Return the kind of a number, some values of which say that there is none."""

    def known(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float) or value not in marks:
            return value
        if column.optional:
            return None
        raise ValueError(NO_MARK)

    return Annotated[kind, BeforeValidator(known)]


def _kind(column: Column, *, full: bool, levels: Sequence[str] = ()) -> Any:
    if column.role == "boolean":
        if not full:
            return Annotated[bool, Field(strict=True)]
        return Annotated[bool, PlainValidator(_said(column)), WithJsonSchema(BOOLEAN_SCHEMA)]
    if column.role == "categorical":
        known = list(column.values or ())
        # Listed for people and forms; another value is answered all the same.
        extra: Any = {"examples": known} if known else {}
        if not column.optional:
            extra["not"] = {"enum": sorted(column.marks)}
        text = Annotated[str, Field(strict=True, max_length=LONGEST, json_schema_extra=extra)]
        if not full:
            return text
        numbers = any(re.match(CODES, level) for level in (*known, *levels))
        coded = Annotated[text, BeforeValidator(_coded)] if numbers else text
        if column.optional:
            return coded
        return Annotated[coded, AfterValidator(_not_one_of(column.marks))]
    if column.role == "date":
        if full:
            marks = column.marks if column.optional else frozenset[str]()
            told = DATE_SCHEMA if column.dates_as == ISO else _date_schema(column)
            return Annotated[str, PlainValidator(_dated(column, marks)), WithJsonSchema(told)]
        return Annotated[str, Field(strict=True)]
    limits: dict[str, Any] = {"strict": True, "allow_inf_nan": False}
    limits |= {k: v for k, v in (("ge", column.min), ("le", column.max)) if v is not None}
    if not column.integer:
        return Annotated[float, Field(**limits)]
    whole: Any = {"type": "integer", "multipleOf": 1}
    number = Annotated[float, Field(**limits, json_schema_extra=whole)]
    return Annotated[number, AfterValidator(_whole)] if full else number


def _not_one_of(marks: frozenset[str]) -> Callable[[str], str]:
    def held(text: str) -> str:
        if text in marks:
            raise ValueError(NO_MARK)
        return text

    return held


def _whole(number: float) -> float:
    if number % 1:
        raise ValueError("Input should be a multiple of 1")
    if abs(number) > WHOLE:
        raise ValueError("Input should be within 2^53 of zero")
    return number


def _without_fraction(number: Any) -> Any:
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _said(column: Column) -> Callable[[Any], bool]:
    def held(value: Any) -> Any:
        if column.optional and (value is None or value in column.marks):
            return None
        said = truth(value, column.true_values, column.false_values)
        if said is None:
            raise ValueError("Input should be true or false, or one of their words")
        return bool(said)

    return held


def _coded(value: Any) -> Any:
    """Return the text of a category that came as a number or a truth value, as files store it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < WHOLE:
        return str(int(value))
    return str(value) if isinstance(value, int | float) else value


def _date_schema(column: Column) -> dict[str, Any]:
    form, said = column.dates_as, "ISO 8601"
    if form.format:
        said = f"As {form.format}, or ISO 8601"
    elif form.dayfirst is not None:
        said = f"As {'3/6/2024' if form.dayfirst else '6/3/2024'} (3 June), or ISO 8601"
    zone = f"; what names no offset is in {form.zone}" if form.zone else ", in UTC with an offset"
    return {"type": "string", "description": said + zone}


def _dated(column: Column, marks: frozenset[str]) -> Callable[[Any], str]:
    form = column.dates_as

    def held(text: Any) -> str:
        if not isinstance(text, str) or (text not in marks and instant(text, form) is None):
            raise ValueError(NO_DATE)
        return text

    return held
