"""The groups of params.yaml beside the contract, as a drafted table asks for them.

Each is today's group with what depends on the table changed; keys that the draft knows nothing of
stay. No threshold is an amount: a gate is in percent, or made of the target's own spread.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sales.data.reading.dialects import Dialect
from sales.drafting.layout import Comments, Key
from sales.errors import PipelineError

Tree = dict[str, Any]
FEWEST = 10  # rows that each part needs
MOST_SMALL = 100  # test rows; of fewer no slice may have min_slice_rows
FEWEST_VALID = 19  # for intervals that hold nine of ten
MOST_SLICED = 20  # values of a category that has slices
SLICES = 6  # columns at most
FEW = 5_000  # rows; below, folds rank better than a part of them (docs/splits.md)
VERY_FEW = 500  # rows; below, the folds are laid REPEATS times
REPEATS = 3
FOLDS = 10
ROWS_A_FOLD = 20  # at least: by hash or by groups folds differ in size
BY_SETS = ("hist_gradient_boosting", "xgboost", "lightgbm")  # part categories in either way


class Drafted(NamedTuple):
    """A group, and comments by the path of their key."""

    tree: Tree
    comments: Comments


class Sizes(NamedTuple):
    """How many rows each part will have, and by which shares."""

    test_size: float
    valid_size: float
    test: int
    valid: int
    rows: int


def sizes(rows: int) -> Sizes:
    """Return the shares that leave each part enough rows.

    Raises PipelineError for too few rows.

    >>> sizes(1000), sizes(80)
    (Sizes(test_size=0.2, valid_size=0.1, test=200, valid=100, rows=1000), \
Sizes(test_size=0.2, valid_size=0.25, test=16, valid=20, rows=80))
    """
    for test_size, valid_size in ((0.2, 0.1), (0.2, 0.15), (0.2, 0.2), (0.2, 0.25), (0.2, 0.3)):
        test, valid = math.ceil(rows * test_size), math.ceil(rows * valid_size)
        enough = min(test, rows - test - valid) >= FEWEST and valid >= FEWEST_VALID
        if enough and (valid >= 30 or valid_size > 0.1):
            return Sizes(test_size, valid_size, test, valid, rows)
    raise PipelineError(
        f"{rows} rows to learn from are too few: train and test need {FEWEST} each, valid "
        f"{FEWEST_VALID} for its intervals"
    )


def ingest(base: Tree, dialect: Dialect | None, sheet: str | None, address: str | None) -> Drafted:
    """Return where rows come from; of a CSV file that is not plain, how it is written."""
    csv = dict.fromkeys(base.get("csv") or ("separator", "decimal", "quote", "encoding"))
    comments: dict[Key, str] = {}
    if dialect is not None and dialect.told:
        comments["csv",] = f"found: {dialect.told}"
        csv["separator"] = "tab" if dialect.separator == "\t" else dialect.separator
        csv["decimal"] = dialect.decimal
        if dialect.quote != '"':
            csv["quote"] = dialect.quote
        if dialect.encoding not in (None, "utf-8"):
            csv["encoding"] = dialect.encoding
    tree = {**base, "source": "files", "address": address, "csv": csv, "sheet": sheet}
    return Drafted(tree, comments)


def prepare(
    base: Tree, parts: Sizes, ordered_by: str | None, key: str | None, rejected_pct: float
) -> Drafted:
    """Return the split that fits, and as many bad rows as there are, and some."""
    split = "time" if ordered_by else "hash"
    told = f"time: the rows are in the order of {ordered_by}; the latest are test"
    comments: dict[Key, str] = {
        ("split",): told if ordered_by else "hash: a row stays in its part as others come"
    }
    most = max(1.0, math.ceil(1.5 * rejected_pct * 10) / 10)
    if rejected_pct:
        comments["max_rejected_pct",] = f"{rejected_pct:.2g} % of the rows are set aside now"
    if key:
        comments["group",] = f"rows of one {key} are alike: they come into one part"
    few = parts.rows < FEW and not ordered_by
    tree = {
        **base,
        "split": split,
        "group": key,
        "test_size": parts.test_size,
        "valid": "folds" if few else "part",
        "valid_size": parts.valid_size,
        "folds": min(FOLDS, (parts.rows - parts.test) // ROWS_A_FOLD) if few else FOLDS,
        "repeats": REPEATS if few and parts.rows < VERY_FEW else 1,
    }
    if few:
        comments["valid",] = f"folds: of {parts.rows:,} rows a part would be too few to rank by"
    return Drafted({**tree, "max_rejected_pct": min(most, 100.0)}, comments)


def seeded(prepared: Drafted, seed: int | None) -> Drafted:
    """Return the group with the seed by which keys tell parts, as parting.py finds it; None: none.

    Then rows are too much alike for keys to part them, and are drawn.
    """
    tree, comments = {**prepared.tree}, {**prepared.comments}
    if seed is None:
        tree["split"] = "random"
        comments["split",] = "random: so few rows, or so alike, that by hash a part is too small"
    elif seed != tree["seed"]:
        tree["seed"] = seed
        comments["seed",] = "the first under which the parts of so few keys are near their shares"
    return Drafted(tree, comments)


def featurize(
    base: Tree, features: Sequence[str], derived: Mapping[str, str], encoded: Mapping[str, str]
) -> Drafted:
    """Return one feature set: all columns that are read, and the parts of dates.

    The `encoded` are categories that are better one number, each with the reason.
    """
    tree = {**base, "feature_set": "all"}
    tree |= {"derived": dict(derived), "feature_sets": {"all": {"add": [*features, *derived]}}}
    tree["target_encoding"] = {"columns": [*encoded], "above_levels": None}
    comments: dict[Key, str] = {}
    if derived:
        comments["derived",] = "computed of dates, which are no numbers"
    if encoded:
        comments["target_encoding", "columns"] = "; ".join(encoded.values())
    return Drafted(tree, comments)


def evaluate(base: Tree, rows: pd.DataFrame, columns: Mapping[str, Any], parts: Sizes) -> Drafted:
    """Return slices by the categories, the truth values and the number with most to say."""
    slices: dict[str, Any] = {}
    for name, column in columns.items():
        if column["role"] in ("categorical", "boolean"):
            many = rows[name].nunique()
            if 2 <= many <= MOST_SLICED and len(slices) < SLICES - 1:
                slices[name] = {}
    leading = _leading(rows, columns)
    if leading:
        quartiles = np.quantile(rows[leading].dropna(), (0.25, 0.5, 0.75))
        slices[leading] = {"edges": sorted({float(f"{edge:.3g}") for edge in quartiles})}
    fewest = max(20, math.ceil(parts.test / 100))
    comments: dict[Key, str] = {
        ("min_slice_rows",): "smaller slices are named and left out",
        ("behaviour",): "off: what must hold of any sane prediction, only a person knows; such as "
        "bigger: {column: area, becomes: area * 1.1, prediction: up}",
        ("inclusion",): "off: whose every level must be served alike, only a person knows; such as "
        "district: {}",
    }
    tree = {**base, "slices": slices, "inclusion": {}, "min_slice_rows": fewest, "behaviour": {}}
    return Drafted(tree, comments)


def _leading(rows: pd.DataFrame, columns: Mapping[str, Any]) -> str | None:
    """Return the number that goes with the target most, by rank."""
    target = next(name for name, column in columns.items() if column["role"] == "target")
    numbers = [name for name, column in columns.items() if column["role"] == "numeric"]
    numbers = [name for name in numbers if rows[name].nunique() > 4]
    if not numbers:
        return None
    with np.errstate(all="ignore"):
        ranked = rows[[*numbers, target]].rank()
        told = ranked[numbers].corrwith(ranked[target]).abs().fillna(0.0)
    return str(told.idxmax()) if told.max() > 0 else None


def gate(base: Tree, target: np.ndarray, parts: Sizes, *, by_time: bool) -> Drafted:
    """Return what a model must keep: better than the mean, by more than chance would have it."""
    skill = max(1.0, 50 / math.sqrt(parts.test))
    # Where many rows are at zero, a good model is a little below it on half of them.
    zeros = 100 * float(np.mean(target == 0)) if len(target) else 0.0
    tree = {
        **base,
        # The latest rows' own mean may be another one: what a model knows of it, skill tells.
        "min_test_r2": None if by_time else 0.0,
        "max_test_rmse": None,
        "max_test_rmse_pct": None,
        "max_generalization_gap_pct": None if by_time else 75.0,
        "max_negative_prediction_pct": round(min(100.0, 10.0 + zeros), 1),
        "min_skill_pct": round(skill, 1),
        "max_slice_rmse_ratio": 6.0 if parts.test >= MOST_SMALL else None,
        "max_behaviour_violation_pct": 5.0,
        "max_coverage_shortfall_pct": None if by_time else 5.0,
    }
    comments: dict[Key, str] = {
        ("min_test_r2",): "off: nobody knows the mean of later rows; min_skill_pct decides"
        if by_time
        else "at least as good as the mean; raise it to what is of use to you",
        ("max_test_rmse",): "off: in units of the target, of which a file does not tell enough",
        ("max_test_rmse_pct",): "off: min_skill_pct says it; lower it to what is of use to you",
        ("min_skill_pct",): f"RMSE saved against the mean: more than chance on {parts.test:,} rows",
    }
    if parts.test < MOST_SMALL:
        comments["max_slice_rmse_ratio",] = f"off: {parts.test} test rows have no slices to judge"
    if by_time:
        comments["max_generalization_gap_pct",] = "off: later rows differ from those of training"
        comments["max_coverage_shortfall_pct",] = "off: intervals are made of earlier rows"
    if zeros:
        told = f"{zeros:.2g} % of the targets are zero; does not apply where some are below"
        comments["max_negative_prediction_pct",] = told
    return Drafted(tree, comments)


def train(base: Tree) -> Drafted:
    """Return how models learn: nothing of the orders' own in it."""
    tree = {name: dict(each) for name, each in base.items()}
    for name, each in tree.items():
        if "early_stopping_min_delta" in each:  # a share of the target's spread
            each["early_stopping_min_delta"] = 0.00001
        if "interactions" in each:
            each["interactions"] = []
        if name in ("hist_gradient_boosting", "lightgbm"):
            each["learning_rate"] = 0.1
        if name in BY_SETS:
            each["categories"] = "measured"
    return Drafted(tree, {})


def register(base: Tree, model: str, experiment: str) -> Drafted:
    """Return the name under which models are registered."""
    return Drafted({**base, "model_name": model, "experiment": experiment}, {})
