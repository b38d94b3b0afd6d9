"""What changes in the generator's orders from a day on, and so a truth that is known.

Orders before that day are the same as without; what else a change needs to draw, a block draws
when all its columns are drawn. Only multiplication and comparison decide, so that the bytes are the
same on every machine.
"""

from datetime import date
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from sales.params import Group

FIRST_DAY, DAYS = np.datetime64("2020-01-01"), 1825  # of all orders; the last one is 2024-12-29
LAST_DAY = FIRST_DAY + DAYS - 1
SHARE = 1_000_000  # shares are told apart to a millionth


class Change(Group):
    """Something that begins on a day; None: never."""

    since: Annotated[date | None, Field(alias="from")] = None

    @model_validator(mode="after")
    def _within(self) -> "Change":
        if self.since and not FIRST_DAY <= np.datetime64(self.since) <= LAST_DAY:
            raise ValueError(f"orders are from {FIRST_DAY} to {LAST_DAY}: from is {self.since}")
        return self

    @property
    def day(self) -> int | None:
        """The number of the first day, None of what never begins."""
        return int((np.datetime64(self.since) - FIRST_DAY).astype(int)) if self.since else None


class Prices(Change):
    """All prices rise, at once on that day and then with each calendar month."""

    pct_a_month: float = Field(default=2.0, ge=-10, le=20)


class NewBrand(Change):
    """A brand that was not there before has a share of the orders, at prices of its own."""

    name: str = Field(default="Novus", min_length=1)
    share: float = Field(default=0.2, gt=0, lt=1)
    price_factor: float = Field(default=1.0, ge=0.1, le=10)


class Categories(Change):
    """These categories have these shares, the others share what is left evenly."""

    shares: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _together(self) -> "Categories":
        if sum(self.shares.values()) > 1 + 1e-9:
            raise ValueError("the shares are more than 1 together")
        if self.since and not self.shares:
            raise ValueError("from is set: name the shares")
        return self


class DriftParams(Group):
    """See `ingest.drift` in params.yaml."""

    prices: Prices = Prices()
    brand: NewBrand = NewBrand()
    categories: Categories = Categories()

    def truth(self) -> list["Known"]:
        """Return what changes, the earliest first: for whoever looks for changes to be held to."""
        prices, brand, shares = self.prices, self.brand, self.categories
        told = (
            (prices, f"prices rise by {prices.pct_a_month:g} % a month"),
            (
                brand,
                f"the brand {brand.name} has {100 * brand.share:g} % of the orders, "
                f"at {brand.price_factor:g} times the prices",
            ),
            (
                shares,
                "the shares of categories become "
                + ", ".join(f"{name} {100 * share:g} %" for name, share in shares.shares.items()),
            ),
        )
        known = [Known(str(change.since), what) for change, what in told if change.since]
        return sorted(known)


class Known(NamedTuple):
    """A change that the generator makes: its first day, and what it is."""

    since: str
    what: str


def price_factors(days: np.ndarray, prices: Prices) -> np.ndarray | float:
    """Return by how much the prices of orders on these days, numbered from FIRST_DAY, are higher.

    Once on the day of the change, and once more with each calendar month that has begun since:
    multiplied step by step, as a power differs in its last bit from machine to machine.
    """
    if prices.day is None:
        return 1.0
    month = (FIRST_DAY + days.astype("timedelta64[D]")).astype("datetime64[M]").astype(np.int64)
    begun = int((FIRST_DAY + prices.day).astype("datetime64[M]").astype(np.int64))
    steps = np.where(days >= prices.day, month - begun + 1, 0)
    factors = [1.0]
    for _ in range(int(steps.max(initial=0))):
        factors.append(factors[-1] * (1 + prices.pct_a_month / 100))
    return np.array(factors)[steps]


def drawn_shares(lots: np.ndarray, names: list[str], shares: dict[str, float]) -> np.ndarray:
    """Return for each lot, a whole number below SHARE, the place of a name by the shares.

    >>> drawn_shares(np.array([0, 499_999, 500_000, 999_999]), ["a", "b", "c"], {"b": 0.5})
    array([0, 1, 1, 2])
    """
    left = (1 - sum(shares.values())) / max(1, len(names) - len(shares))
    each = [round(SHARE * shares.get(name, left)) for name in names]
    ends = np.minimum(np.cumsum(each), SHARE)
    ends[np.flatnonzero(each)[-1] :] = SHARE  # rounding leaves no lot over
    return np.searchsorted(ends, lots, side="right")
