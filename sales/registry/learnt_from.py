"""What a model has learnt from: how its rows were split, and a compact record of which they were.

Valid rows count too: the boosted models stop by them, and intervals are made of them. The record is
of the rows' keys (sales/data/keys.py), whatever the split: the low 32 bits of each, sorted, as
Parquet, some two bytes a row. One of a hundred thousand rows takes one new row in 40,000 for a row
that it holds, one of ten million one in 400: that row is then left out of a comparison, which its
error has no part in.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sales import files
from sales.engine import partitions

if TYPE_CHECKING:
    from sales.contract import Contract
    from sales.data.split import PrepareParams
    from sales.registry.tracking import Registry

RECORD = "learnt_from.parquet"  # an artifact of the run
PARTS = ("train", "valid")
SEED = 0  # of the record's keys: the same for every model, whatever prepare.seed is
SPLIT = ("split", "group", "seed", "test_size", "valid_size")


def told(prepared: Path, settings: "PrepareParams", contract: "Contract") -> dict[str, Any]:
    """Return what a model of these prepared rows learnt from, as its entry keeps it."""
    tables = {part: prepared / f"{part}.parquet" for part in (*PARTS, "test")}
    return {
        **{name: getattr(settings, name) for name in SPLIT},
        "key": key(contract),
        "rows": {part: sum(partitions.rows(partitions.of(t))) for part, t in tables.items()},
        **{f"{part}_rows_sha256": files.content_hash(tables[part]) for part in PARTS},
    }


def key(contract: "Contract") -> dict[str, Any]:
    """Return what rows' keys are made of, by which definition."""
    from sales.data import keys

    return {"version": keys.VERSION, "made_of": keys.made_of(contract)}


def in_words(told: Mapping[str, Any]) -> str:
    """Return the split for a person.

    >>> sizes = {"test_size": 0.2, "valid_size": 0.1}
    >>> in_words({"split": "hash", "group": "CustomerID", "seed": 42, **sizes})
    'hash of CustomerID, seed 42, test 0.2, valid 0.1'
    """
    group = f" of {told['group']}" if told["group"] else ""
    seed = "" if told["split"] == "time" else f", seed {told['seed']}"
    return f"{told['split']}{group}{seed}, test {told['test_size']:g}, valid {told['valid_size']:g}"


def always_apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether the test rows of either are test rows to both, whatever rows came in since."""
    return one["split"] == "hash" and all(one[name] == other[name] for name in (*SPLIT, "key"))


def fingerprints(prepared: Path, contract: "Contract") -> np.ndarray:
    """Return the sorted fingerprints of the rows that a model of prepared rows learns from."""
    from sales.data import keys

    columns = [contract.id] if contract.id else contract.required
    found = [
        fingerprint(keys.of_rows(contract, partitions.read([path], columns), SEED))
        for part in PARTS
        for path in partitions.of(prepared / f"{part}.parquet")
    ]
    return np.unique(np.concatenate(found))


def fingerprint(keys: np.ndarray) -> np.ndarray:
    """Return the part of rows' keys that is kept, uint32."""
    return keys.astype(np.uint32)


def holds(record: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return which of the wanted fingerprints a sorted record holds.

    >>> holds(np.array([2, 5], np.uint32), np.array([5, 3, 2], np.uint32)).tolist()
    [True, False, True]
    """
    place = np.searchsorted(record, wanted)
    there = place < len(record)
    there[there] = record[place[there]] == wanted[there]
    return there


def packed(record: np.ndarray) -> bytes:
    """Return sorted fingerprints as a small Parquet file, the same bytes each time."""
    import pyarrow as pa
    import pyarrow.parquet

    file = io.BytesIO()
    pyarrow.parquet.write_table(
        pa.table({"fingerprint": record}),
        file,
        compression="zstd",
        use_dictionary=False,
        column_encoding="DELTA_BINARY_PACKED",
    )
    return file.getvalue()


def kept(registry: "Registry", run_id: str) -> np.ndarray | None:
    """Return the record that a run keeps; None where it has none, or has lost it."""
    import pyarrow as pa
    import pyarrow.parquet

    found = registry.artifact(run_id, RECORD)
    if found is None:
        return None
    try:
        return pyarrow.parquet.read_table(io.BytesIO(found))["fingerprint"].to_numpy()
    except (OSError, KeyError, pa.ArrowException):  # cut short, or not ours
        return None
