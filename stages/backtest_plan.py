"""Says which model `make backtest` trains, and for which months: backtest/plan.yaml.

Not a DVC stage: DVC reads the plan to know the stages. `--check` looks, before anything runs,
whether a backtest is possible.
"""

import argparse
import shutil
from pathlib import Path
from typing import Any

import yaml

from sales import estimators, files, params
from sales.contract import Contract, mentions
from sales.data import months
from sales.errors import PipelineError, run
from sales.judging.staleness import BacktestParams

PLAN = Path("backtest/plan.yaml")
WINDOWS = Path("backtest/windows")
MODELS = Path("backtest/models")
PROMOTED = Path("models/promoted")
ABOUT = "model.json"  # in a model's folder
HEAD = """\
# Which model `make backtest` trains, with which settings, and with which months each one ends:
# written by it, read by dvc.yaml beside it. In git it is empty, as it is of whoever's data. To
# share a backtest, commit it together with dvc.lock.
"""


def main() -> None:
    """Write the plan, and remove the models of months that are not in it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("model")
    asked = parser.parse_args()
    months.dated(params.read("contract", Contract))
    params.read("backtest", BacktestParams)
    mentions.check()
    model, settings = chosen(asked.model)
    if asked.check:
        return
    ends = sorted(path.stem for path in WINDOWS.glob("*.json"))
    plan = {"model": model, "settings": settings, "months": ends}
    text = HEAD + yaml.safe_dump(plan, sort_keys=False)
    if not PLAN.is_file() or PLAN.read_text(encoding="utf-8") != text:
        with files.replacing(PLAN) as beside:
            beside.write_text(text, encoding="utf-8")
    for folder in MODELS.glob("[0-9]*"):
        if folder.name not in ends:
            shutil.rmtree(folder)


def chosen(name: str) -> tuple[str, dict[str, Any]]:
    """Return the model of that name, with its settings in params.yaml; "": the champion, with its.

    Raises PipelineError for an unknown name, and where there is no champion.
    """
    if name == estimators.ENSEMBLE:
        raise PipelineError(f"{name}: its members age, not it: name one of them")
    if name:
        module = estimators.module(name)
        return name, params.read(f"train.{name}", module.Params).model_dump(mode="json")
    path = PROMOTED / "champion" / ABOUT
    if not path.is_file():
        raise PipelineError(
            "there is no champion whose ageing could be looked at: make repro, or name a model: "
            "make backtest MODEL=xgboost"
        )
    about = files.read_json(path)
    if "members" in about:  # an ensemble needs a gate, which a month's model has none of
        heaviest = max(about["members"].items(), key=lambda one: one[1]["weight"])
        name, its = heaviest
        print(f"the champion is an ensemble: {name}, its heaviest member, stands for it")
        return name, its["params"]
    return about["name"], about["params"]  # which its training will hold against the model's own


if __name__ == "__main__":
    run(main)
