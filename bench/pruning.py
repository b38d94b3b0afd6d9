"""What `make prune` finds of the orders, into docs/pruning.md: `python -m bench.pruning`.

Needs a run of the pipeline as it is committed (make repro).
"""

import subprocess
import sys
from pathlib import Path

from bench.docs import ROOT, put
from sales.models.state import state_folder

MODELS = ("linear_regression", "xgboost")  # the champion, and one of trees


def main() -> None:
    """Prune each of MODELS, and write the page's part."""
    shown = []
    for name in MODELS:
        subprocess.run([sys.executable, "-m", "stages.prune", name], cwd=ROOT, check=True)
        shown.append(Path(ROOT, state_folder(), "prune", f"{name}.md").read_text(encoding="utf-8"))
    put(ROOT / "docs" / "pruning.md", "pruned", "\n".join(shown))


if __name__ == "__main__":
    main()
