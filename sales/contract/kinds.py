"""What an expression works on, known before any row is: `year()` of a number is a mistake."""

import ast
from collections.abc import Mapping

from sales.contract.column import Column
from sales.contract.expressions import Expression
from sales.errors import PipelineError

OF_DATES = {  # functions of dates, whichever of them there are; all others are of numbers
    *("year", "quarter", "month", "week", "day", "day_of_week", "day_of_year", "is_weekend"),
    *("hour", "minute", "days_between"),
}
OF_ANY = {"missing"}
OF_ALIKE = {"coalesce"}
KINDS = {
    **dict.fromkeys(("numeric", "target", "boolean"), "number"),
    "date": "date",
    "categorical": "text",
}


def of_columns(columns: Mapping[str, Column]) -> dict[str, str]:
    """Return what each column holds that an expression may read: number, date or text."""
    return {name: KINDS[column.role] for name, column in columns.items() if column.role in KINDS}


def of(expression: Expression, columns: Mapping[str, str]) -> str:
    """Return what an expression gives: number, date or text.

    Raises PipelineError, naming the place, for one that mixes them, or reads another column.
    """
    return _of(expression.tree, expression.where, columns)


def _of(node: ast.AST, where: str, columns: Mapping[str, str]) -> str:
    match node:
        case ast.Name(id=name):
            if name not in columns:
                raise PipelineError(f"{where}: '{name}' is no column of the contract that is read")
            return columns[name]
        case ast.Call(func=ast.Name(id=name), args=args):
            return _of_call(name, args, where, columns)
        case ast.Compare(left=left, comparators=[right]):
            if _of(left, where, columns) != _of(right, where, columns):
                raise PipelineError(f"{where}: '{_text(node)}' compares what differs in kind")
        case ast.BinOp(left=left, right=right):
            _all_numbers([left, right], where, columns)
        case ast.UnaryOp(operand=operand):
            _all_numbers([operand], where, columns)
    return "number"


def _of_call(name: str, args: list[ast.expr], where: str, columns: Mapping[str, str]) -> str:
    found = [_of(each, where, columns) for each in args]
    if name in OF_ANY:
        return "number"
    if name in OF_ALIKE:
        if len({*found}) > 1:
            raise PipelineError(f"{where}: {name}() takes values of one kind")
        return found[0]
    wanted = "date" if name in OF_DATES else "number"
    for each, kind in zip(args, found, strict=True):
        if kind != wanted:
            raise PipelineError(f"{where}: {name}() is of a {wanted}, and '{_text(each)}' a {kind}")
    return "number"


def _all_numbers(nodes: list[ast.expr], where: str, columns: Mapping[str, str]) -> None:
    for node in nodes:
        kind = _of(node, where, columns)
        if kind != "number":
            raise PipelineError(f"{where}: '{_text(node)}' is a {kind}, not a number")


def _text(node: ast.AST) -> str:
    return ast.unparse(node)[:60]
