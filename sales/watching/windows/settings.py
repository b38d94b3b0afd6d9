"""What `make watch` goes by: the group `watch` of params.yaml."""

from typing import Annotated

from pydantic import Field, field_validator

from sales.errors import PipelineError
from sales.params import Group
from sales.watching.windows import cuts


class Large(Group):
    """From when on a change is large, whatever its chance."""

    number: float = Field(gt=0)  # standard deviations of the train rows
    category: float = Field(gt=0, lt=1)  # share of rows that have another level
    quality_points: float = Field(gt=0, lt=100)  # percentage points of rows
    rmse_pct: float = Field(gt=0)  # above the promised RMSE
    bias_pct: float = Field(gt=0)  # of the promised RMSE
    coverage_points: float = Field(gt=0, lt=100)  # below what the test rows had


class WatchParams(Group):
    """See `watch` in params.yaml."""

    window: Annotated[str, Field(coerce_numbers_to_str=True)]
    min_rows: int = Field(ge=30)
    min_truths: int = Field(ge=30)
    false_alarm_pct: float = Field(ge=0.1, le=20)
    large: Large
    quiet: tuple[str, ...]
    needed: int = Field(ge=1)
    of_last: int = Field(ge=1, le=100)

    @field_validator("window")
    @classmethod
    def _known(cls, window: str) -> str:
        try:
            cuts.asked(window)
        except PipelineError as error:
            raise ValueError(str(error).removeprefix("WINDOW is ")) from None
        return window

    @field_validator("of_last")
    @classmethod
    def _enough(cls, of_last: int, info: object) -> int:
        needed = getattr(info, "data", {}).get("needed", 1)
        if of_last < needed:
            raise ValueError(f"at least as many as `needed`, which is {needed}")
        return of_last
