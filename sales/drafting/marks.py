"""What stands for a value that is not there, beside the words that every contract knows."""

from collections.abc import Mapping
from typing import NamedTuple

from sales.contract.holes import MISSING
from sales.drafting import forms
from sales.drafting.forms import Fit
from sales.drafting.profile import Profile

MOST_STRANGE = 8  # words among numbers or dates that may all mean that there is none
TOLD = 4  # marks that a person is shown
MOST = 0.3  # of the cells: more are no exception
SHARE = 0.005  # of the cells: fewer are mistakes, and their rows are set aside


class Marks(NamedTuple):
    """The marks, in order, how many cells say each, and those that are numbers themselves."""

    counts: Mapping[str, int]
    sentinels: int = 0

    @property
    def cells(self) -> int:
        """How many cells say that they hold nothing."""
        return sum(self.counts.values())

    @property
    def keys(self) -> dict[str, object]:
        """What a column of the contract says of them: these and the usual ones."""
        if not self.counts:
            return {}
        usual = sorted((MISSING - {""}).difference(self.counts))
        return {"missing_marks": [*usual, *self.counts]}

    def plus(self, counts: Mapping[str, int]) -> "Marks":
        """Return these and others."""
        return Marks(dict(sorted({**self.counts, **counts}.items())), self.sentinels)

    @property
    def told(self) -> tuple[str, ...]:
        """The doubt, in words; nothing without marks."""
        if not self.counts:
            return ()
        shown = ", ".join(mark.strip()[:20] or "blanks" for mark in [*self.counts][:TOLD])
        more = ", …" if len(self.counts) > TOLD else ""
        return (f"{self.cells:,} cells say {shown}{more}: taken for missing",)


def of(profile: Profile) -> Marks:
    """Return a column's marks: words that mean nothing anywhere, and -999 among positive numbers.

    A column that holds nothing else has none.
    """
    counted = profile.values if profile.values is not None else profile.words or {}
    found = {text: count for text, count in counted.items() if forms.is_mark(text)}
    if set(found) == set(counted) or _truths(profile):
        found = {}
    numbers, sentinels = profile.fits.get("plain", Fit()), {}
    if numbers.cells and profile.least >= 0:
        sentinels = {f"{v:g}": n for v, n in profile.sentinels.items() if 1 < n < numbers.cells}
    return Marks(dict(sorted((found | sentinels).items())), sum(sentinels.values()))


def strange(profile: Profile, marks: Marks, wrong: int) -> dict[str, int]:
    """Return the few words that are all `wrong` cells of a column of numbers or dates.

    None where they are so few that they are mistakes, or so many that they are something else.
    """
    words = {w: n for w, n in (profile.words or {}).items() if w not in marks.counts}
    all_of_them = words and len(words) <= MOST_STRANGE and sum(words.values()) == wrong
    some = SHARE * profile.filled < wrong <= MOST * profile.filled
    return words if all_of_them and some else {}


def _truths(profile: Profile) -> bool:
    if profile.values is None or profile.stored in ("date", "duration"):
        return False
    return forms.truths(frozenset(profile.values)) is not None
