"""What an expression works on, known before any row is: `year()` of a number is a mistake.

All expressions of params.yaml are held against the contract here, whichever stage will need them:
none is found to be wrong after an hour of training.
"""

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from sales import files, params
from sales.contract.definition import Contract
from sales.contract.expressions import Expression
from sales.errors import PipelineError

PARAMS = Path("params.yaml")
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


def check(path: Path = PARAMS) -> None:
    """Raise PipelineError for the first expression of params.yaml that cannot be right.

    Whatever else may be wrong with a group tells whoever reads it.
    """
    contract = params.read("contract", Contract, path)
    try:
        tree = files.read_yaml(path)
    except (OSError, yaml.YAMLError):
        return
    columns = of_columns(contract)
    derived = _inner(tree, "featurize", "derived")
    for name, text in derived.items():
        _number(text, f"{path}: featurize.derived.{name}", columns)
    for name, rule in _inner(tree, "evaluate", "behaviour").items():
        where = f"{path}: evaluate.behaviour.{name}"
        changed = rule.get("column") if isinstance(rule, dict) else None
        if isinstance(changed, str):
            if changed not in columns:
                raise PipelineError(f"{where}: '{changed}' is no column of the contract")
            _number(rule.get("becomes"), where, columns, columns[changed])


def of_columns(contract: Contract) -> dict[str, str]:
    """Return what each column holds that an expression may read: number, date or text."""
    return {
        name: KINDS[column.role]
        for name, column in contract.columns.items()
        if column.role in KINDS
    }


def of(expression: Expression, columns: Mapping[str, str]) -> str:
    """Return what an expression gives: number, date or text.

    Raises PipelineError, naming the place, for one that mixes them, or reads another column.
    """
    return _of(expression.tree, expression.where, columns)


def _number(text: Any, where: str, columns: Mapping[str, str], wanted: str = "number") -> None:
    if not isinstance(text, str):
        return  # whoever reads the group says so
    found = of(Expression.parse(text, where), columns)
    if found != wanted:
        raise PipelineError(f"{where}: '{text}' is a {found}, not a {wanted}")


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


def _inner(tree: Any, *keys: str) -> dict[str, Any]:
    for key in keys:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return {str(key): value for key, value in tree.items()} if isinstance(tree, dict) else {}
