"""The gate's verdict on a model, rule by rule, in words: what was measured, and the limit."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from ui.amounts import SYMBOLS, error_size, plain, small, words
from ui.terms import RULES

DIGITS = 8  # at most, to tell a measure from a limit that it just misses


def table(gate: dict[str, Any], unit: str | None) -> pd.DataFrame:
    """Return Kept, Rule, Limit, Measured for each rule; a rule that is not known by its name."""
    rows = [_row(name, rule, unit) for name, rule in gate["rules"].items()]
    return pd.DataFrame(rows, columns=["Kept", "Rule", "Limit", "Measured"])


def beside(judged: dict[str, dict[str, Any]], unit: str | None) -> pd.DataFrame:
    """Return Rule, Limit and, for each model, whether it kept the rule and what was measured.

    Rules that a model broke come first; where models were judged by other limits, each is told.
    """
    tables = {name: table(gate, unit).set_index("Rule") for name, gate in judged.items()}
    rules = list(dict.fromkeys(rule for each in tables.values() for rule in each.index))
    rows = []
    for rule in rules:
        found = {name: each.loc[rule] for name, each in tables.items() if rule in each.index}
        limits = list(dict.fromkeys(one["Limit"] for one in found.values() if one["Limit"]))
        cells = [
            f"{found[name]['Kept']} {found[name]['Measured']}".strip() if name in found else ""
            for name in judged
        ]
        broken = any(one["Kept"] == "✗" for one in found.values())
        rows.append((not broken, (rule, "; ".join(limits), *cells)))
    ordered = [cells for _, cells in sorted(rows, key=lambda row: row[0])]
    return pd.DataFrame(ordered, columns=["Rule", "Limit", *judged])


def exactly(gate: dict[str, Any]) -> str:
    """Return the rules by their names in params.yaml, with the exact measures."""
    return "  \n".join(f"`{name}`: {plain(rule['why'])}" for name, rule in gate["rules"].items())


def _row(name: str, rule: dict[str, Any], unit: str | None) -> tuple[str, str, str, str]:
    kept = "✓" if rule["passed"] else "✗"
    said, kind = RULES.get(name, (words(name), "%" if name.endswith("_pct") else ""))
    value, limit = rule.get("value"), rule.get("threshold")
    if not rule.get("applies", True):
        return "–", plain(said), "does not apply", ""
    if value is None or limit is None:
        return kept, plain(said), "", "not measured"
    side = "at least" if name.startswith("min_") else "at most"
    write = _writer(kind, unit)
    digits = 2
    while write(value, digits) == write(limit, digits) and value != limit and digits < DIGITS:
        digits += 1
    return kept, plain(said), plain(f"{side} {write(limit, 2)}"), plain(write(value, digits))


def _writer(kind: str, unit: str | None) -> Callable[[float, int], str]:
    if kind == "unit":
        if unit in SYMBOLS:
            return lambda value, digits: error_size(value, unit, digits)
        return lambda value, digits: f"{small(value, digits)} {unit or ''}".rstrip()
    if kind == "share":
        return lambda value, digits: f"{small(100 * value, digits)} %"
    return lambda value, digits: f"{small(value, digits)} {kind}".rstrip()
