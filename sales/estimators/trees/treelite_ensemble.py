"""scikit-learn's tree ensembles as Treelite checkpoints: no pickle, the same bytes every time.

Their predictions come from Treelite's own runtime everywhere, in evaluation as in service: it
agrees with scikit-learn to the last few bits and, unlike it, answers one row in microseconds and
sums a forest's trees in the same order whatever the number of threads.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import treelite

from sales.estimators import Contributions
from sales.estimators.trees import category_sets

FILE, MORE = "ensemble.treelite", "ensemble.{}.treelite"  # the first part's file; the others'
FEW, MANY = 256, 4_096  # rows
BANDS = 16


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

        Many rows are answered like after like: they meet the same nodes, still in the cache, and a
        forest of 60 MB takes half the time.
        """
        matrix = np.ascontiguousarray(X, dtype=np.float64)
        if len(matrix) < MANY:
            return self._answers(matrix, threads=1 if len(matrix) < FEW else -1)
        alike = self._alike(matrix)
        predicted = np.empty(len(matrix))
        predicted[alike] = self._answers(matrix[alike], threads=-1)
        return predicted

    def _answers(self, matrix: np.ndarray, threads: int) -> np.ndarray:
        answers = [
            treelite.gtil.predict(part, matrix, nthread=threads).reshape(len(matrix))
            for part in self.parts
        ]
        if len(answers) == 1:
            return answers[0]
        total = np.zeros(len(matrix))
        for part, answer in zip(self.parts, answers, strict=True):
            total += part.num_tree * answer
        return total / self.num_tree

    def _alike(self, matrix: np.ndarray) -> np.ndarray:
        """Return an order of the rows: bands of the feature split most often, then the second."""
        splits = np.zeros(matrix.shape[1], np.int64)
        for part in self.parts:
            for tree in range(part.num_tree):
                features = part.get_tree_accessor(tree).get_field("split_index")
                splits += np.bincount(features[features >= 0], minlength=len(splits))
        first, second = np.resize(np.argsort(-splits), 2)  # the same one twice where it is alone
        known = matrix[:, first][~np.isnan(matrix[:, first])]
        shares = np.linspace(0, 1, BANDS + 1)[1:-1]
        edges = np.quantile(known, shares) if len(known) else shares
        return np.lexsort((matrix[:, second], np.searchsorted(edges, matrix[:, first])))

    def contributions(self, row: np.ndarray) -> Contributions:
        """Return TreeSHAP's own; raises PipelineError for an ensemble that is too large."""
        from sales.estimators.trees import shap  # few are asked why

        return shap.contributions(self.parts, row)

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
