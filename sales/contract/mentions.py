"""What the groups of params.yaml say of the contract's columns: every name and every expression.

All are held against the contract when params.yaml is read, whichever stage will need them: none is
found to be wrong after an hour of training. Whatever else may be wrong with a group tells whoever
reads it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ConfigDict, Field

from sales import files, params
from sales.contract import kinds
from sales.contract.definition import Contract
from sales.contract.expressions import Expression
from sales.errors import PipelineError
from sales.params import Group

PARAMS = Path("params.yaml")


class _Mentions(Group):
    """The part of a group that names columns; its keys are texts, not what YAML made of them."""

    model_config = ConfigDict(extra="ignore")


class _Featurize(_Mentions):
    derived: dict[str, Any] = Field(default_factory=dict)
    feature_sets: dict[str, Any] = Field(default_factory=dict)


class _Evaluate(_Mentions):
    slices: dict[str, Any] = Field(default_factory=dict)
    inclusion: dict[str, Any] = Field(default_factory=dict)
    behaviour: dict[str, Any] = Field(default_factory=dict)


def check(path: Path = PARAMS) -> None:
    """Raise PipelineError, naming the key, for the first name or expression that is not right."""
    contract = params.read("contract", Contract, path)
    try:
        tree = files.read_yaml(path)
    except (OSError, yaml.YAMLError):
        return
    columns = kinds.of_columns(contract.columns)
    features = params.validate(_inner(tree, "featurize"), _Featurize, f"{path}: featurize")
    for name, text in features.derived.items():
        _number(text, f"{path}: featurize.derived.{name}", columns)
    for name, chosen in features.feature_sets.items():
        _feature_set(
            _listed(chosen), f"{path}: featurize.feature_sets.{name}", contract, features.derived
        )
    judged = params.validate(_inner(tree, "evaluate"), _Evaluate, f"{path}: evaluate")
    for group, slices in (("slices", judged.slices), ("inclusion", judged.inclusion)):
        for name, cut in slices.items():
            _slice(name, cut, f"{path}: evaluate.{group}.{name}", contract)
    for name, rule in judged.behaviour.items():
        where = f"{path}: evaluate.behaviour.{name}"
        changed = rule.get("column") if isinstance(rule, dict) else None
        if isinstance(changed, str):
            if changed not in columns:
                raise PipelineError(f"{where}: '{changed}' is no column of the contract")
            _number(rule.get("becomes"), where, columns, columns[changed])


def _number(text: Any, where: str, columns: Mapping[str, str], wanted: str = "number") -> None:
    if not isinstance(text, str):
        return  # whoever reads the group says so
    found = kinds.of(Expression.parse(text, where), columns)
    if found != wanted:
        raise PipelineError(f"{where}: '{text}' is a {found}, not a {wanted}")


def _feature_set(
    names: list[str], where: str, contract: Contract, derived: Mapping[str, Any]
) -> None:
    plain = {*contract.numeric, *contract.boolean, *contract.categorical}
    for name in names:
        if name in derived or name in plain:
            continue
        if name in contract.dates:
            told = f"is a date: name what it tells in featurize.derived, such as month({name})"
        elif name == contract.target:
            told = "is the target, which a model does not see"
        else:
            told = "is neither a numeric or categorical column of the contract nor in "
            told += "featurize.derived"
        raise PipelineError(f"{where}: '{name}' {told}")


def _slice(name: str, cut: Any, where: str, contract: Contract) -> None:
    if name not in contract.required:
        raise PipelineError(f"{where}: '{name}' is no column of the contract that is read")
    role = contract.columns[name].role
    if isinstance(cut, dict) and cut.get("edges") and kinds.KINDS.get(role) != "number":
        raise PipelineError(f"{where}.edges: they cut numbers, and '{name}' is {role}")


def _listed(chosen: Any) -> list[str]:
    names = chosen.get("add") if isinstance(chosen, dict) else None
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _inner(tree: Any, group: str) -> dict[str, Any]:
    """Return what of a group can be looked at: its own inner mappings."""
    inner = tree.get(group) if isinstance(tree, dict) else None
    if not isinstance(inner, dict):
        return {}
    return {key: value for key, value in inner.items() if isinstance(value, dict)}
