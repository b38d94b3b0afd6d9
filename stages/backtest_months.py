"""Lays the accepted rows down by month for `make backtest`, a stage of backtest/dvc.yaml."""

import shutil
from pathlib import Path

from sales import files, params
from sales.contract import Contract
from sales.data import months
from sales.data.split import PARTS
from sales.engine import partitions
from sales.errors import run
from sales.judging.staleness import BacktestParams

PREPARED = Path("data/prepared")
CONTRACT = Path("data/contract.json")  # that the rows were held against, from prepare
ROWS = Path("backtest/rows")
WINDOWS = Path("backtest/windows")


def main() -> None:
    """Write backtest/rows/<month>.parquet, and backtest/windows/<month>.json for each model.

    A window names its months' files by their content: it is the same as long as these are, and so
    a model need not be trained again when rows of other months come.
    """
    contract = Contract.model_validate(files.read_json(CONTRACT))
    settings = params.read("backtest", BacktestParams)
    parts = [path for part in PARTS for path in partitions.of(PREPARED / f"{part}.parquet")]
    with files.replacing(ROWS) as folder:
        folder.mkdir()
        scratch = folder / "scratch"
        scratch.mkdir()
        counts, without = months.write(parts, contract, folder, scratch)
        shutil.rmtree(scratch)
        ends = months.origins(counts, settings.window_months, settings.origins)
    known = files.content_hashes(ROWS)
    with files.replacing(WINDOWS) as folder:
        for month in ends:
            within = months.learnt_from(counts, month, settings.window_months)
            told = {name: known[f"{name}.parquet"] for name in within}
            files.write_json(folder / f"{month}.json", {"month": month, "learns_from": told})
    if without:
        print(f"left out, as they have no {contract.date}: {without:,} row(s)")
    print(
        f"{sum(counts.values()):,} rows in {len(counts)} months, {len(ends)} models to be trained"
    )


if __name__ == "__main__":
    run(main)
