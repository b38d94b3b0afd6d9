"""Which columns a model sees: the feature sets of params.yaml, and what is computed for them."""

from pydantic import Field, model_validator

from sales.contract import Column, Contract
from sales.contract.expressions import Expression
from sales.errors import PipelineError
from sales.params import Group


class FeatureSet(Group):
    """A list of columns, or another set with columns added and dropped."""

    start: str | None = None
    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


class TargetEncodingParams(Group):
    """Which categories are one number, what their levels add to the mean (`target_encoding.py`).

    The columns, and those with more than `above_levels` values in the train rows.
    """

    columns: tuple[str, ...] = ()
    above_levels: int | None = Field(default=None, ge=2)

    def takes(self, column: str, levels: int) -> bool:
        """Return whether a category with so many values is one number."""
        above = self.above_levels is not None and levels > self.above_levels
        return above or column in self.columns


class FeaturizeParams(Group):
    """Which columns a model sees, and how those that no order holds are computed.

    Beyond `many_levels` values a category is ordered and folded (`many_levels.py`).
    """

    feature_set: str
    many_levels: int = Field(default=50, ge=2)
    target_encoding: TargetEncodingParams = TargetEncodingParams()
    derived: dict[str, str] = Field(default_factory=dict)
    feature_sets: dict[str, FeatureSet]

    @model_validator(mode="after")
    def _known(self) -> "FeaturizeParams":
        self.columns()
        return self

    def columns(self, feature_set: str | None = None) -> tuple[str, ...]:
        """Return the columns of a feature set in order; by default of the chosen one.

        Raises ValueError for an unknown or circular set, a column twice, or a drop of no column.
        """
        return self._resolve(feature_set or self.feature_set, ())

    def _resolve(self, name: str, above: tuple[str, ...]) -> tuple[str, ...]:
        if name not in self.feature_sets:
            raise ValueError(f"unknown feature set '{name}'; known: {', '.join(self.feature_sets)}")
        if name in above:
            raise ValueError(f"feature set '{name}' starts from itself")
        chosen = self.feature_sets[name]
        columns = list(self._resolve(chosen.start, (*above, name)) if chosen.start else ())
        for column in chosen.drop:
            if column not in columns:
                raise ValueError(f"feature set '{name}' drops '{column}', which it does not have")
            columns.remove(column)
        for column in chosen.add:
            if column in columns:
                raise ValueError(f"feature set '{name}' has '{column}' twice")
            columns.append(column)
        if not columns:
            raise ValueError(f"feature set '{name}' is empty")
        return tuple(columns)


def fields(params: FeaturizeParams, contract: Contract) -> dict[str, Column]:
    """Return the columns that the features need, in the order in which they first need them.

    Raises PipelineError for a feature that is no numeric, boolean or categorical column of the
    contract, nor derived, or that would show the model the target, and for a column to be encoded
    that is no category.
    """
    for name in params.target_encoding.columns:
        if name not in contract.categorical:
            raise PipelineError(
                f"featurize.target_encoding.columns: '{name}' is not a categorical column of the "
                "contract"
            )
    plain = {*contract.numeric, *contract.boolean, *contract.categorical}
    inputs = plain.union(contract.dates)
    computed = derived(params)
    needed: dict[str, None] = {}
    for name in params.columns():
        if name in computed:
            strange = sorted(computed[name].names - inputs)
            if strange:
                raise PipelineError(
                    f"featurize.derived.{name}: '{strange[0]}' is not a date, numeric or "
                    "categorical column of the contract"
                )
            needed.update(dict.fromkeys(sorted(computed[name].names)))
        elif name in plain:
            needed[name] = None
        else:
            raise PipelineError(
                f"featurize.feature_sets: '{name}' is neither a numeric or categorical column "
                "of the contract nor in featurize.derived"
            )
    return {name: contract.columns[name] for name in needed}


def derived(params: FeaturizeParams) -> dict[str, Expression]:
    """Return the columns of the chosen feature set that are computed."""
    return {
        name: Expression.parse(params.derived[name], f"featurize.derived.{name}")
        for name in params.columns()
        if name in params.derived
    }
