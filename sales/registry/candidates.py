"""Today's models in the registry: each tracked and registered once, by its content hash."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from sales import files, params
from sales.contract import Contract
from sales.data.incoming import IngestParams
from sales.data.split import PrepareParams
from sales.models import state
from sales.registry import (
    data_history,
    exports,
    history,
    learnt_from,
    provenance,
    runs,
    standing,
)
from sales.registry.drawings import Pictures
from sales.registry.exports import Export
from sales.registry.promotion import Candidate
from sales.registry.runs import Run
from sales.registry.standing import EVALUATION, REFERENCE, Standing
from sales.registry.today import (
    CONTRACT,
    CURVE,
    METRICS,
    MODELS,
    PREPARED,
    Today,
    card,
    example,
    picture,
    plotted,
    reference,
    served,
)
from sales.registry.tracking import Registry


def tracked(
    registry: Registry, today: Today, tell: Callable[[str], None], pictures: Pictures
) -> dict[str, str]:
    """Return the id of each model's run by the model's name, logging those that have none yet.

    A model with other metrics, as on other test rows, is another run. `tell` gets a line on each
    that is logged, `pictures` draws it.
    """
    ids, missing = {}, []
    for name, content_hash in today.hashes.items():
        evaluation = files.content_hash(METRICS / f"{name}.json")
        found = registry.find_run(content_hash, evaluation)
        if found:
            ids[name] = found
        else:
            missing.append((name, evaluation))
    if not missing:
        return ids
    origin, record = _origin(), _record()
    for name, evaluation in missing:
        tags = _tags(name, evaluation, today, origin)
        ids[name] = registry.track(_run(name, today, tags, record, pictures))
        tell(f"tracked {name}: run {ids[name]}")
    return ids


def _origin() -> dict[str, str]:
    """Return what all runs of today come from: data, parameters, code and commit."""
    code = files.content_hash(Path("sales")) + files.content_hash(Path("stages"))
    return {
        "data_hash": files.read_json(METRICS / "data.json")["sha256"],
        "params_hash": files.content_hash(Path("params.yaml")),
        "code_hash": hashlib.sha256(code.encode()).hexdigest(),
        "git_commit": provenance.git_commit(),
        "dvc_experiment": os.environ.get("DVC_EXP_NAME", ""),
    }


def _tags(name: str, evaluation: str, today: Today, origin: Mapping[str, str]) -> dict[str, str]:
    judged = today.gate["models"][name]
    return {
        "model": name,
        "content_hash": today.hashes[name],
        "evaluation_hash": evaluation,
        "verdict": judged["verdict"],
        "failed_rules": ", ".join(judged["failed"]),
        **origin,
    }


def _record() -> bytes:
    """Return the record of the rows that today's models learnt from."""
    contract = Contract(**files.read_json(CONTRACT))
    return learnt_from.packed(learnt_from.fingerprints(PREPARED, contract))


def _run(
    name: str, today: Today, tags: Mapping[str, str], record: bytes, pictures: Pictures
) -> Run:
    folder = MODELS / name
    about = files.read_json(folder / "model.json")
    texts = {EVALUATION: json.dumps(today.evaluation(name)), exports.DATA: json.dumps(picture())}
    texts[exports.SERVED] = json.dumps(served(folder, today.metrics[name]))
    if known := reference(name):
        texts[REFERENCE] = json.dumps(known)
    texts |= {f"card.{kind}": text for kind, text in card(name).items()}
    tables = plotted(name)
    texts |= {
        f"plots/{table}.csv": rows.to_csv(index=False)
        for table, rows in tables.items()
        if table != CURVE
    }
    return Run(
        name,
        folder,
        {"model": name, "feature_set": about["feature_set"], **about["params"]},
        today.metrics[name],
        tags,
        example(folder),
        tags["data_hash"],
        curve=tables.get(CURVE),
        texts=texts,
        files={
            learnt_from.RECORD: record,
            **{f"plots/{file}": png for file, png in pictures(name, tables).items()},
        },
        data_file=PREPARED / "train.parquet",
        times=state.training_times(tags["content_hash"]) or runs.at_once(),
    )


def registered(now: Standing, name: str, today: Today, run_id: str) -> Export:
    """Return one of today's models as it would be exported, registered if it is not yet."""
    folder = MODELS / name
    version = now.versions().get(today.hashes[name])
    if version is None:
        version = now.registry.register(run_id, today.hashes[name])
    entry = {**standing.describe(version), **served(folder, today.metrics[name])}
    told = history.registered(now.events).get(today.hashes[name])
    if told:
        entry |= {
            key: its for key, its in (told.entry or {}).items() if key in ("learnt_from", "data")
        }
    else:
        contract = Contract(**files.read_json(CONTRACT))
        split = params.read("prepare", PrepareParams)
        rows = learnt_from.told(PREPARED, split, contract)
        entry["learnt_from"] = {**rows, "dvc_md5": provenance.dvc_md5(PREPARED)}
        came = data_history.today(params.read("ingest", IngestParams))
        entry["data"] = [span._asdict() for span in came]
        md5 = provenance.dvc_md5(folder)
        to = standing.who(version)
        now.record("registered", to=to, from_=now.champion, dvc_md5=md5, entry=entry)
    return Export(folder, entry, today.evaluation(name), card(name), reference(name))


def candidate(name: str, today: Today) -> Candidate:
    """Return a model as the promotion rule sees it."""
    about = files.read_json(MODELS / name / "model.json")
    rmse = today.metrics[name]["test"]["rmse"]
    return Candidate(
        name, today.hashes[name], rmse, frozenset(about["request_fields"]), about["target"]
    )
