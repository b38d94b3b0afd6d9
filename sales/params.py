"""Reads `params.yaml`: one validated group at a time, so that a stage depends on nothing else."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from sales import files
from sales.errors import PipelineError

GROUPS = (
    "run",
    "contract",
    "ingest",
    "prepare",
    "featurize",
    "train",
    "tune",
    "evaluate",
    "gate",
    "register",
    "retrain",
    "watch",
    "backtest",
    "prune",
    "trial",
)


class Group(BaseModel):
    """Base of every group: unknown keys and non-finite numbers are refused, values are frozen.

    A key that is `RENAMED`, its old name to its new one, is refused by naming the new one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    RENAMED: ClassVar[Mapping[str, str]] = {}


GroupT = TypeVar("GroupT", bound=Group)


def read(group: str, model: type[GroupT], path: Path = Path("params.yaml")) -> GroupT:
    """Return the group (dotted for a nested one: `train.xgboost`) as an instance of `model`.

    Raises `PipelineError` naming the key when the file, the group or a value is wrong.

    >>> class Ridge(Group):
    ...     alpha: float
    >>> path = Path("example.yaml")
    >>> _ = path.write_text("train: {ridge: {alpha: 0.5}}")
    >>> read("train.ridge", Ridge, path)
    Ridge(alpha=0.5)
    >>> _ = path.write_text("train: {ridge: {alpha: strong}}")
    >>> read("train.ridge", Ridge, path)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    sales.errors.PipelineError: example.yaml: train.ridge.alpha: Input should be a valid number...
    """
    try:
        tree: Any = files.read_yaml(path)
    except FileNotFoundError:
        raise PipelineError(f"{path} not found: run from the project's folder") from None
    except yaml.YAMLError as error:
        raise PipelineError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(tree, dict):
        raise PipelineError(f"{path} must hold the groups {', '.join(GROUPS)}")
    for name in tree:
        if name not in GROUPS:
            raise PipelineError(f"{path}: unknown group '{name}'; known: {', '.join(GROUPS)}")
    for part in group.split("."):
        if not isinstance(tree, dict) or part not in tree:
            raise PipelineError(f"{path}: group '{group}' is missing")
        tree = tree[part]
    return validate(tree, model, f"{path}: {group}")


def _trap(error: Any) -> str:
    """Return what YAML has made of a name or a word that was meant as text; empty: nothing."""
    given = error["input"]
    if error["type"] != "string_type" or not isinstance(given, bool | int | float | date):
        return ""
    if isinstance(given, bool):
        words = "yes, on or true" if given else "no, off or false"
        what = f"YAML reads {words} as a truth value"
    else:
        kind = "a date" if isinstance(given, date) else "a number"
        what = f"YAML reads {given} as {kind}"
    return f"{what}: put it in quotes, as in '{'no' if given is False else given}'"


def _renamed(told: list[Any], names: Mapping[str, str]) -> tuple[list[Any], str]:
    """Return errors with that of a key's old name first, if there is one, and its new name.

    That the new one is missing goes without saying.
    """
    for error in told:
        if error["type"] == "extra_forbidden" and (new := names.get(str(error["loc"][-1]))):
            others = [one for one in told if one is not error and one["loc"][-1:] != (new,)]
            return [error, *others], new
    return told, ""


def validate(tree: Any, model: type[GroupT], where: str) -> GroupT:
    """Return `tree` as a `model`; the error is one line that starts with `where` and the key."""
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        told, new = _renamed(error.errors(), model.RENAMED)
        first = told[0]
        key = ".".join([where, *(str(part) for part in first["loc"])])
        reason = "unknown key" if first["type"] == "extra_forbidden" else first["msg"]
        if new:
            reason = f"it is called {new} now"
        given = (
            "" if first["type"] in ("missing", "extra_forbidden") else f" (is {first['input']!r})"
        )
        if trap := _trap(first):
            reason, given = trap, ""
        more = f"; and {len(told) - 1} more" if len(told) > 1 else ""
        raise PipelineError(f"{key}: {reason}{given[:120]}{more}") from None
