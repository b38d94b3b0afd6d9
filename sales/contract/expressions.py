"""Arithmetic given in params.yaml, evaluated without `eval`: a whitelist of syntax over NumPy.

Everything is elementwise, so that an order has the same bits alone as in a table. A value is NaN
where an input is missing, unless the expression asks: `missing(x)`, `coalesce(x, y)`.
"""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sales.contract.date_parts import (
    day,
    day_of_year,
    days_between,
    hour,
    is_weekend,
    minute,
    quarter,
    week,
)
from sales.contract.holes import chosen, coalesce, compared, missing, of_days, power
from sales.contract.quoted import ADVICE, advice, taken_out
from sales.errors import PipelineError

Compiled = Callable[[Mapping[str, Any]], Any]

MOST_CHARACTERS = 500
DEEPEST = 30
LARGEST = 1e15  # whole numbers up to here are exact in float64

OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: np.true_divide,
    ast.Mod: np.mod,
    ast.Pow: power,
    ast.USub: operator.neg,
    ast.Lt: compared(operator.lt),
    ast.LtE: compared(operator.le),
    ast.Gt: compared(operator.gt),
    ast.GtE: compared(operator.ge),
    ast.Eq: compared(operator.eq),
    ast.NotEq: compared(operator.ne),
}


PLAIN = (ast.Constant, ast.Name, ast.Load, ast.BinOp, ast.Add, ast.Sub, ast.Mult)


@of_days
def _year(dates: np.ndarray) -> np.ndarray:
    return dates.astype("datetime64[Y]").astype(np.int64) + 1970


@of_days
def _month(dates: np.ndarray) -> np.ndarray:
    return dates.astype("datetime64[M]").astype(np.int64) % 12 + 1


@of_days
def _day_of_week(dates: np.ndarray) -> np.ndarray:
    return (dates.astype("datetime64[D]").astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday


PARTS: dict[str, Callable[..., Any]] = {  # of a date; none of them warns
    "year": _year,
    "month": _month,
    "day_of_week": _day_of_week,
    "quarter": quarter,
    "day": day,
    "day_of_year": day_of_year,
    "week": week,
    "hour": hour,
    "minute": minute,
    "is_weekend": is_weekend,
}
FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "abs": (1, np.abs),
    "sqrt": (1, np.sqrt),
    "exp": (1, np.exp),
    "log": (1, np.log),
    "floor": (1, np.floor),
    "ceil": (1, np.ceil),
    "minimum": (2, np.minimum),
    "maximum": (2, np.maximum),
    "where": (3, chosen),
    "missing": (1, missing),
    "coalesce": (2, coalesce),
    **{name: (1, part) for name, part in PARTS.items()},
    "days_between": (2, days_between),
}


@dataclass(frozen=True)
class Expression:
    """A parsed expression; `names` are the columns that it reads."""

    text: str
    where: str
    names: frozenset[str]

    @classmethod
    def parse(cls, text: str, where: str) -> "Expression":
        """Return the expression, or raise PipelineError that begins with `where`."""
        tree = _parse(text, where)
        names: set[str] = set()
        _check(tree, where, names, 0)
        if not names:
            raise PipelineError(f"{where}: '{text}' reads no column")
        return cls(text, where, frozenset(names))

    @cached_property
    def tree(self) -> ast.expr:
        """The expression as Python parses it, the names in backticks as names."""
        return _parse(self.text, self.where)

    @cached_property
    def _function(self) -> Compiled:
        return _compiled(self.tree)

    @cached_property
    def _plain(self) -> bool:
        return all(isinstance(node, PLAIN) for node in ast.walk(self.tree))

    @cached_property
    def _quiet(self) -> bool:
        """Whether it is a part of a date and no more, of which NumPy never warns."""
        match self.tree:
            case ast.Call(func=ast.Name(id=name), args=[ast.Name()]):
                return name in PARTS
        return False

    def evaluate(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the value for each row; a division by zero gives inf or NaN, without a warning.

        Raises PipelineError for a column that is not there.
        """
        if absent := self.names.difference(columns):
            raise PipelineError(f"{self.where}: no column '{min(absent)}'")
        if self._quiet:
            return np.asarray(self._function(columns))
        with np.errstate(all="ignore"):
            return np.asarray(self._function(columns))

    def of_one(self, row: Mapping[str, float]) -> float:
        """Return the value for one row of numbers: the same bits, without NumPy's arrays.

        Sums and products of Python's floats need no NumPy at all, nor its warnings turned off.
        """
        if self._plain:
            return float(self._function(row))
        with np.errstate(all="ignore"):
            return float(self._function(row))


def _parse(text: str, where: str) -> ast.expr:
    if len(text) > MOST_CHARACTERS:
        raise PipelineError(f"{where}: longer than {MOST_CHARACTERS} characters")
    plain, names = taken_out(text, where)
    try:
        tree = ast.parse(plain.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        told = f"{where}: '{text}' is not an expression{advice(plain)}"
        raise PipelineError(told) from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
    return tree


def _check(node: ast.AST, where: str, names: set[str], depth: int) -> None:
    if depth > DEEPEST:
        raise PipelineError(f"{where}: nested deeper than {DEEPEST} levels")
    inner: list[ast.expr] = []
    match node:
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            if not abs(node.value) <= LARGEST:  # type: ignore[arg-type]
                raise PipelineError(f"{where}: a number above {LARGEST:g}")
        case ast.Name(id=name):
            names.add(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = [operand]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            inner = [left, right]
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in OPERATORS:
            inner = [left, right]
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            if name not in FUNCTIONS:
                known = ", ".join(FUNCTIONS)
                raise PipelineError(f"{where}: unknown function '{name}'; known: {known}")
            wanted = FUNCTIONS[name][0]
            if len(args) != wanted:
                raise PipelineError(f"{where}: {name} takes {wanted} values, not {len(args)}")
            inner = args
        case _:
            text = ast.unparse(node)[:60]
            raise PipelineError(
                f"{where}: '{text}' is not allowed, only arithmetic on columns{ADVICE}"
            )
    for child in inner:
        _check(child, where, names, depth + 1)


def _compiled(node: ast.expr) -> Compiled:
    """Return the expression as a function of the columns, so that its tree is walked only once."""
    match node:
        case ast.Constant(value=value):
            number = float(value)  # type: ignore[arg-type]  # parse lets only numbers through
            return lambda _: number
        case ast.Name(id=name):
            return operator.itemgetter(name)
        case ast.UnaryOp(op=op, operand=operand):
            return _applied(OPERATORS[type(op)], [operand])
        case ast.BinOp(left=left, op=op, right=right):
            return _applied(OPERATORS[type(op)], [left, right])
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _applied(OPERATORS[type(op)], [left, right])
        case ast.Call(func=ast.Name(id=name), args=args):
            return _applied(FUNCTIONS[name][1], args)
    raise AssertionError("parse lets nothing else through")


def _applied(function: Callable[..., Any], arguments: Sequence[ast.expr]) -> Compiled:
    inner = [_compiled(argument) for argument in arguments]
    return lambda columns: function(*[value(columns) for value in inner])
