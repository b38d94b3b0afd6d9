"""Candidate and champion on the same test rows of today, of which neither has learnt.

Which rows these are is guaranteed where both are of the same hash split, or learnt from the very
same rows; else it is found by the record of what the champion learnt from. Where that is not known,
or leaves too few, all test rows are taken: then the champion's error may count lower than it is, so
that a candidate which is better even so is better, and one that is not changes nothing.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sales import files
from sales.contract import Contract
from sales.data import keys
from sales.data.preparation import GROUPS
from sales.data.split import PrepareParams
from sales.engine import Engine, partitions
from sales.engine.partitions import Kept
from sales.judging.evidence import Comparison
from sales.judging.tallies import significant
from sales.models import saved
from sales.models.belonging import TRAINED
from sales.registry import learnt_from
from sales.registry.exports import Export
from sales.registry.promotion import Compared
from sales.registry.today import PREPARED
from sales.registry.tracking import Registry


class Known(NamedTuple):
    """What tells which of today's test rows the champion has learnt from, in words too.

    `seen` holds fingerprints (learnt_from.py); without them it has learnt from none of the rows,
    or, where it is not `certain`, nobody knows of which.
    """

    how: str
    seen: np.ndarray | None = None
    certain: bool = True


def known(
    champion: Export,
    candidate: Path,
    today: Mapping[str, Any],
    registry: Registry,
    contract: Contract,
) -> Known:
    """Return what is known of the champion's rows, from what is cheapest to know."""
    then = champion.entry.get("learnt_from")
    if then and learnt_from.always_apart(then, today):
        return Known("by the same hash split they are never learnt from")
    about = [files.read_json(folder / saved.ABOUT) for folder in (champion.folder, candidate)]
    if all(name in about[0] and about[0][name] == about[1].get(name) for name in TRAINED):
        return Known("both learnt from the same rows")
    if not then:
        return Known("it was registered before that was noted", certain=False)
    if then["key"] != today["key"]:
        return Known("rows had other keys then", certain=False)
    record = learnt_from.kept(registry, champion.entry["run_id"])
    if record is None:
        return Known("its run in MLflow has lost the record of them", certain=False)
    if not contract.id:  # rows that are alike: what the candidate has learnt from must not count
        record = np.union1d(record, learnt_from.fingerprints(PREPARED, contract))
    return Known("by the record of the champion's rows", record)


def compared(
    champion: Export,
    candidate: Path,
    registry: Registry,
    settings: PrepareParams,
    contract: Contract,
    engine: Engine,
    least: int,
) -> Compared | None:
    """Return both models' scores on rows of the test that neither has learnt from.

    At least so many, else on all. None where one of them gives no finite answers.
    """
    today = learnt_from.told(PREPARED, settings, contract)
    found = known(champion, candidate, today, registry, contract)
    tables = partitions.of(PREPARED.absolute() / "test.parquet")
    many = len(tables)
    groups: list[Path] | list[None] = [None] * many
    if settings.group:
        groups = partitions.of(PREPARED.absolute() / GROUPS)
    both = (champion.folder.absolute(), candidate.absolute())
    told = engine.map(
        _errors, [both] * many, tables, groups, [contract] * many, [found.seen] * many, what="both"
    )
    units, first, second, new = map(np.concatenate, zip(*told, strict=True))
    if not all(math.isfinite(float(np.square(errors).sum())) for errors in (first, second)):
        return None
    on, unseen = _which(found, new, least)
    if unseen:
        units, first, second = units[new], first[new], second[new]
    ends = Comparison.of(first, second, units).improvement()
    new_rmse, old_rmse = (
        significant(math.sqrt(float(np.square(errors).mean()))) for errors in (second, first)
    )
    return Compared(new_rmse, old_rmse, ends.low, ends.high, len(first), on, unseen)


def _which(found: Known, new: np.ndarray, least: int) -> tuple[str, bool]:
    """Return in words on which rows they are compared, and whether those are the new ones alone."""
    rows, all_rows = int(new.sum()), f"all {len(new):,} test rows"
    if not found.certain:
        return f"{all_rows}; the champion may have learnt from some: {found.how}", False
    if rows < min(least, len(new)):
        few = f"only {rows:,} of them are new to it ({found.how}; register.min_unseen_rows)"
        return f"{all_rows}; the champion has learnt from some: {few}", False
    return f"{rows:,} rows that neither learnt from ({found.how})", True


def _errors(
    both: tuple[Path, Path],
    rows: Kept,
    groups: Path | None,
    contract: Contract,
    seen: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return of each row its unit, both errors and whether it is new to both.

    A unit is a row's group, else its key: rows that are alike are one, as their errors are.
    """
    table = partitions.read([rows])
    errors = []
    for model in map(saved.load, both):
        true = table[model.featuriser.target].to_numpy(np.float64)
        errors.append(model.predict(table) - true)
    found = keys.of_rows(contract, table, learnt_from.SEED)
    new = np.ones(len(table), bool)
    if seen is not None:
        new = ~learnt_from.holds(seen, learnt_from.fingerprint(found))
    units = found if groups is None else partitions.read([groups])["group"].to_numpy()
    return units, errors[0], errors[1], new
