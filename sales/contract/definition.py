"""The order contract: what an order is, as the `contract` group of params.yaml says it."""

from functools import cached_property
from typing import Annotated

from pydantic import (
    Field,
    field_validator,
    model_validator,
)

from sales.contract.column import Column, Marks
from sales.contract.expressions import Expression
from sales.contract.holes import MISSING
from sales.contract.kinds import of as kind_of
from sales.errors import PipelineError
from sales.params import Group

Word = Annotated[str, Field(min_length=1)]


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
        if roles.count("id") > 1:
            raise ValueError("at most one column may have the role id")
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
                _reads(side, f"rules.{name}", {*self.numeric, *self.boolean, self.target})
        for label, part in self.breakdown.items():
            _reads(part, f"breakdown.{label}", {*self.numeric, *self.boolean})
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
    def boolean(self) -> tuple[str, ...]:
        """The columns that say yes or no: 1 and 0, once they are read."""
        return self._of("boolean")

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
        """The date column that a split by time looks at: the first one, if there is any."""
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
    def private(self) -> tuple[str, ...]:
        """The columns of which the service keeps nothing as it is."""
        return tuple(name for name, column in self.columns.items() if column.private)

    @cached_property
    def optional(self) -> tuple[str, ...]:
        """The columns in which a row may lack a value."""
        return tuple(name for name, column in self.columns.items() if column.optional)

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The columns that a file must have: all that are not ignored."""
        return tuple(name for name, column in self.columns.items() if column.role != "ignored")


def _reads(text: str, where: str, columns: set[str]) -> None:
    """Raise ValueError for an expression that is broken or works on other columns than these."""
    try:
        expression = Expression.parse(text, where)
        strange = sorted(expression.names - columns)
        if strange:
            raise ValueError(f"{where}: '{strange[0]}' is not a numeric column")
        kind_of(expression, dict.fromkeys(columns, "number"))
    except PipelineError as error:
        raise ValueError(str(error)) from None
