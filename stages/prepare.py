"""Holds the raw rows against the contract and splits the good ones; sets the bad ones aside."""

from pathlib import Path

import pyarrow.parquet

from sales import files, params, pictures, quarantine
from sales.contract import Contract
from sales.errors import PipelineError, run
from sales.split import PrepareParams, split

RAW = Path("data/raw")
PREPARED = Path("data/prepared")
CONTRACT = Path("data/contract.json")
PLOTS = Path("plots")


def main() -> None:
    """Write data/prepared/ (three parts, quarantine), its contract, metrics/data.json, pictures."""
    contract = params.read("contract", Contract)
    settings = params.read("prepare", PrepareParams)
    raw = ((path.stem, pyarrow.parquet.read_table(path)) for path in sorted(RAW.glob("*.parquet")))
    checked = quarantine.check(contract, raw)
    accepted = checked.accepted
    rejected = len(checked.quarantine.drop_duplicates(["file", "row"]))  # counted, not deduced
    if len(accepted) + rejected != checked.rows_in:
        raise AssertionError("a row was lost: rows in are not rows out + quarantined")
    if checked.extra_columns:
        print(f"ignored, not in the contract: {', '.join(checked.extra_columns)}")

    rejected_pct = 100 * rejected / checked.rows_in
    if rejected_pct > settings.max_rejected_pct:
        with files.replacing(PREPARED / "quarantine.csv") as beside:
            checked.quarantine.to_csv(beside, index=False)
        counts = ", ".join(f"{reason} ({rows})" for reason, rows in checked.by_reason.items())
        raise PipelineError(
            f"{rejected} of {checked.rows_in} rows are bad, {rejected_pct:.2f} % and more than "
            f"prepare.max_rejected_pct allows ({settings.max_rejected_pct:g}): {counts}; "
            f"each one stands in {PREPARED}/quarantine.csv"
        )

    dates = accepted[contract.date].to_numpy() if contract.date else None
    parts = split(len(accepted), settings, dates)
    with files.replacing(PREPARED) as folder:
        folder.mkdir()
        for part, positions in parts.items():
            table = accepted.iloc[positions]
            table.to_parquet(folder / f"{part}.parquet", compression="zstd", index=False)
        checked.quarantine.to_csv(folder / "quarantine.csv", index=False)
    files.write_json(CONTRACT, contract.model_dump(mode="json"))
    for name, picture in (("numeric", pictures.numeric), ("categorical", pictures.categorical)):
        with files.replacing(PLOTS / f"data_{name}.csv") as beside:
            picture(accepted, contract).to_csv(beside, index=False)
    if sum(len(positions) for positions in parts.values()) != len(accepted):
        raise AssertionError("a row was lost: the parts are not the accepted rows")
    files.write_json(
        Path("metrics/data.json"),
        {
            "rows_in": checked.rows_in,
            "rows_accepted": len(accepted),
            "rows_quarantined": rejected,
            "quarantined_pct": round(rejected_pct, 4),
            "quarantined_by_reason": checked.by_reason,
            "ignored_columns": ", ".join(checked.extra_columns),
            **{f"{part}_rows": len(positions) for part, positions in parts.items()},
            "sha256": files.content_hash(PREPARED),
        },
    )
    print(f"{checked.rows_in:,} rows in, {len(accepted):,} accepted, {rejected:,} quarantined")


if __name__ == "__main__":
    run(main)
