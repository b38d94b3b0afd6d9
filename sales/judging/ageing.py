"""What a backtest found, in words and tables for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from sales.judging.staleness import ON_DRIFT

AGES = ("age", "months", "RMSE", "fresh model's", "worse by, %", "within, %")
HABITS = ("trained anew", "trainings", "RMSE", "worse than monthly by, %", "within, %")


def as_text(result: Mapping[str, Any]) -> str:
    """Return both tables, and what follows from them."""
    sure = 100 * result["confidence"]
    learnt = f"{result['window_months']} months" if result["window_months"] else "all months before"
    first, last = result["judged"]
    title = (
        f"{result['model']}, each learnt from {learnt}, judged by {result['rows']:,} rows of "
        f"{first} to {last}"
    )
    ages = [
        (
            str(one["age"]),
            str(one["months"]),
            f"{one['rmse']:,.6g}",
            f"{one['fresh_rmse']:,.6g}",
            signed(one["growth_pct"]),
            _within(one),
        )
        for one in result["ages"]
    ]
    habits = [
        (
            one["name"],
            str(one["trainings"]),
            f"{one['rmse']:,.6g}",
            signed(one["excess_pct"]),
            _within(one),
        )
        for one in result["policies"]
    ]
    return "\n\n".join(
        (
            f"{title}\n\n{_table(AGES, ages)}",
            f"{_table(HABITS, habits)}\nintervals: {sure:g} % sure, of all ages together",
            "\n".join(conclusions(result)),
        )
    )


def conclusions(result: Mapping[str, Any]) -> list[str]:
    """Return what follows, a sentence a line."""
    age, beyond = result["too_old_at"], result["beyond_pct"]
    oldest = result["ages"][-1]["age"] if result["ages"] else 1
    if oldest == 1:
        told = ["the months are too few to compare ages"]
    elif age:
        told = [
            f"from {age} months on a model is worse than one of a month by more than {beyond:g} %, "
            f"for sure: train anew {_before(age)}"
        ]
    elif result["flat"]:
        told = [
            f"no age up to {oldest} months is told from a month: nothing calls for training anew"
        ]
    else:
        told = [f"no age up to {oldest} months is worse by more than {beyond:g} %, for sure"]
    alarms = alarmed(result)
    if alarms:
        told.append(f"errors left the level that chance allows in {', '.join(alarms)}")
    else:
        told.append("in no month did the errors leave the level that chance allows")
    told += [f"known: from {one['since']} on {one['what']}" for one in result["known"]]
    return told


def alarmed(result: Mapping[str, Any]) -> Sequence[str]:
    """Return the months after which the policy `on drift` trained anew."""
    [found] = [one for one in result["policies"] if one["name"] == ON_DRIFT]
    months: Sequence[str] = found["trained"][1:]
    return months


def _before(age: int) -> str:
    return "each month" if age == 2 else f"after {age - 1} months"


def signed(value: float | None) -> str:
    """Return a share with its sign; nothing where there is none."""
    return "-" if value is None else f"{value:+,.2f}" if abs(value) < 1000 else f"{value:+,.4g}"


def _within(one: Mapping[str, Any]) -> str:
    return f"{signed(one['low'])} to {signed(one['high'])}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    rule = ["-" * width for width in widths]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in (header, rule, *rows)
    )
