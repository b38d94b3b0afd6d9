"""Fits the featuriser on the train rows and writes all three tables as numbers."""

from pathlib import Path

import pandas as pd

from sales import features, files, params
from sales.contract import Contract
from sales.errors import run

PREPARED = Path("data/prepared")
CONTRACT = Path("data/contract.json")  # that the rows were held against, from prepare
FEATURES = Path("data/features")


def main() -> None:
    """Write data/features/: featuriser.json and, per part, the matrix with the target beside it."""
    contract = Contract.model_validate(files.read_json(CONTRACT))
    train = pd.read_parquet(PREPARED / "train.parquet")
    featuriser = features.fit(train, params.read("featurize", features.FeaturizeParams), contract)
    with files.replacing(FEATURES) as folder:
        folder.mkdir()
        featuriser.save(folder / "featuriser.json")
        for part in ("train", "valid", "test"):
            orders = train if part == "train" else pd.read_parquet(PREPARED / f"{part}.parquet")
            table = pd.DataFrame(featuriser.transform(orders), columns=list(featuriser.columns))
            table[contract.target] = orders[contract.target].to_numpy()
            table.to_parquet(folder / f"{part}.parquet", compression="zstd", index=False)
    print(
        f"{featuriser.feature_set}: {len(featuriser.columns)} features of {len(train):,} train rows"
    )


if __name__ == "__main__":
    run(main)
