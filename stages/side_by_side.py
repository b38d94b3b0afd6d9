"""Runs the training stages side by side: `make repro JOBS=3`; not a DVC stage.

DVC runs one stage after the other, but several of its processes may work in one repository as long
as they write different outputs. The models and the lock are the same to the last bit either way.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from sales import estimators
from sales.errors import PipelineError, run


def dvc_repro(*arguments: str, **variables: str) -> tuple[int, str]:
    """Run `dvc repro`; return its exit code and all that it printed."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "dvc", "repro", *arguments],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def main() -> None:
    """Bring the features up to date, then train all models, so many at once."""
    given = sys.argv[1] if len(sys.argv) == 2 else ""
    if not given.isdigit() or not 1 <= int(given) <= len(estimators.NAMES):
        most = len(estimators.NAMES)
        raise PipelineError(f"JOBS is how many models train at once, 1 to {most}, not '{given}'")
    code, printed = dvc_repro("featurize")
    print(printed, end="")
    if code:
        raise PipelineError("the features could not be made")
    # A share of the cores each: OpenMP's threads wait for each other at every step, long where
    # a neighbour holds one of them up.
    share = max(1, (os.cpu_count() or 1) // int(given))

    def train(name: str) -> int:
        code, printed = dvc_repro("-s", f"train_{name}", OMP_NUM_THREADS=str(share))
        print(printed, end="", flush=True)
        return code

    with ThreadPoolExecutor(int(given)) as pool:
        codes = dict(zip(estimators.NAMES, pool.map(train, estimators.NAMES), strict=True))
    if failed := [name for name, code in codes.items() if code]:
        raise PipelineError(f"not trained: {', '.join(failed)}")


if __name__ == "__main__":
    run(main)
