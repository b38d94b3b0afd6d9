"""The table that a run ends with: what each model scored, and what became of it."""

import math
from collections.abc import Mapping
from typing import Any

from sales.judging import improvement

HEADER = (
    *("model", "RMSE train", "valid", "test", "95 % within", "R² test", "covered"),
    *("verdict", "alias"),
)
NUMBERS = range(1, 7)  # which columns are numbers


def rows(
    metrics: Mapping[str, Mapping[str, Any]],
    gate: Mapping[str, Any],
    aliases: Mapping[str, str],
) -> list[tuple[str, ...]]:
    """Return a row a model, best valid RMSE first; `aliases` maps a model's name to its alias."""
    table = []
    for name in sorted(metrics, key=lambda name: metrics[name]["valid"]["rmse"] or math.inf):
        scored, judged = metrics[name], gate["models"][name]
        failed = ", ".join(judged["failed"])
        table.append(
            (
                name,
                *(_rmse(scored[part]["rmse"]) for part in ("train", "valid", "test")),
                _within(scored["test"]),
                _number(scored["test"]["r2"], ".6f"),
                _number(scored.get("coverage_pct"), ".1f"),
                (f"refused: {failed}" if failed else judged["verdict"]) + _sample(judged),
                aliases.get(name, ""),
            )
        )
    return table


def _sample(judged: Mapping[str, Any]) -> str:
    return f" (learnt from {judged['sample']})" if "sample" in judged else ""


def _rmse(value: float | None) -> str:
    """Return four decimals, or four digits that count of an error which these would hide."""
    return _number(value, ".4g" if value and value < 0.001 else ",.4f")


def _number(value: float | None, style: str) -> str:
    return "-" if value is None else format(value, style)


def _within(test: Mapping[str, Any]) -> str:
    """Return between which two the test RMSE of more such rows would lie."""
    ends = [test.get("rmse_low"), test.get("rmse_high")]
    return "-" if None in ends else " to ".join(_rmse(end) for end in ends)


def alike(gate: Mapping[str, Any]) -> str:
    """Return a line for each ranked model that the test rows do not tell from one below it."""
    told = gate.get("alike", {})
    place = {name: i for i, name in enumerate(gate["ranking"])}
    lines = []
    for name in gate["ranking"]:
        below = [other for other in told.get(name, ()) if place[other] > place[name]]
        if below:
            lines.append(f"not told apart on the test rows: {name} and {', '.join(below)}")
    return "\n".join(lines)


def evidence(decision: Mapping[str, Any]) -> str:
    """Return a line on how candidate and champion compare, where a decision rests on that."""
    better = decision.get("improvement_pct")
    low, high = (decision.get(f"improvement_{end}") for end in ("low", "high"))
    if better is None or low is None or high is None:
        return ""
    told = f"{improvement.told(better)}, {improvement.between(low, high)} with 95 %"
    return (
        f"{decision['candidate']} against the champion {decision['incumbent']}: {told}, "
        f"on {decision['compared_rows']:,} rows; "
        f"{decision['min_improvement_pct']:g} % beyond chance are asked for: {decision['outcome']}"
    )


def as_text(table: list[tuple[str, ...]]) -> str:
    """Return the table for a terminal: columns aligned, numbers to the right."""
    lines = [HEADER, *table]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADER))]
    rule = tuple("-" * width for width in widths)
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i in NUMBERS else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in (HEADER, rule, *table)
    )


def as_markdown(table: list[tuple[str, ...]]) -> str:
    """Return the table for the README."""
    rule = ("---", *["---:"] * len(NUMBERS), "---", "---")
    return "\n".join(f"| {' | '.join(line)} |" for line in (HEADER, rule, *table))
