"""A column of the contract: its role, what its values may be, and how cells write them."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd
from pydantic import BeforeValidator, model_serializer, model_validator

from sales.contract.date_forms import Form, refuse
from sales.contract.holes import MISSING
from sales.params import Group


def _as_text(bound: Any) -> Any:
    return bound.isoformat() if isinstance(bound, date) else bound  # YAML's own dates


def _as_texts(marks: Any) -> Any:
    """Return a list's numbers as text: YAML has read them, and a cell says them."""
    if not isinstance(marks, list | tuple):
        return marks
    plain = int | float
    return [str(m) if isinstance(m, plain) and not isinstance(m, bool) else m for m in marks]


Marks = Annotated[tuple[str, ...], BeforeValidator(_as_texts)]
Bound = Annotated[float | str | None, BeforeValidator(_as_text)]


class Column(Group):
    """A column's role and what its values may be; `min` and `max` are allowed themselves.

    `unit` is what its numbers are measured in, for people. `follows` names another column that
    decides this one: `{City: {Austin: TX}}`. Where `missing` is allowed, a row may lack a value:
    an empty cell, a null, a field left out, or one of `missing_marks`, which stand in the place of
    the usual ones. `format`, `dayfirst` and `zone` are of dates (`date_forms.py`), `decimal` and
    `duration` of numbers, `true_values` and `false_values` of truth values (`numbers.py`). What is
    `private` the service keeps of no row as it is: docs/served.md.
    """

    role: Literal["id", "date", "boolean", "numeric", "categorical", "target", "ignored"]
    missing: Literal["refused", "allowed"] = "refused"
    missing_marks: Marks | None = None
    integer: bool = False
    min: Bound = None
    max: Bound = None
    values: Marks | None = None
    unit: str | None = None
    format: str | None = None
    dayfirst: bool | None = None
    zone: str | None = None
    true_values: tuple[str, ...] | None = None
    false_values: tuple[str, ...] | None = None
    decimal: Literal[".", ","] | None = None
    duration: Literal["seconds", "minutes", "hours", "days"] | None = None
    follows: dict[str, dict[str, str]] | None = None
    private: bool = False

    @model_validator(mode="after")
    def _fits_role(self) -> "Column":
        number = self.role in ("numeric", "target")
        if self.integer and not number:
            raise ValueError("integer is for numeric columns")
        if self.values is not None and self.role != "categorical":
            raise ValueError("values are for categorical columns")
        if self.values is not None and len(set(self.values)) < max(1, len(self.values)):
            raise ValueError("values must be given once each, at least one")
        if self.unit is not None and not number:
            raise ValueError("a unit is for numeric columns")
        if self.private and self.role == "target":
            raise ValueError("private: not for the target: by its truths a model is judged")
        self._may_miss()
        self._written_as()
        self._followable()
        for bound in (self.min, self.max):
            if bound is None:
                continue
            if self.role == "date":
                try:
                    zone = datetime.fromisoformat(str(bound)).tzinfo
                except ValueError:
                    raise ValueError(f"'{bound}' is not a date") from None
                if zone:
                    raise ValueError(f"'{bound}' has a time zone; dates are held without one")
            elif not number or isinstance(bound, str):
                raise ValueError(f"the bound {bound!r} does not suit the role {self.role}")
        if self.min is not None and self.max is not None and self.low > self.high:
            raise ValueError("min is above max")
        return self

    def _may_miss(self) -> None:
        if self.missing == "allowed" and self.role in ("id", "target", "ignored"):
            why = {"id": "an id names its row", "target": "a row without one is never learnt from"}
            raise ValueError(
                f"missing: not for the role {self.role}: {why.get(self.role, 'unread')}"
            )
        both = sorted(set(self.values or ()).intersection(self.missing_marks or ()))
        if both:
            raise ValueError(f"'{both[0]}' stands in values and in missing_marks")

    def _written_as(self) -> None:
        number = self.role in ("numeric", "target")
        for key, fits, what in (
            ("format", self.role == "date", "dates"),
            ("dayfirst", self.role == "date", "dates"),
            ("zone", self.role == "date", "dates"),
            ("true_values", self.role == "boolean", "boolean columns"),
            ("false_values", self.role == "boolean", "boolean columns"),
            ("decimal", number, "numeric columns"),
            ("duration", number, "numeric columns"),
        ):
            if getattr(self, key) is not None and not fits:
                raise ValueError(f"{key} is for {what}")
        if self.format is not None and self.dayfirst is not None:
            raise ValueError("format says already whether the day comes first")
        both = sorted(set(self.true_values or ()).intersection(self.false_values or ()))
        if both:
            raise ValueError(f"'{both[0]}' stands in true_values and in false_values")
        if self.zone is not None:
            try:
                ZoneInfo(self.zone)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise ValueError(f"'{self.zone}' is no time zone, such as Europe/Berlin") from None
        if self.format is not None:
            refuse(self.format)

    @property
    def dates_as(self) -> Form:
        """How its dates are written."""
        return Form(self.format, self.dayfirst, self.zone)

    @model_serializer(mode="wrap")
    def _written(self, write: Any) -> dict[str, Any]:
        """Leave out what came later and says nothing: older contracts keep their bytes."""
        told = write(self)
        return {k: v for k, v in told.items() if k not in LATER or v != _default(k)}

    @property
    def optional(self) -> bool:
        """Whether a row may lack a value."""
        return self.missing == "allowed"

    @property
    def marks(self) -> frozenset[str]:
        """What a text cell that holds nothing may say, the empty one among them."""
        if self.missing_marks is None:
            return MISSING.difference(self.values or ())
        return frozenset(("", *self.missing_marks))

    def _followable(self) -> None:
        if self.follows is None:
            return
        if self.role != "categorical" or len(self.follows) != 1:
            raise ValueError("follows is for categorical columns, and names one other column")
        for leads in self.follows.values():
            strange = sorted(set(leads.values()).difference(self.values or leads.values()))
            if strange:
                raise ValueError(f"follows leads to '{strange[0]}', which is not in values")

    @property
    def low(self) -> Any:
        """`min` as it compares with the column's values: a number or a timestamp."""
        return pd.Timestamp(str(self.min)) if self.role == "date" else float(self.min or 0)

    @property
    def high(self) -> Any:
        """`max` as it compares with the column's values; a day lasts to its last millisecond."""
        if self.role != "date":
            return float(self.max or 0)
        last = pd.Timestamp(str(self.max))
        is_day = last == last.normalize()
        return last + pd.Timedelta("1D") - pd.Timedelta("1ms") if is_day else last


# Keys that the first contracts did not have.
LATER = frozenset(("missing", "missing_marks", "format", "dayfirst", "zone"))
LATER |= {"true_values", "false_values", "decimal", "duration", "private"}


def _default(key: str) -> Any:
    return Column.model_fields[key].default
