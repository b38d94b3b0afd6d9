"""Today's run, as its stages left it: each model's scores, verdict and card, the data's picture."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sales import files
from sales.registry.runs import flat

if TYPE_CHECKING:
    import pandas as pd

PREPARED = Path("data/prepared")
CONTRACT = Path("data/contract.json")
MODELS = Path("models")
METRICS = Path("metrics")
PLOTS = Path("plots")
CARDS = Path("cards")
REFERENCES = Path("models/reference")
CURVE = "learning_curve"  # the table of a model's errors as it learns


@dataclass(frozen=True)
class Today:
    """The gate's verdicts; and of each model, by its name, the metrics and the content hash."""

    gate: Mapping[str, Any]
    metrics: Mapping[str, Mapping[str, Any]]
    hashes: Mapping[str, str]

    @property
    def ranking(self) -> list[str]:
        """The models that passed the gate, the best first."""
        return self.gate["ranking"]

    def evaluation(self, name: str) -> dict[str, Any]:
        """Return a model's evaluation as the evaluate stage wrote it, with the gate's verdict."""
        import pandas as pd

        from sales.judging import evaluation

        tables = {}
        for table in evaluation.TABLES:
            rows = pd.read_csv(PLOTS / f"{table}.csv", keep_default_na=False)  # a slice may be "NA"
            tables[table] = rows[rows["model"] == name]
        found = evaluation.Evaluation(dict(self.metrics[name]), tables)
        told = evaluation.told(found, self.gate["models"][name])
        return {**told, "judged": self.judged()}

    def judged(self) -> dict[str, Any]:
        """Return how the gate judged every model of the run: of the refused, the broken rules."""
        return {
            "ranking": list(self.ranking),
            "models": {
                name: {
                    "content_hash": self.hashes.get(name),
                    "verdict": one["verdict"],
                    "rules": {rule: one["rules"][rule] for rule in one["failed"]},
                    **{
                        f"{part}_rmse": self.metrics.get(name, {}).get(part, {}).get("rmse")
                        for part in ("valid", "test")
                    },
                }
                for name, one in self.gate["models"].items()
            },
        }


def plotted(name: str) -> "dict[str, pd.DataFrame]":
    """Return a model's rows of what its plots are drawn from, by table; an ensemble has no curve.

    The tables are those that `evaluate` wrote of all models, and CURVE.
    """
    import pandas as pd

    curve = PLOTS / CURVE / f"{name}.csv"
    tables = {CURVE: pd.read_csv(curve)} if curve.is_file() else {}
    for path in sorted(PLOTS.glob("*.csv")):
        if not path.name.startswith("data_"):
            # What a slice or a feature is called may be "NA".
            rows = pd.read_csv(path, keep_default_na=False, na_values={"rmse": [""]})
            tables[path.stem] = rows[rows["model"] == name]
    return tables


def card(name: str) -> dict[str, str]:
    """Return a model's card by format."""
    return {kind: (CARDS / f"{name}.{kind}").read_text(encoding="utf-8") for kind in ("md", "html")}


def reference(name: str) -> dict[str, Any] | None:
    """Return what a model's rows were like; None of one that predicts what is not finite."""
    path = REFERENCES / f"{name}.json"
    return files.read_json(path) if path.is_file() else None


def picture() -> dict[str, Any]:
    """Return the data's picture, as the prepare stage wrote it."""
    import pandas as pd

    from sales.contract import Contract
    from sales.data import pictures

    numbers = pd.read_csv(PLOTS / "data_numeric.csv")
    counts = pd.read_csv(PLOTS / "data_categorical.csv", keep_default_na=False)
    contract = Contract(**files.read_json(CONTRACT))
    return pictures.told(files.read_json(METRICS / "data.json"), numbers, counts, contract)


def sample(rows: int) -> "pd.DataFrame":
    """Return the first test orders."""
    from sales.engine import partitions

    return partitions.head(partitions.of(PREPARED / "test.parquet"), rows)


def example(folder: Path) -> "pd.DataFrame":
    """Return test orders as a client of the model in the folder sends them: text and floats."""
    orders = sample(5)
    example = orders[files.read_json(folder / "model.json")["request_fields"]]
    for name in example.select_dtypes("category"):
        text = example[name].astype(object)
        example[name] = text.where(text.notna(), None)
    return example.astype(dict.fromkeys(example.select_dtypes("int"), float))


def served(folder: Path, scored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the service tells of a model, and an order on which it tries the model."""
    sent = example(folder)[:1]
    order = json.loads(sent.to_json(orient="records", date_format="iso"))[0]
    order |= sent.select_dtypes("float").iloc[0].dropna().to_dict()  # pandas' JSON cuts digits off
    golden = {"order": order, "prediction": scored["golden_prediction"]}
    return {"metrics": flat(scored), "golden": golden}
