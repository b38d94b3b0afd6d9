"""Prints the table of results; not a DVC stage, it reads what they wrote."""

from pathlib import Path

from sales import estimators, files
from sales.errors import PipelineError, run
from sales.judging import scoreboard

METRICS = Path("metrics")
MODELS = Path("models")


def results() -> list[tuple[str, ...]]:
    """Return the rows of the table for the results that stand in the working folder.

    A model is shown with an alias only when it is, by content hash, the very one that holds it:
    the champion may be an earlier model of the same name.
    """
    if not (METRICS / "gate.json").exists():
        raise PipelineError("no results yet: run `make repro`")
    metrics = {name: files.read_json(METRICS / f"{name}.json") for name in estimators.NAMES}
    hashes = {files.content_hash(MODELS / name): name for name in estimators.NAMES}
    aliases = {}
    if (METRICS / "registry.json").exists():
        registry = files.read_json(METRICS / "registry.json")
        for alias in ("champion", "challenger"):
            holder = registry.get(alias)
            if holder and holder["content_hash"] in hashes:
                aliases[hashes[holder["content_hash"]]] = alias
    return scoreboard.rows(metrics, files.read_json(METRICS / "gate.json"), aliases)


def main() -> None:
    """Print the table."""
    print(f"\n{scoreboard.as_text(results())}")


if __name__ == "__main__":
    run(main)
