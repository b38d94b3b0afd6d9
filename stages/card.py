"""Writes a card of every model; register hands the promoted ones to MLflow and to the exports."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from sales import estimators, files, params
from sales.contract import Contract
from sales.data.incoming import IngestParams
from sales.data.split import PrepareParams
from sales.engine import partitions
from sales.engine.partitions import Kept
from sales.errors import run
from sales.judging import card
from sales.models import belonging
from sales.models.features import Featuriser

PREPARED = Path("data/prepared")
MODELS = Path("models")
METRICS = Path("metrics")
PLOTS = Path("plots")
CARDS = Path("cards")


def main() -> None:
    """Write cards/<model>.md and cards/<model>.html."""
    contract = Contract.model_validate(files.read_json(Path("data/contract.json")))
    gate = files.read_json(METRICS / "gate.json")
    slices = pd.read_csv(PLOTS / "slices.csv", keep_default_na=False, na_values=[""])
    importance = pd.read_csv(PLOTS / "importance.csv", keep_default_na=False)
    ranges = _ranges(partitions.of(PREPARED / "train.parquet"), contract)
    origin = {
        "ingest": params.read("ingest", IngestParams).model_dump(),
        "prepare": params.read("prepare", PrepareParams).model_dump(),
    }
    with files.replacing(CARDS) as folder:
        folder.mkdir()
        made_of = belonging.of_cards(METRICS / "gate.json", METRICS / "data.json")
        files.write_json(folder / belonging.MADE_OF, made_of)
        names = estimators.evaluated(METRICS)
        for name in names:
            text = card.markdown(
                model=name,
                about=files.read_json(MODELS / name / "model.json"),
                content_hash=files.content_hash(MODELS / name),
                featuriser=Featuriser.load(MODELS / name / "featuriser.json"),
                contract=contract,
                ranges=ranges,
                data=files.read_json(METRICS / "data.json"),
                origin=origin,
                metrics=files.read_json(METRICS / f"{name}.json"),
                judged=gate["models"][name],
                slices=slices[slices["model"] == name],
                importance=importance[importance["model"] == name],
            )
            (folder / f"{name}.md").write_text(text, encoding="utf-8")
            (folder / f"{name}.html").write_text(card.html(text), encoding="utf-8")
    print(f"cards of {len(names)} models in {CARDS}/")


def _ranges(train: Sequence[Kept], contract: Contract) -> dict[str, tuple[Any, Any]]:
    """Return the least and the largest of each number and date in the train rows."""
    columns = [*contract.numeric, *contract.dates]
    ends = [partitions.kept(part, columns).agg(["min", "max"]) for part in train]
    whole = pd.concat(ends)
    return {name: (whole[name].min(), whole[name].max()) for name in columns}


if __name__ == "__main__":
    run(main)
