"""Prints the table of results; not a DVC stage, it reads what they wrote."""

from pathlib import Path

from sales import estimators, files
from sales.errors import PipelineError, run
from sales.judging import scoreboard
from sales.models import belonging

METRICS = Path("metrics")
MODELS = Path("models")


def results() -> list[tuple[str, ...]]:
    """Return the rows of the table for the results that stand in the working folder.

    A model is shown with an alias only when it is, by content hash, the very one that holds it:
    the champion may be an earlier model of the same name. Raises PipelineError where a run has not
    got as far as its gate, and where two runs have left some of each.
    """
    paths = {name: METRICS / f"{name}.json" for name in estimators.evaluated(METRICS)}
    needed = [METRICS / "gate.json", *paths.values(), *(MODELS / name for name in paths)]
    if not all(path.exists() for path in needed):
        raise PipelineError("no results yet: run `make repro`")
    known = {name: files.content_hash(MODELS / name) for name in paths}
    belonging.hold_scores(known, METRICS)
    metrics = {name: files.read_json(path) for name, path in paths.items()}
    hashes = {sha256: name for name, sha256 in known.items()}
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
    if alike := scoreboard.alike(files.read_json(METRICS / "gate.json")):
        print(f"\n{alike}")
    if decided := evidence():
        print(f"\n{decided}")


def evidence() -> str:
    """Return how today's best and the champion compare, where register has compared them."""
    record = METRICS / "registry.json"
    return scoreboard.evidence(files.read_json(record)["decision"]) if record.exists() else ""


if __name__ == "__main__":
    run(main)
