"""What a draft is, on a page that a person reads in a minute.

All that stands in the file is shown as one line without escapes: a cell steers no terminal.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any

from sales.drafting.draft import Draft
from sales.drafting.roles import Role
from sales.errors import printable

MOST_COLUMNS = 30  # that are shown one by one
MOST_DOUBTS = 30
NAME = 24  # characters of a column's name
WHY = 66


def of(draft: Draft, today: date) -> str:
    """Return the page; `today` is held against the dates."""
    return "".join(f"{printable(line)}\n" for line in _lines(draft, today))


def _lines(draft: Draft, today: date) -> Iterator[str]:
    confirmed = draft.confirmed
    dialect = f", {draft.dialect.told}" if draft.dialect and draft.dialect.told else ""
    columns = len(draft.roles)
    yield f"{draft.name}: {confirmed.rows:,} rows, {columns:,} columns{dialect}"
    yield ""
    yield from _table(draft)
    yield ""
    yield f"{'Rows':<8}{_rows(draft)}"
    split = draft.groups["prepare"].tree
    yield f"{'Split':<8}{draft.groups['prepare'].comments['split',]}"
    yield f"{'Parts':<8}{100 * split['test_size']:g} % test, {_ranked(split)}"
    if split.get("group"):
        yield f"{'Groups':<8}rows of one {_short(split['group'])} are in one part"
    derived = draft.groups["featurize"].tree["derived"]
    if derived:
        yield f"{'Made':<8}{_short(', '.join(derived), 90)}"
    drafted = draft.groups["contract"].tree["columns"]
    for each in confirmed.follows:
        if "follows" not in drafted.get(each.name, {}):
            continue  # one of the two came to be ignored
        yield f"{'Follows':<8}{_short(each.name)} from {_short(each.leader)}, in every row"
    for rule in draft.groups["contract"].tree.get("rules", {}).values():
        yield f"{'Rule':<8}{_short(rule['left'], 40)} = {_short(rule['right'], 60)}, in every row"
    doubts = [*_doubts(draft, today)]
    if doubts:
        yield ""
        yield "Look at"
        yield from (f"  {_short(doubt, 160)}" for doubt in doubts[:MOST_DOUBTS])
        if len(doubts) > MOST_DOUBTS:
            yield f"  and {len(doubts) - MOST_DOUBTS} more, behind their columns in the draft"


def _ranked(prepare: Mapping[str, Any]) -> str:
    """Return by which rows models are ranked."""
    if prepare["valid"] == "part":
        return f"{100 * prepare['valid_size']:g} % valid"
    times = f", {prepare['repeats']} times" if prepare["repeats"] > 1 else ""
    return f"the others in {prepare['folds']} folds{times}"


def _table(draft: Draft) -> Iterator[str]:
    shown = [(name, role) for name, role in draft.roles.items()]
    width = min(NAME, max([6, *(len(name) for name, _ in shown)]))
    yield f"{'column':<{width}}  {'holds':<12}  {'missing':>8}  {'role':<11}  because"
    yield f"{'-' * width}  {'-' * 12}  {'-' * 8}  {'-' * 11}  {'-' * 30}"
    hidden: list[Role] = []
    for place, (name, role) in enumerate(shown):
        if place >= MOST_COLUMNS and not role.doubts and role.role != "target":
            hidden.append(role)
            continue
        profile = draft.profiles[name]
        share = _share(max(role.missing, profile.holes), profile.rows)
        why = _short(role.why.removeprefix("ignored: "), WHY)
        yield (
            f"{_short(name or '(no name)', width):<{width}}  {role.holds:<12}  {share:>8}  "
            f"{role.role:<11}  {why}"
        )
    kinds = sorted(role.role for role in hidden)
    if hidden:
        counted = ", ".join(f"{len([*group])} {kind}" for kind, group in groupby(kinds))
        yield f"and {len(hidden)} columns more, without doubts: {counted}"


def _share(holes: int, rows: int) -> str:
    if not holes:
        return ""
    share = 100 * holes / rows
    return "<0.1 %" if share < 0.1 else f"{share:.1f} %"


def _rows(draft: Draft) -> str:
    confirmed = draft.confirmed
    told = [f"{confirmed.good:,} to learn from"]
    if confirmed.without_target:
        told.append(f"{confirmed.without_target:,} without {_short(draft.target)}")
    if confirmed.blank:
        told.append(f"{confirmed.blank:,} hold no cell at all")
    if confirmed.set_aside:
        told.append(f"{confirmed.set_aside:,} set aside")
    return ", ".join(told)


def _doubts(draft: Draft, today: date) -> Iterator[str]:
    confirmed = draft.confirmed
    for reason, count in confirmed.reasons.most_common():
        row, cell = confirmed.examples[reason]
        where = f"the first in row {row}: {_short(cell, 30)!r}"
        yield f"{_short(reason, 60)}: {count:,} cells, their rows set aside; {where}"
    if draft.repeats is None:
        yield "rows: too many to compare all with one another"
    else:
        whole, but_target = draft.repeats
        if whole:
            what = f"rows: {whole:,} are like an earlier one in every cell"
            yield f"{what}; kept, in train and test alike"
        if but_target > whole:
            what = f"rows: {but_target - whole:,} are like an earlier one but for {draft.target}"
            yield f"{what}; kept, no model can tell them apart"
    if draft.roles and all(_is_value(name) for name in draft.roles):
        yield "names: each looks like a value; is the header missing?"
    yield from draft.doubts
    for name, role in draft.roles.items():
        for doubt in role.doubts:
            yield f"{_short(name or '(no name)', 40)}: {doubt}"
        if role.role == "date" and _after(role.fit.high, today):
            last = datetime.fromtimestamp(role.fit.high / 1000, UTC)
            told = f"runs past today, to {last:%Y-%m-%d}; kept, the draft allows it"
            yield f"{_short(name, 40)}: {told}"


def _after(milliseconds: float, today: date) -> bool:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).date() > today


def _is_value(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _short(text: str, most: int = 40) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
