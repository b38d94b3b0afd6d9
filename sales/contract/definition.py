"""The order contract: what an order is, as the `contract` group of params.yaml says it."""

from datetime import date, datetime
from functools import cached_property
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import (
    BeforeValidator,
    Field,
    field_validator,
    model_serializer,
    model_validator,
)

from sales.contract.expressions import Expression
from sales.contract.holes import MISSING
from sales.errors import PipelineError
from sales.params import Group


def _as_text(bound: Any) -> Any:
    return bound.isoformat() if isinstance(bound, date) else bound  # YAML's own dates


Word = Annotated[str, Field(min_length=1)]


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
    the usual ones.
    """

    role: Literal["id", "date", "numeric", "categorical", "target", "ignored"]
    missing: Literal["refused", "allowed"] = "refused"
    missing_marks: Marks | None = None
    integer: bool = False
    min: Bound = None
    max: Bound = None
    values: tuple[str, ...] | None = None
    unit: str | None = None
    follows: dict[str, dict[str, str]] | None = None

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
        self._may_miss()
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


LATER = frozenset(("missing", "missing_marks"))  # keys that the first contracts did not have


def _default(key: str) -> Any:
    return Column.model_fields[key].default


class Rule(Group):
    """Two expressions that must agree in every row, within the tolerance."""

    left: str
    right: str
    tolerance: float = Field(ge=0)


class Called(Group):
    """What people call the project and its rows, on the page and in the API's documentation."""

    title: Word = "Predictions"
    row: Word = "row"
    rows: Word = "rows"
    question: str | None = None


class Contract(Group):
    """See `contract` in params.yaml.

    `missing_marks` come beside the usual ones in every column that has none of its own.
    """

    called: Called = Called()
    missing_marks: Marks | None = Field(default=None, exclude_if=lambda marks: marks is None)
    columns: dict[str, Column]
    rules: dict[str, Rule] = Field(default_factory=dict)
    breakdown: dict[str, str] = Field(default_factory=dict)

    @field_validator("columns")
    @classmethod
    def _roles(cls, columns: dict[str, Column]) -> dict[str, Column]:
        roles = [column.role for column in columns.values()]
        if roles.count("target") != 1:
            raise ValueError("exactly one column must have the role target")
        for role in ("id", "date"):
            if roles.count(role) > 1:
                raise ValueError(f"at most one column may have the role {role}")
        return columns

    @model_validator(mode="after")
    def _marked(self) -> "Contract":
        """Give each column the marks of all, so that a model that is served knows them too."""
        for name, column in self.columns.items() if self.missing_marks else ():
            if column.missing_marks is None and column.role != "ignored":
                marks = MISSING.union(self.missing_marks or ()).difference(
                    column.values or (), [""]
                )
                self.columns[name] = column.model_copy(
                    update={"missing_marks": tuple(sorted(marks))}
                )
        return self

    @model_validator(mode="after")
    def _expressions(self) -> "Contract":
        for name, rule in self.rules.items():
            for side in (rule.left, rule.right):
                _reads(side, f"rules.{name}", {*self.numeric, self.target})
        for label, part in self.breakdown.items():
            _reads(part, f"breakdown.{label}", set(self.numeric))
        return self

    @model_validator(mode="after")
    def _follows(self) -> "Contract":
        for name, leader, _ in self.followers:
            if leader not in self.categorical or leader == name:
                raise ValueError(f"columns.{name}.follows: '{leader}' is no categorical column")
        return self

    @cached_property
    def followers(self) -> tuple[tuple[str, str, dict[str, str]], ...]:
        """Each column that another one decides: its name, the other's, and value by value."""
        return tuple(
            (name, leader, leads)
            for name, column in self.columns.items()
            for leader, leads in (column.follows or {}).items()
        )

    def _of(self, *roles: str) -> tuple[str, ...]:
        return tuple(name for name, column in self.columns.items() if column.role in roles)

    @cached_property
    def numeric(self) -> tuple[str, ...]:
        """The numeric columns, without the target."""
        return self._of("numeric")

    @cached_property
    def categorical(self) -> tuple[str, ...]:
        """The categorical columns."""
        return self._of("categorical")

    @cached_property
    def target(self) -> str:
        """The column that is predicted."""
        return self._of("target")[0]

    @cached_property
    def date(self) -> str | None:
        """The date column, if there is one."""
        return next(iter(self._of("date")), None)

    @cached_property
    def dates(self) -> tuple[str, ...]:
        """The date columns."""
        return self._of("date")

    @cached_property
    def id(self) -> str | None:
        """The column that names an order, if there is one."""
        return next(iter(self._of("id")), None)

    @cached_property
    def optional(self) -> tuple[str, ...]:
        """The columns in which a row may lack a value."""
        return tuple(name for name, column in self.columns.items() if column.optional)

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The columns that a file must have: all that are not ignored."""
        return tuple(name for name, column in self.columns.items() if column.role != "ignored")


def _reads(text: str, where: str, columns: set[str]) -> None:
    """Raise ValueError for an expression that is broken or reads other columns than these."""
    try:
        expression = Expression.parse(text, where)
    except PipelineError as error:
        raise ValueError(str(error)) from None
    strange = sorted(expression.names - columns)
    if strange:
        raise ValueError(f"{where}: '{strange[0]}' is not a numeric column")
