"""Which part a column plays, guessed from its profile alone: the role, how cells are written, why.

What it has to do with other columns comes later (`draft.py`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sales.contract import cells
from sales.contract.quarantine import NUMBER as TAKEN
from sales.drafting import bounds, forms, marks
from sales.drafting.forms import Fit
from sales.drafting.marks import Marks
from sales.drafting.profile import Profile
from sales.errors import PipelineError

ALIKE = 0.95  # share of the cells from which on the others count as mistakes
LISTED = 30  # values of a category that the contract names; more are taken as they come
FEW_ROWS = 2.0  # a text with fewer rows a value tells rows apart, not kinds of rows
LONG = 60.0  # characters that texts have on average from which on they are sentences
LONGEST_NAME = 100  # of a column that the contract names
IDS = re.compile(r"(^|[\W_])(id|key|uuid|guid|index|idx|rownames?|row|nr|no|number|code)$", re.I)
GLUED = re.compile(r"[a-z](Id|ID|Key|Nr|No|Number|Code|Index)$|^[A-Z]{1,3}ID$")
TIMES = re.compile(r"year|month|week|day|date|time|period|quarter|trend|^t$|hour|age", re.I)
DAY = 86_400_000


@dataclass(frozen=True)
class Role:
    """A column's part: what the contract says of it, why, and what a person should look at.

    `holds` tells the kind of values in a word. Each doubt says what the draft does about it.
    `fit` is that of numbers and dates, as the contract will read them; `strange` has words among
    them that are taken for missing, and `missing` counts all cells that are.
    """

    name: str
    keys: Mapping[str, Any]
    holds: str
    why: str
    doubts: tuple[str, ...] = ()
    fit: Fit = field(default_factory=Fit)
    strange: Mapping[str, int] = field(default_factory=dict)
    missing: int = 0

    @property
    def role(self) -> str:
        """The role by which the contract knows it."""
        return str(self.keys["role"])

    def ignored(self, why: str) -> "Role":
        """Return the column as one that nobody reads, as it came to be known why."""
        return replace(self, keys={"role": "ignored"}, why=why, doubts=(*self.doubts, why))


def of(name: str, profile: Profile, *, target: bool = False) -> Role:
    """Return a column's role.

    Raises PipelineError for a target that holds no numbers.
    """
    if target:
        if not can_be_named(name):
            raise PipelineError(f"the target '{name[:40]}' has a name that no contract can hold")
        return _target(name, profile)
    found_marks = marks.of(profile)
    filled = profile.filled - found_marks.cells
    if problem := _unreadable(name, profile, filled):
        return Role(name, {"role": "ignored"}, profile.stored, problem, (problem,))
    for attempt in (_truth, _date, _number, _category):
        found = attempt(name, profile, filled, found_marks)
        if found:
            return _with_holes(found, profile, found_marks)
    raise AssertionError("a category takes what is left")


def _with_holes(found: Role, profile: Profile, found_marks: Marks) -> Role:
    """Return a role that says which cells may be missing, and by which words."""
    found_marks = found_marks.plus(found.strange)
    keys, gone = dict(found.keys), profile.holes + found_marks.cells
    if gone and found.role not in ("ignored", "id"):
        keys.pop("integer", None)
        keys |= {"missing": "allowed", **found_marks.keys}
    return replace(found, keys=keys, doubts=(*found_marks.told, *found.doubts), missing=gone)


def _unreadable(name: str, profile: Profile, filled: int) -> str:
    if profile.stored == "nested":
        return "ignored: it holds lists or structs, not single values"
    if not can_be_named(name):
        return "left out: a name that the contract cannot hold"
    if not filled:
        return "ignored: it holds nothing"
    if profile.values is not None and len(profile.values) == 1 and filled == profile.rows:
        return f"ignored: always the same, {_short(next(iter(profile.values)))}"
    return ""


def can_be_named(name: str) -> bool:
    """Return whether the contract can hold a column of this name."""
    return name != TAKEN and bool(name.strip()) and len(name) <= LONGEST_NAME


def _truth(name: str, profile: Profile, _: int, found_marks: Marks) -> Role | None:
    values = profile.values
    if values is None or profile.stored in ("date", "duration"):
        return None
    words = forms.truths(frozenset(value for value in values if value not in found_marks.counts))
    if words is None:
        return None
    keys: dict[str, Any] = {"role": "boolean"}
    if words[0]:
        keys |= {"true_values": [*words[0]], "false_values": [*words[1]]}
    shown = " or ".join(_short(v) for v in sorted(values) if v not in found_marks.counts)
    return Role(name, keys, "yes/no", f"nothing but {shown}")


def _date(name: str, profile: Profile, filled: int, found_marks: Marks) -> Role | None:
    plain = profile.fits.get("plain", Fit()).cells
    dates = {
        form: fit
        for form, fit in profile.fits.items()
        if form not in ("plain", "point", "comma", "clock") and (form == "iso" or fit.cells)
    }
    if not dates:
        return None
    form, fit = max(dates.items(), key=lambda one: one[1].cells)
    odd = marks.strange(profile, found_marks, filled - fit.cells)
    filled -= sum(odd.values())
    if fit.cells < ALIKE * filled or (plain and not _eight_digits(profile, plain, fit)):
        return None
    doubts = []
    if form in ("dayfirst", "monthfirst"):
        both = dates.get("dayfirst", Fit()).cells == dates.get("monthfirst", Fit()).cells
        if both:
            doubts.append("day or month first? No cell tells: read as month first, check it")
            form = "monthfirst"
    if profile.stored == "text" and form == "iso":
        zone = {}
    else:
        zone = {"zone": profile.zone} if profile.zone and "/" in profile.zone else {}
    doubts += _mistakes("date", filled - fit.cells)
    low = datetime.fromtimestamp(fit.low / 1000, UTC)
    high = datetime.fromtimestamp(fit.high / 1000, UTC)
    bounds = {}
    if low.year > 1 and high.year + 10 < 9999:
        bounds = {"min": f"{low.year:04d}-01-01", "max": f"{high.year + 10:04d}-12-31"}
    keys = {"role": "date", **forms.keys(form), **zone, **bounds}
    why = f"dates from {low:%Y-%m-%d} to {high:%Y-%m-%d}"
    return Role(name, keys, "date", why, tuple(doubts), fit, odd)


def _eight_digits(profile: Profile, plain: int, fit: Fit) -> bool:
    """Return whether all plain numbers are days such as 20240603, as text has them."""
    return profile.stored == "text" and plain <= fit.cells


def _number(name: str, profile: Profile, filled: int, found_marks: Marks) -> Role | None:
    best = max(
        ("plain", "point", "comma", "clock"),
        key=lambda form: profile.fits.get(form, Fit()).cells,
    )
    fit = profile.fits.get(best, Fit())
    right = fit.cells - found_marks.sentinels
    odd = marks.strange(profile, found_marks, filled - right)
    filled -= sum(odd.values())
    if right < ALIKE * filled or not right:
        return None
    if profile.zeros and profile.zeros >= (1 - ALIKE) * filled:
        return None  # 01067 is a code
    plain = "whole number" if fit.whole == fit.cells else "number"
    if profile.unique and fit.whole == fit.cells and _is_id(name, fit, filled):
        return _id(name, profile, "a different whole number in each row")
    low = profile.least if found_marks.sentinels else fit.low
    fit = fit._replace(low=low)
    keys: dict[str, Any] = {"role": "numeric", **forms.keys(best)}
    if fit.whole == fit.cells and best == "plain" and _exact(fit):
        keys["integer"] = True
    keys |= bounds.of(fit) | bounds.unit(name)
    why = f"{plain}s from {bounds.shown(fit.low)} to {bounds.shown(fit.high)}"
    doubts = _mistakes("number", filled - right)
    holds = "time span" if best == "clock" else plain
    return Role(name, keys, holds, why, tuple(doubts), fit, odd)


def _exact(fit: Fit) -> bool:
    return max(abs(fit.low), abs(fit.high)) <= cells.WHOLE


def _is_id(name: str, fit: Fit, filled: int) -> bool:
    if IDS.search(name) or GLUED.search(name) or name.lower().startswith("unnamed"):
        return True
    in_a_row = fit.high - fit.low + 1 == filled and filled > 2
    return in_a_row and not TIMES.search(name)


def _id(name: str, profile: Profile, why: str) -> Role:
    holds = "text" if profile.stored == "text" and not profile.fits.get("plain") else "whole number"
    if profile.holes:
        return Role(name, {"role": "ignored"}, holds, f"ignored: {why}, an id with holes")
    return Role(name, {"role": "id"}, holds, f"an id: {why}", (f"an id ({why}): not a feature",))


def _category(name: str, profile: Profile, filled: int, found_marks: Marks) -> Role:
    if profile.unique and profile.longest <= LONGEST_NAME:
        return _id(name, profile, "a different text in each row")
    told = profile.characters / max(1, profile.filled)
    if profile.unique or told > LONG:
        why = f"ignored: free text, {told:.0f} characters on average"
        return Role(name, {"role": "ignored"}, "text", why, (why,))
    values = None if profile.values is None else _levels(profile.values, found_marks)
    if values is not None and len(values) > 5 and filled < FEW_ROWS * len(values):
        why = f"ignored: {len(values):,} different texts in {filled:,} rows, like an id"
        return Role(name, {"role": "ignored"}, "text", why, (why,))
    mixed = profile.fits.get("plain", Fit()).cells
    doubts = []
    if mixed and profile.zeros < mixed and mixed < filled:
        doubts.append(f"{mixed:,} of {filled:,} cells are numbers, the others not: kept as text")
    keys: dict[str, Any] = {"role": "categorical"}
    if values is not None and len(values) <= LISTED and all(map(str.strip, values)):
        keys["values"] = values
    if values is None:
        doubts.append("more than 1,000 different texts: the rare ones are folded")
    many = "more than 1,000" if values is None else f"{len(values):,}"
    return Role(name, keys, "text", f"{many} different texts", tuple(doubts))


def _levels(values: Mapping[str, int], found_marks: Marks) -> list[str]:
    """Return a category's values as the contract reads them: 2.0 is 2."""
    return sorted({cells.code(value) for value in values if value not in found_marks.counts})


