"""A small, valid example of everything: orders, and a project's parameters to change."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import yaml

from sales import estimators, files, params
from sales.contract import Contract, quarantine
from sales.data import pictures, preparation
from sales.engine import Local
from sales.judging import charts, evaluation, gates, scores
from sales.models import features, intervals, saved
from sales.models.feature_sets import FeaturizeParams

ROOT = Path(__file__).resolve().parents[1]


def project_files(*patterns: str) -> list[str]:
    """Return the project's files as they stand, new ones too, without what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [name for name in listed if (ROOT / name).is_file()]


def run_alone(program: str, *packages: str) -> tuple[list[str], list[str]]:
    """Run a program in a Python of its own.

    Return the lines that it prints, and those of the packages that it imports.
    """
    asked = f"\nimport sys; print(*sorted({set(packages)!r} & set(sys.modules)))"
    *printed, imported = subprocess.run(
        [sys.executable, "-c", program + asked],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return printed, imported.split()


def make_orders(rows: int, seed: int = 0) -> pd.DataFrame:
    """Return prepared orders that keep the contract's identity; enough variety for small fits."""
    rng = np.random.default_rng(seed)
    quantity = rng.integers(1, 6, rows)
    price = rng.integers(500, 60_000, rows) / 100
    discount = rng.choice([0.0, 0.05, 0.1, 0.2], rows)
    net = quantity * price * (1 - discount)
    tax = np.round(net * rng.choice([0.0, 0.05, 0.08], rows), 2)
    shipping = np.round(rng.uniform(0, 15, rows), 2)
    choice = {
        "Category": ["Books", "Clothing", "Electronics"],
        "Brand": ["Apex", "NexPro", "Zenith"],
        "PaymentMethod": ["Credit Card", "UPI"],
        "OrderStatus": ["Delivered", "Shipped"],
        "City": ["Austin", "Seattle"],
        "Country": ["Canada", "India", "United States"],
    }
    drawn = {name: pd.Categorical(rng.choice(values, rows)) for name, values in choice.items()}
    state = pd.Categorical(np.where(np.asarray(drawn["City"]) == "Austin", "TX", "WA"))
    days = np.datetime64("2020-01-01", "ms") + rng.integers(0, 1800, rows).astype("timedelta64[D]")
    return pd.DataFrame(
        {
            "OrderID": [f"ORD{i:07d}" for i in range(1, rows + 1)],
            "OrderDate": days.astype("datetime64[ms]"),
            "Category": drawn["Category"],
            "Brand": drawn["Brand"],
            "Quantity": quantity,
            "UnitPrice": price,
            "Discount": discount,
            "Tax": tax,
            "ShippingCost": shipping,
            "TotalAmount": np.round(net + tax + shipping, 2),
            "PaymentMethod": drawn["PaymentMethod"],
            "OrderStatus": drawn["OrderStatus"],
            "City": drawn["City"],
            "State": state,
            "Country": drawn["Country"],
        }
    )


class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Writes nothing for None, as DVC does; by libyaml where PyYAML has it: ten times as fast."""


Dumper.add_representer(
    type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", "")
)


def set_params(changes: dict[str, Any]) -> None:
    """Change dotted keys of params.yaml in the current folder."""
    path = Path("params.yaml")
    tree = files.read_yaml(path)
    for key, value in changes.items():
        *parents, last = key.split(".")
        inner = tree
        for part in parents:
            inner = inner[part]
        inner[last] = value
    path.write_text(yaml.dump(tree, Dumper=Dumper, sort_keys=False))


# The order of the published API's documentation, priced there at 593.97.
PUBLISHED_ORDER: dict[str, Any] = {
    "Category": "Electronics",
    "Brand": "Zenith",
    "Quantity": 2,
    "UnitPrice": 299.99,
    "Discount": 0.1,
    "Tax": 48.0,
    "ShippingCost": 5.99,
    "PaymentMethod": "Credit Card",
    "OrderStatus": "Delivered",
    "City": "New York",
    "State": "NY",
    "Country": "United States",
    "OrderYear": 2024,
    "OrderMonth": 6,
    "OrderDayOfWeek": "Monday",
}


def training_data(
    featuriser: features.Featuriser, train: pd.DataFrame, valid: pd.DataFrame
) -> estimators.TrainingData:
    """Return what `stages.train` fits a model to."""
    return estimators.TrainingData(
        featuriser.columns,
        featuriser.sizes(),
        *(featuriser.transform(train), train[featuriser.target].to_numpy()),
        *(featuriser.transform(valid), valid[featuriser.target].to_numpy()),
        holes=tuple(column in featuriser.holes for column in featuriser.columns),
    )


def histogram(values: np.ndarray, bins: int) -> pd.DataFrame:
    """Return the table of equal bins over the values, as the stages come to it by partitions."""
    within = charts.edges(float(values.min()), float(values.max()), bins)
    return charts.bin_table(within, np.histogram(values, within)[0])


def pictured(orders: pd.DataFrame, contract: Contract) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return both tables of the data's picture."""
    edges = pictures.edges([pictures.ranges(orders, contract)])
    numbers = pictures.numeric(edges, [pictures.bins(orders, edges)])
    return numbers, pictures.categorical([pictures.counts(orders, contract)])


def fitted(
    train: pd.DataFrame, settings: FeaturizeParams, contract: Contract
) -> features.Featuriser:
    """Return the featuriser that the featurize stage fits to these rows."""
    return features.fit([features.seen(train, settings, contract)], settings, contract)


def held(
    contract: Contract, table: pa.Table, file: str = "a.csv"
) -> tuple[pd.DataFrame, preparation.Checked]:
    """Hold a file's rows against the contract; return the accepted ones, and what all came to."""
    with tempfile.TemporaryDirectory() as folder:
        pa.parquet.write_table(table, Path(folder) / f"{file}.parquet")
        found = preparation.check(contract, Path(folder), Local(), Path(folder))
    [accepted] = found.accepted
    rows = accepted.rows()
    return quarantine.typed(contract, rows, quarantine.levels(contract, rows)), found


def promote(folder: Path, names: dict[str, tuple[str, dict[str, Any]]]) -> None:
    """Write an export as `register` does: `names` maps an alias to an estimator and changes."""
    contract = params.read("contract", Contract, ROOT / "params.yaml")
    featurize = params.read("featurize", FeaturizeParams, ROOT / "params.yaml")
    orders = make_orders(600)
    train, valid = orders[:400], orders[400:]
    featuriser = fitted(train, featurize, contract)
    matrices = training_data(featuriser, train, valid)
    entries: dict[str, Any] = {}
    evaluate = params.read("evaluate", scores.EvaluateParams, ROOT / "params.yaml")
    evaluate = evaluate.model_copy(update={"importance_rows": 50, "min_slice_rows": 20})
    gate = params.read("gate", gates.GateParams, ROOT / "params.yaml")
    promise = params.read("train.intervals", intervals.IntervalParams, ROOT / "params.yaml")
    for version, (alias, (name, changes)) in enumerate(names.items(), start=1):
        module = estimators.module(name)
        committed = params.read(f"train.{name}", module.Params, ROOT / "params.yaml").model_dump()
        estimator, _ = module.fit(module.Params(**{**committed, **changes}), matrices)
        (folder / alias).mkdir(parents=True)
        about = {"feature_set": featuriser.feature_set, "train_sha256": "e" * 64}
        bounds = intervals.fit(matrices.y_valid, estimator.predict(matrices.X_valid), promise)
        saved.save(folder / alias, name, estimator, featuriser, about, bounds)
        tables = {"train": [train], "valid": [valid], "test": [valid]}
        [found] = evaluation.evaluate([folder / alias], tables, evaluate, Local())
        told = evaluation.told(found, gates.judge(found.metrics, gate))
        files.write_json(folder / "evaluation" / f"{alias}.json", told)
        golden = valid[list(featuriser.request_fields)][:1]
        entries[alias] = {
            "model": name,
            "version": version,
            "run_id": f"run{version}",
            "content_hash": files.content_hash(folder / alias),
            "metrics": {"test.rmse": float(version)},
            "golden": {
                "order": json.loads(golden.to_json(orient="records", date_format="iso"))[0],
                "prediction": float(saved.load(folder / alias).predict(golden)[0]),
            },
        }
    rows = {"rows_in": len(orders), "rows_accepted": len(orders), "rows_quarantined": 0}
    rows |= {"train_rows": len(train), "valid_rows": len(valid), "test_rows": len(valid)}
    data = {**rows, "quarantined_by_reason": {}, "sha256": "d" * 64}
    numbers, counts = pictured(orders, contract)
    files.write_json(folder / "data.json", pictures.told(data, numbers, counts, contract))
    files.write_json(folder / "promoted.json", {"model_name": "small", **entries})
