"""What the tests of DVC remotes share: DVC's own command, and a clone that has lost its files."""

import subprocess
import sys
from pathlib import Path


def dvc(*words: str) -> None:
    """Run DVC."""
    subprocess.run([sys.executable, "-m", "dvc", *words], check=True)


def lose(*names: str) -> None:
    """Remove these files, and all that DVC's cache holds."""
    for name in names:
        Path(name).unlink()
    for cached in Path(".dvc/cache").rglob("*"):
        if cached.is_file():
            cached.chmod(0o644)
            cached.unlink()
