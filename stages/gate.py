"""Judges every model by its metrics alone. Exits 0 whatever it decides: register acts on it."""

from pathlib import Path

from sales import estimators, files, params
from sales.errors import run
from sales.judging import gates
from sales.models import belonging

METRICS = Path("metrics")


def main() -> None:
    """Write metrics/gate.json."""
    settings = params.read("gate", gates.GateParams)
    paths = {name: METRICS / f"{name}.json" for name in estimators.evaluated(METRICS)}
    made_of = belonging.of_gate(paths)
    metrics = {name: files.read_json(path) for name, path in paths.items()}
    decision = gates.decide(metrics, settings)
    files.write_json(METRICS / "gate.json", {**decision, "made_of": made_of})
    for name, judged in decision["models"].items():
        reasons = "; ".join(judged["rules"][rule]["why"] for rule in judged["failed"])
        print(f"{name}: {judged['verdict']}{': ' if reasons else ''}{reasons}")


if __name__ == "__main__":
    run(main)
