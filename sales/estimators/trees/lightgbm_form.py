"""scikit-learn's trees in LightGBM's form, whose predictor takes many rows through them faster.

Both compare in float64 with <=, and both add a row's leaves up tree after tree: the bits are those
of Treelite's runtime, in a third of the time. What LightGBM has no form for stays with Treelite:
sets of a category's levels from which a missing value goes left.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import treelite

from sales.estimators import without
from sales.estimators.trees import category_sets

if TYPE_CHECKING:
    import lightgbm

LESS_OR_EQUAL = 3  # Treelite's operator
MISSING_IS_NAN, GOES_LEFT = 8, 2  # of LightGBM's decision types
NOTHING = 1e-35  # LightGBM takes numbers that near to zero for zero
HEADER = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx={last}
objective=regression
feature_names={names}
feature_infos={ranges}
tree_sizes={sizes}

"""
SPLITS = """num_leaves={leaves}
num_cat=0
split_feature={feature}
threshold={threshold}
decision_type={decision}
left_child={left}
right_child={right}
leaf_value={value}
is_linear=0
shrinkage=1


"""
LEAF = "num_leaves=1\nnum_cat=0\nleaf_value={value!r}\nis_linear=0\nshrinkage=1\n\n\n"
END = "end of trees\n\nfeature_importances:\n\nparameters:\nend of parameters\n"


@dataclass(frozen=True)
class LightgbmForm:
    """A Treelite model for LightGBM; a mean is a sum of its `trees`, a model that sums has 1."""

    booster: "lightgbm.Booster"
    trees: int
    near_zero: bool

    def takes(self, matrix: np.ndarray) -> bool:
        """Return whether LightGBM sees these rows as they are."""
        return not (self.near_zero and ((matrix != 0) & (np.abs(matrix) <= NOTHING)).any())

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Return the predictions of rows, C-contiguous and in float64, to Treelite's last bit."""
        total = np.asarray(self.booster.predict(matrix, raw_score=True), np.float64)
        return total / self.trees


def of(part: treelite.Model) -> LightgbmForm | None:
    """Return a Treelite model that scikit-learn's has become for LightGBM; None where it cannot."""
    header = part.get_header_accessor()
    base = float(header.get_field("base_scores")[0])
    mean = bool(header.get_field("average_tree_output")[0])
    trees = [part.get_tree_accessor(number) for number in range(part.num_tree)]
    if (mean and base) or not all(_is_alike(tree) for tree in trees):
        return None
    texts = [_text(tree) for tree in trees]
    if base:
        texts.append(LEAF.format(value=base))  # after the others, as Treelite adds it
    numbered = [f"Tree={number}\n{text}" for number, text in enumerate(texts)]
    features = int(header.get_field("num_feature")[0])
    head = HEADER.format(
        last=features - 1,
        names=" ".join(f"f{number}" for number in range(features)),
        ranges=" ".join(["[-1:1]"] * features),
        sizes=" ".join(str(len(text)) for text in numbered),
    )
    with without("sklearn", needing="distributed"):
        import lightgbm  # few rows go without
    booster = lightgbm.Booster(model_str="".join((head, *numbered, END)))
    return LightgbmForm(booster, len(trees) if mean else 1, any(map(_cuts_near_zero, trees)))


def _is_alike(tree: Any) -> bool:
    """Return whether LightGBM knows each of a tree's splits."""
    inner = np.asarray(tree.get_field("cleft")) >= 0
    operators = np.asarray(tree.get_field("cmp"))[inner]
    return bool((operators == LESS_OR_EQUAL).all()) and not category_sets.parted(tree).any()


def _cuts_near_zero(tree: Any) -> bool:
    inner = np.asarray(tree.get_field("cleft")) >= 0
    return bool((np.abs(np.asarray(tree.get_field("threshold"))[inner]) <= NOTHING).any())


def _text(tree: Any) -> str:
    """Return a tree as LightGBM writes it: its inner nodes numbered upwards from 0, the root.

    Its leaves are numbered downwards from -1.
    """
    left, right, feature, threshold, goes_left, value = (
        np.asarray(tree.get_field(name))
        for name in ("cleft", "cright", "split_index", "threshold", "default_left", "leaf_value")
    )
    leaf = left < 0
    if leaf[0]:
        return LEAF.format(value=float(value[0]))
    number = np.where(leaf, -np.cumsum(leaf.astype(np.intp)), np.cumsum(~leaf) - 1)
    inner = ~leaf
    written = {
        "feature": feature[inner],
        "threshold": threshold[inner].astype(np.float64),
        "decision": MISSING_IS_NAN + GOES_LEFT * goes_left[inner].astype(int),
        "left": number[left[inner]],
        "right": number[right[inner]],
        "value": value[leaf].astype(np.float64),
    }
    told = {name: " ".join(map(repr, each.tolist())) for name, each in written.items()}
    return SPLITS.format(leaves=int(leaf.sum()), **told)
