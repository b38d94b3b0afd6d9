"""The group `contract` of params.yaml: columns with their reasons, and what follows from what."""

from collections.abc import Mapping
from typing import Any

from sales.drafting import names, roles
from sales.drafting.confirm import Confirmed
from sales.drafting.date_features import quoted
from sales.drafting.groups import Drafted, Tree
from sales.drafting.layout import Key
from sales.drafting.relations import Sum
from sales.drafting.roles import Role

WORDS = {"+": "and", "-": "less", "*": "times", "/": "by"}


def columns(found: Mapping[str, Role], first_date: str | None = None) -> Tree:
    """Return the contract's columns in the file's order, but the date that parts rows first."""
    columns = {n: dict(role.keys) for n, role in found.items() if roles.can_be_named(n)}
    if first_date in columns:
        dates = [name for name, keys in columns.items() if keys["role"] == "date"]
        order = [name for name in columns if name not in dates or name == first_date]
        at = min(list(columns).index(name) for name in dates)
        order.remove(first_date)
        order[at:at] = [first_date, *(name for name in dates if name != first_date)]
        columns = {name: columns[name] for name in order}
    return columns


def of(
    called: Mapping[str, Any], columns: Tree, found: Mapping[str, Role], confirmed: Confirmed
) -> Drafted:
    """Return the group; `columns` are completed with what decides them."""
    comments: dict[Key, str] = {("columns", name): found[name].why for name in columns}
    for each in confirmed.follows:
        if columns[each.name]["role"] == columns[each.leader]["role"] == "categorical":
            columns[each.name]["follows"] = {each.leader: dict(sorted(each.leads.items()))}
            comments["columns", each.name] += f"; {each.leader} decides it in every row"
    tree: Tree = {"called": dict(called), "columns": columns}
    rules = {
        _rule_name(each): {
            "left": quoted(each.name),
            "right": f"{quoted(each.left)} {each.operator} {quoted(each.right)}",
            "tolerance": each.tolerance,
        }
        for each in confirmed.sums
        if all(columns[n]["role"] in ("numeric", "target") for n in each[:2] + each[3:4])
    }
    if rules:
        tree["rules"] = rules
        comments["rules",] = "each holds in every row that has all three"
    return Drafted(tree, comments)


def _rule_name(each: Sum) -> str:
    return names.identifier(each.name, "is", each.left, WORDS[each.operator], each.right)
