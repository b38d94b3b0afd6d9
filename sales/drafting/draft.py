"""A draft of params.yaml for a table that nobody has described: each guess with its reason."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa

from sales import params
from sales.contract import Column, Contract, cells, decimals
from sales.data import pieces
from sales.data.reading import dialects
from sales.data.reading.dialects import Dialect
from sales.data.sources import Source
from sales.data.split import PrepareParams
from sales.drafting import (
    confirm,
    contract_group,
    date_features,
    encodings,
    giveaways,
    groups,
    names,
    parting,
    profile,
    relations,
    roles,
    shared_keys,
)
from sales.drafting.confirm import Confirmed
from sales.drafting.groups import Drafted
from sales.drafting.profile import Profile
from sales.drafting.relations import Sum
from sales.drafting.roles import Role
from sales.drafting.rows import Drawn, Repeats
from sales.errors import PipelineError

CELLS = 8_000_000  # of a table that are looked at together
ROWS = 65_536
MANY_LEVELS = 50  # of a category, where params.yaml names no number
Tree = dict[str, Any]
G = TypeVar("G", bound=params.Group)
READ = ("id", "date", "boolean", "numeric", "categorical", "target")


@dataclass(frozen=True)
class Draft:
    """All groups that the table decides, and what a person should know of it.

    `repeats` are rows like an earlier one, and those but for the target; None: too many to compare.
    """

    name: str
    target: str
    groups: Mapping[str, Drafted]
    roles: Mapping[str, Role]
    profiles: Mapping[str, Profile]
    confirmed: Confirmed
    repeats: tuple[int, int] | None
    doubts: Sequence[str]
    dialect: Dialect | None


def of(source: Source, target: str, base: Tree, address: str | None = None) -> Draft:
    """Return the draft for a source; `base` is today's params.yaml.

    Raises PipelineError for a source that cannot be read, a target that is not there or holds no
    numbers, and too few rows.
    """
    profiles, drawn, repeats, dialect = _first_pass(source, target)
    if target not in profiles:
        raise _no_target(target, profiles)
    found = {name: roles.of(name, each, target=name == target) for name, each in profiles.items()}
    found = _one_id(found)
    rows = _typed(drawn, found)
    found, doubts = _told_by_others(found, rows, target)
    categories, numbers = _named(found, "categorical"), _named(found, "numeric", "target")
    guessed_same = relations.same(rows, _named(found, "date", "boolean", "numeric", "categorical"))
    confirmed = confirm.all_rows(
        _tables(source),
        _contract(found, source),
        relations.follows(rows, categories),
        relations.sums(rows, numbers),
        guessed_same,
    )
    ordered = next((n for n in _named(found, "date") if _parts_rows(n, found, confirmed)), None)
    key = None if ordered else _key(found, rows, confirmed)
    if key:
        found[key] = found[key].ignored(f"ignored: a key that several rows have; {GROUPED}")
    for each in confirmed.same:
        if not each.near:
            found[each.name] = found[each.name].ignored(f"ignored: it says what {each.like} says")
        else:
            doubts.append(f"{each.name} and {each.like} go together value by value: both kept")
    doubts += _of_sums(confirmed.sums, target)
    doubts += [
        f"{name} looks like a key that several rows have: kept; rows of one {name} are in train "
        "and test alike"
        for name in _named(found, "numeric", "categorical")
        if shared_keys.CALLED.search(name) and rows[name].nunique() > 20
    ]
    parted = Parting(ordered, key)
    drafted = _groups(base, source, found, rows, confirmed, parted, dialect, address)
    drafted["prepare"] = _seeded(drafted["prepare"], _contract(found, source), drawn)
    return Draft(
        source.name,
        target,
        drafted,
        found,
        profiles,
        confirmed,
        repeats.count(),
        doubts,
        dialect,
    )


class Parting(NamedTuple):
    """By what rows are parted: the date whose order they are in, or the key that stays together."""

    date: str | None
    key: str | None


GROUPED = "all of its rows come into one part"


def _key(found: Mapping[str, Role], rows: pd.DataFrame, confirmed: Confirmed) -> str | None:
    """Return the key by which rows are parted: one that no cell of is bad."""
    bad = {reason.rpartition(": ")[0] for reason in confirmed.reasons}
    names_read = _named(found, "numeric", "categorical")
    return shared_keys.find(rows, [name for name in names_read if name not in bad])


def _seeded(prepared: Drafted, contract: Contract, drawn: pa.Table) -> Drafted:
    """Return the group `prepare`, with another seed where few keys tell the parts."""
    settings = _read(prepared.tree, PrepareParams, "prepare")
    few = settings.group or drawn.num_rows < parting.LARGE
    if settings.split != "hash" or not few:
        return prepared
    rows = parting.of(contract, drawn, settings.group)
    return groups.seeded(prepared, parting.seed(rows, settings))


def _tables(source: Source) -> Iterator[pa.Table]:
    """Yield the rows in tables of bounded size."""
    for stretch in source.stretches():
        rows = None
        batches = stretch.batches()
        first = next(batches, None)
        if first is None:
            continue
        rows = max(256, min(ROWS, CELLS // max(1, first.num_columns)))

        def whole(first: pa.RecordBatch = first, rest: Any = batches) -> Iterator[pa.RecordBatch]:
            yield first
            yield from rest

        for table, _ in pieces.cut(whole(), rows):
            yield table


def _first_pass(
    source: Source, target: str
) -> tuple[dict[str, Profile], pa.Table, Repeats, Dialect | None]:
    profiles: dict[str, Profile] = {}
    drawn, repeats = Drawn(), Repeats()
    dialect: Dialect | None = None
    for table in _tables(source):
        looked = {name: profile.looked(table, name) for name in table.column_names}
        profiles = profile.merged(profiles, {name: one.profile for name, one in looked.items()})
        repeats.add({name: one.hashes for name, one in looked.items()}, target)
        drawn.add(table)
        dialect = dialects.of(table.schema)
    return profiles, drawn.table(), repeats, dialect


def _no_target(target: str, profiles: Mapping[str, Profile]) -> PipelineError:
    numeric = [n for n, each in profiles.items() if each.fits.get("plain") and n.strip()]
    near = difflib.get_close_matches(target.lower(), [n.lower() for n in profiles], 1, 0.6)
    close = [name for name in profiles if near and name.lower() == near[0]]
    hint = f"is it '{close[0]}'?" if close else f"numbers are {', '.join(numeric[:12]) or 'none'}"
    what = f"no column '{target}'" if target else "no TARGET is named"
    return PipelineError(f"{what}: {hint}")


def _one_id(found: dict[str, Role]) -> dict[str, Role]:
    """Let one column be the id; the others of that kind are not read."""
    ids = [name for name, role in found.items() if role.role == "id"]
    for name in ids[1:]:
        other = replace(found[name], doubts=())
        found[name] = other.ignored(f"ignored: another id, as {ids[0]} is")
    return found


def _named(found: Mapping[str, Role], *wanted: str) -> list[str]:
    return [name for name, role in found.items() if role.role in wanted]


def _typed(table: pa.Table, found: Mapping[str, Role]) -> pd.DataFrame:
    """Return drawn rows as the contract reads them; what is wrong is missing here."""
    columns = {}
    for name in _named(found, *READ):
        column = Column(**found[name].keys)
        read = cells.read(decimals.column(table, name, column), column)
        columns[name] = read.values.to_pandas()
    return pd.DataFrame(columns)


def _told_by_others(
    found: dict[str, Role], rows: pd.DataFrame, target: str
) -> tuple[dict[str, Role], list[str]]:
    """Set aside what gives the target away; return what else a person should look at."""
    doubts = []
    features = _named(found, "boolean", "numeric", "categorical")
    for each in giveaways.find(rows, target, features):
        told = f"{each.name} may give the target away: {each.why}"
        if each.sure:
            found[each.name] = found[each.name].ignored(f"ignored: gives {target} away, {each.why}")
        else:
            doubts.append(f"{told}; kept, ignore it if nobody knows it before {target}")
    return found, doubts


def _contract(found: Mapping[str, Role], source: Source) -> Contract:
    return _read({"columns": contract_group.columns(found)}, Contract, source.name)


def _read(tree: Tree, group: type[G], name: str) -> G:
    """Return a drafted group as the stages will read it."""
    return params.validate(tree, group, name)


def _of_sums(sums: Sequence[Sum], target: str) -> list[str]:
    return [
        f"{each.name} is {each.left} {each.operator} {each.right} in every row: the target follows "
        "from what stands beside it; if that is known no sooner, ignore it"
        for each in sums
        if target in (each.name, each.left, each.right)
    ]


def _groups(
    base: Tree,
    source: Source,
    found: Mapping[str, Role],
    rows: pd.DataFrame,
    confirmed: Confirmed,
    parted: Parting,
    dialect: Dialect | None,
    address: str | None,
) -> dict[str, Drafted]:
    target = _named(found, "target")[0]
    parts = groups.sizes(confirmed.good)
    ordered = parted.date
    columns = contract_group.columns(found, ordered)
    read = {n: keys for n, keys in columns.items() if keys["role"] in READ}
    features = [n for n, k in read.items() if k["role"] in ("boolean", "numeric", "categorical")]
    dates = [n for n, k in read.items() if k["role"] == "date"]
    derived = date_features.of(rows, dates, columns)
    if not features and not derived:
        raise PipelineError(
            f"{source.name}: no column is left to learn {target} from: all are constant, ids, "
            "free text, or give it away"
        )
    coded = [name for name in features if read[name]["role"] == "categorical"]
    many = base["featurize"].get("many_levels", MANY_LEVELS)
    encoded = encodings.chosen(rows, target, coded, many)
    y = rows[target].dropna().to_numpy(np.float64)
    called = names.called(source.name)
    model = names.identifier(names.stem(source.name), target, "regressor")
    rejected = 100 * confirmed.set_aside / max(1, confirmed.set_aside + confirmed.good)
    sheet = source.how.sheet
    return {
        "contract": contract_group.of(called, columns, found, confirmed),
        "ingest": groups.ingest(base["ingest"], dialect, sheet, address),
        "prepare": groups.prepare(base["prepare"], parts, *parted, rejected),
        "featurize": groups.featurize(base["featurize"], features, derived, encoded),
        "train": groups.train(base["train"]),
        "evaluate": groups.evaluate(base["evaluate"], rows, read, parts),
        "gate": groups.gate(base["gate"], y, parts, by_time=ordered is not None),
        "register": groups.register(
            base["register"], model, names.identifier(names.stem(source.name))
        ),
    }


def _parts_rows(name: str, found: Mapping[str, Role], confirmed: Confirmed) -> bool:
    """Return whether rows stand in the order of a date that all have, over several days."""
    days = (found[name].fit.high - found[name].fit.low) / roles.DAY
    return name in confirmed.ordered and "missing" not in found[name].keys and days >= 10