def _target(name: str, profile: Profile) -> Role:
    found_marks = marks.of(profile)
    filled = profile.filled - found_marks.cells
    never_an_id = replace(profile, keys=None, zeros=0)
    found = _number(name, never_an_id, filled, found_marks) if filled else None
    if found is None:
        held = "nothing" if not filled else f"{profile.stored}, such as {_example(profile)}"
        raise PipelineError(f"the target '{name}' holds {held}, not numbers: name another TARGET")
    found_marks = found_marks.plus(found.strange)
    keys = {k: v for k, v in found.keys.items() if k != "integer"}
    keys |= {"role": "target", **found_marks.keys}
    told: list[str] = []
    gone = profile.holes + found_marks.cells
    if gone:
        told.append(f"{gone:,} rows have no target: nothing is learnt from them")
    if found.fit.low == found.fit.high:
        told.append("the target is always the same: there is nothing to learn")
    doubts = (*found_marks.told, *told, *found.doubts)
    return replace(found, keys=keys, doubts=doubts, missing=gone)


def _example(profile: Profile) -> str:
    known = profile.values or profile.words or {}
    return _short(next(iter(known), "texts"))


def _mistakes(kind: str, count: int) -> list[str]:
    if count <= 0:
        return []
    return [f"{count:,} cells are no {kind}: their rows are set aside"]


def _short(text: str) -> str:
    return text if len(text) <= 30 else f"{text[:29]}…"
