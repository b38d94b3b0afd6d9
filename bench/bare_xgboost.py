"""XGBoost without the project around it, on the features in the current folder: a yardstick."""

import json
import sys
from pathlib import Path

import pandas as pd
import yaml

# XGBoost does without it, as it does in ours: the ratio is of the training, not of an import.
sys.modules["sklearn"] = None  # type: ignore[assignment]
import xgboost  # noqa: E402

OURS = {"n_estimators", "early_stopping_rounds", "early_stopping_min_delta", "interactions"}


def main() -> None:
    """Read the features, train with the parameters of params.yaml, save."""
    settings = yaml.safe_load(Path("params.yaml").read_text())["train"]["xgboost"]
    parts = {part: pd.read_parquet(f"data/features/{part}.parquet") for part in ("train", "valid")}
    columns = list(parts["train"].columns[:-1])
    groups = [
        [columns.index(name) for name in group if name in columns]
        for group in settings["interactions"]
    ]
    if groups:
        groups.append([i for i in range(len(columns)) if i not in groups[0]])
    spread = float(f"{parts['train'].iloc[:, -1].std(ddof=0):.0e}")
    matrices: dict[str, xgboost.QuantileDMatrix] = {}
    for part, table in parts.items():
        matrices[part] = xgboost.QuantileDMatrix(
            table[columns].to_numpy(),
            table.iloc[:, -1],
            max_bin=settings["max_bin"],
            ref=matrices.get("train"),
        )
    booster = xgboost.train(
        {
            **{key: value for key, value in settings.items() if key not in OURS},
            "objective": "reg:squarederror",
            "tree_method": "hist",
            **({"interaction_constraints": json.dumps(groups)} if groups else {}),
        },
        matrices["train"],
        num_boost_round=settings["n_estimators"],
        evals=[(matrix, part) for part, matrix in matrices.items()],
        verbose_eval=False,
        callbacks=[
            xgboost.callback.EarlyStopping(
                rounds=settings["early_stopping_rounds"],
                min_delta=settings["early_stopping_min_delta"] * spread,
                data_name="valid",
            )
        ],
    )
    booster.save_model(".git/bare.ubj")


if __name__ == "__main__":
    main()
