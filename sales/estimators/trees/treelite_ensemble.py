"""scikit-learn's tree ensembles as Treelite checkpoints: no pickle, the same bytes every time.

Their predictions come from Treelite's own runtime everywhere, in evaluation as in service: it
agrees with scikit-learn to the last few bits and, unlike it, answers one row in microseconds and
sums a forest's trees in the same order whatever the number of threads. Many rows go through
LightGBM's predictor, which gives the same bits.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import treelite

from sales.estimators import Contributions
from sales.estimators.trees import alike, category_sets, lightgbm_form
from sales.estimators.trees.lightgbm_form import LightgbmForm

if TYPE_CHECKING:
    from sales.estimators.trees.shap import Paths

FILE, MORE = "ensemble.treelite", "ensemble.{}.treelite"  # the first part's file; the others'
FEW, MANY = 256, 4_096  # rows
WALKS_A_NODE = 1  # rows x trees, for each node, that are worth the nodes' way into LightGBM's form
MOST_NODES = 2_000_000  # in that form: some 200 MB


@dataclass(frozen=True)
class TreeliteEnsemble:
    """Treelite models that sum or average their trees; of several, the trees' mean counts.

    One is the rule. Only a forest too large to be held twice comes in parts, as it was grown.
    """

    parts: tuple[treelite.Model, ...]

    @property
    def num_tree(self) -> int:
        """The number of trees in all parts."""
        return sum(part.num_tree for part in self.parts)

    @property
    def native(self) -> bool:
        """Whether some tree parts the levels of a category into sets."""
        trees = (part.get_tree_accessor(n) for part in self.parts for n in range(part.num_tree))
        return any(category_sets.parted(tree).any() for tree in trees)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the predictions of `X`, one thread for few rows (starting more costs more).

        Many rows are answered like after like: a forest of 60 MB takes half the time.
        """
        matrix = np.ascontiguousarray(X, dtype=np.float64)
        if len(matrix) < MANY:
            return self._answers(matrix, threads=1 if len(matrix) < FEW else -1)
        order = alike.order(matrix, self._splits)
        predicted = np.empty(len(matrix))
        predicted[order] = self._answers(matrix[order], threads=-1)
        return predicted

    def _answers(self, matrix: np.ndarray, threads: int) -> np.ndarray:
        answers = [
            treelite.gtil.predict(part, matrix, nthread=threads).reshape(len(matrix))
            if form is None
            else form.predict(matrix)
            for part, form in zip(self.parts, self._forms(matrix), strict=True)
        ]
        if len(answers) == 1:
            return answers[0]
        total = np.zeros(len(matrix))
        for part, answer in zip(self.parts, answers, strict=True):
            total += part.num_tree * answer
        return total / self.num_tree

    def _forms(self, matrix: np.ndarray) -> list[LightgbmForm | None]:
        """Return by which form each part answers these rows; None, by Treelite's own."""
        walks, laid_out = len(matrix) * self.num_tree, "_in_lightgbms_form" in vars(self)
        if len(matrix) < MANY or not (laid_out or walks >= WALKS_A_NODE * self.nodes):
            return [None] * len(self.parts)
        forms = self._in_lightgbms_form
        return [form if form and form.takes(matrix) else None for form in forms]

    @cached_property
    def _in_lightgbms_form(self) -> list[LightgbmForm | None]:
        if self.nodes > MOST_NODES:
            return [None] * len(self.parts)
        return [lightgbm_form.of(part) for part in self.parts]

    @cached_property
    def nodes(self) -> int:
        """The number of nodes in all parts, leaves among them."""
        return sum(
            len(part.get_tree_accessor(tree).get_field("cleft"))
            for part in self.parts
            for tree in range(part.num_tree)
        )

    @cached_property
    def _splits(self) -> np.ndarray:
        """How many splits there are on each feature."""
        header = self.parts[0].get_header_accessor()
        splits = np.zeros(int(header.get_field("num_feature")[0]), np.int64)
        for part in self.parts:
            for tree in range(part.num_tree):
                on = part.get_tree_accessor(tree).get_field("split_index")
                splits += np.bincount(on[on >= 0], minlength=len(splits))
        return splits

    @cached_property
    def _paths(self) -> "Paths":
        from sales.estimators.trees import shap  # few are asked why

        return shap.of(self.parts)

    def contributions(self, row: np.ndarray) -> Contributions:
        """Return TreeSHAP's own; raises PipelineError for an ensemble that is too large."""
        return self._paths.contributions(row)

    def save(self, folder: Path) -> None:
        """Write a checkpoint a part."""
        paths = [folder / (MORE.format(n) if n else FILE) for n in range(len(self.parts))]
        with ThreadPoolExecutor() as threads:
            list(threads.map(treelite.Model.serialize, self.parts, paths))


def of(*fitted: Any) -> TreeliteEnsemble:
    """Return a fitted scikit-learn ensemble, or the parts of one, as a Treelite one."""
    return TreeliteEnsemble(tuple(treelite.sklearn.import_model(one) for one in fitted))


def load(folder: Path) -> TreeliteEnsemble:
    """Return the ensemble that `save` wrote."""
    paths = [folder / FILE]
    while (more := folder / MORE.format(len(paths))).is_file():
        paths.append(more)
    with ThreadPoolExecutor() as threads:
        return TreeliteEnsemble(tuple(threads.map(treelite.Model.deserialize, paths)))
