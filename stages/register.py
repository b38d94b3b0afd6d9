"""Reconciles the MLflow registry with today's gate: the only stage with side effects.

Whatever happened in between (a second run, the database deleted, an older commit checked out),
afterwards every passing model of the top `register.top_k` is registered once, and the aliases are
what the promotion rule gives. Running it again changes nothing.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sales import estimators, files, params
from sales.errors import PipelineError, run
from sales.registry import history, provenance
from sales.registry.history import Who
from sales.registry.promotion import Candidate, Decision, Incumbent, decide
from sales.registry.standing import (
    EVALUATION,
    EXPORTS,
    HISTORY,
    LINK,
    PROMOTED,
    RECORD,
    REGISTRY_RECORD,
    state_folder,
)
from sales.registry.tracking import (
    CHALLENGER,
    CHAMPION,
    RegisterParams,
    Registry,
    Run,
    flat,
    locked,
)

if TYPE_CHECKING:
    import pandas as pd

    from sales.registry.exports import Export
    from sales.registry.standing import Standing

PREPARED = Path("data/prepared")
MODELS = Path("models")
METRICS = Path("metrics")
PLOTS = Path("plots")
CARDS = Path("cards")
SETTLED = "settled"  # in the standing's folder


def main() -> None:
    """Track the runs; unless this is an experiment, register, promote and export."""
    settings = params.read("register", RegisterParams)
    gate = files.read_json(METRICS / "gate.json")
    metrics = {name: files.read_json(METRICS / f"{name}.json") for name in estimators.NAMES}
    hashes = {name: files.content_hash(MODELS / name) for name in estimators.NAMES}
    state = state_folder()
    experiment = os.environ.get("DVC_EXP_NAME")
    with locked(state):
        if not experiment and _settled(state / LINK, hashes):
            print(_outcome(files.read_json(REGISTRY_RECORD)))
            return
        from sales.registry import restoration, standing

        with standing.changing(settings) as now:
            for line in restoration.restore(now):
                print(line)
            runs = _track(now.registry, gate, metrics, hashes)
            if experiment:
                print(f"experiment {experiment}: tracked in MLflow; experiments never promote")
                return
            if gate["ranking"]:
                print(_outcome(_reconcile(now, gate, metrics, hashes, runs)))
                now.save()
                with files.replacing(now.folder / SETTLED) as beside:
                    beside.write_text(_fingerprint(now.folder, hashes))
            else:
                now.record("refused", from_=now.champion, reason=_nobody_passed(gate))
    if not gate["ranking"]:
        raise PipelineError(_nobody_passed(gate))


def _settled(folder: Path, hashes: dict[str, str]) -> bool:
    """Return whether nothing has changed since the last success, and all links stand.

    MLflow, whose start takes three seconds, then stays out of a `dvc repro`.
    """
    path = folder / SETTLED
    linked = PROMOTED.is_symlink() and REGISTRY_RECORD.is_symlink()
    return linked and path.is_file() and path.read_text() == _fingerprint(folder, hashes)


def _fingerprint(folder: Path, hashes: dict[str, str]) -> str:
    """Return one hash of all that register reads and writes: database, models by their hashes."""
    ours = [folder / name for name in ("mlflow.db", HISTORY, EXPORTS, RECORD)]
    theirs = [Path("params.yaml"), PREPARED, Path("sales"), Path("stages"), METRICS / "data.json"]
    theirs += [CARDS, *(METRICS / f"{name}.json" for name in ("gate", *estimators.NAMES))]
    found = [files.content_hash(path) for path in (*ours, *theirs)]
    return _hash("".join((*found, *hashes.values())))


def _outcome(record: dict[str, Any]) -> str:
    """Return the record's decision for a person."""
    champion, challenger = record[CHAMPION], record[CHALLENGER]
    second = f"{challenger['model']}, version {challenger['version']}" if challenger else "none"
    return (
        f"champion: {champion['model']}, version {champion['version']} "
        f"({record['decision']['outcome']}: {record['decision']['reason']})\n"
        f"challenger: {second}"
    )


def _reconcile(
    now: "Standing",
    gate: dict[str, Any],
    metrics: dict[str, Any],
    hashes: dict[str, str],
    runs: dict[str, str],
) -> dict[str, Any]:
    """Bring history, aliases and exports to what the rule gives; return the record of it."""
    bars = history.barred(now.events)
    free = [name for name in gate["ranking"] if hashes[name] not in bars]
    best = free[: now.settings.top_k]
    found = {name: _registered(now, name, metrics[name], gate, hashes, runs) for name in best}
    if gate["ranking"][0] not in free:
        name = gate["ranking"][0]
        bar = bars[hashes[name]]
        why = f"barred since {bar.when}: {bar.reason}; `make lift VERSION=…` ends it"
        now.record("refused", to=bar.from_, from_=now.champion, reason=why)
    today = {export.entry["content_hash"]: export for export in found.values()}
    incumbent, scored = _incumbent(now, hashes[best[0]] if best else "")
    if best:
        candidate = _candidate(best[0], hashes, metrics)
        overruled = history.overruled(now.events)
        decision = decide(candidate, incumbent, now.settings.min_improvement_pct, overruled)
    else:
        candidate = None
        reason = "every model that passed is barred"
        if incumbent is None or incumbent.unloadable:
            raise PipelineError(f"{reason}, and there is no champion: `make lift VERSION=…`")
        decision = Decision(False, "kept", reason)

    scores = {
        "candidate_test_rmse": candidate.test_rmse if candidate else None,
        "incumbent_test_rmse": incumbent.test_rmse if incumbent else None,
        "improvement_pct": decision.improvement_pct,
    }
    before = now.champion
    to = _who(found[best[0]]) if best else None
    if decision.promote:
        now.champion = to
        now.challenger = None if now.challenger == to else now.challenger
        now.record("promoted", to=to, from_=before, reason=decision.reason, **scores)
    elif decision.outcome == "kept" and to:
        now.record("refused", to=to, from_=before, reason=decision.reason, **scores)
    champion = now.champion
    if champion is None:
        raise PipelineError("there is no champion")
    second = next((e for h, e in today.items() if h != champion.content_hash), None)
    challenger = _who(second) if second else None
    if now.challenger != challenger:
        now.challenger = challenger
        now.record("challenger", to=now.challenger, from_=champion, reason="the best after it")
    if to and decision.outcome != "unchanged":
        facts = {"decision": decision.outcome, "reason": decision.reason, **scores}
        now.registry.tag(now.version(to), facts)
    told = {
        "outcome": decision.outcome,
        "reason": decision.reason,
        "candidate": candidate.name if candidate else None,
        "incumbent": incumbent.name if incumbent else None,
        **scores,
        "min_improvement_pct": now.settings.min_improvement_pct,
    }
    holder = today.get(champion.content_hash) or scored or now.export_of(champion)
    return now.settle(holder, second, _picture(), told)


def _candidate(name: str, hashes: dict[str, str], metrics: dict[str, Any]) -> Candidate:
    about = files.read_json(MODELS / name / "model.json")
    fields, target = frozenset(about["request_fields"]), about["target"]
    return Candidate(name, hashes[name], metrics[name]["test"]["rmse"], fields, target)


def _registered(
    now: "Standing",
    name: str,
    scored: dict[str, Any],
    gate: dict[str, Any],
    hashes: dict[str, str],
    runs: dict[str, str],
) -> "Export":
    """Return one of today's models as it would be exported, registered if it is not yet."""
    from sales.registry import standing
    from sales.registry.exports import Export

    folder = MODELS / name
    version = now.registry.versions().get(hashes[name])
    new = version is None
    if version is None:
        version = now.registry.register(runs[name], hashes[name])
    entry = {**standing.describe(version), **_serving(folder, scored)}
    if new:
        md5 = provenance.dvc_md5(folder)
        to = standing.who(version)
        now.record("registered", to=to, from_=now.champion, dvc_md5=md5, entry=entry)
    return Export(folder, entry, _told(name, scored, gate["models"][name]), _card(name))


def _who(export: "Export") -> Who:
    return Who(**{key: export.entry[key] for key in ("model", "version", "content_hash")})


def _incumbent(now: "Standing", candidate_hash: str) -> tuple[Incumbent | None, "Export | None"]:
    """Return the standing champion as today's rows and gate see it, and as it would be exported."""
    champion = now.champion
    if champion is None:
        return None, None
    if champion.content_hash == candidate_hash:
        return Incumbent(champion.model, champion.content_hash), None
    from sales import engine
    from sales.data.split import PARTS
    from sales.engine import partitions
    from sales.judging import evaluation, gates, scores
    from sales.models import saved
    from sales.registry.exports import Export

    settings = params.read("evaluate", scores.EvaluateParams)
    orders = {part: partitions.of(PREPARED.absolute() / f"{part}.parquet") for part in PARTS}
    try:
        export = now.export_of(champion)
        about = saved.load(export.folder).featuriser
        unlike = sorted({*about.request_fields, about.target} - set(_test(1).columns))
        if unlike:
            raise PipelineError(f"today's data has no column '{unlike[0]}'")
    except PipelineError as error:
        lost = Incumbent(champion.model, champion.content_hash, unloadable=str(error))
        return lost, None
    # Outside: a cluster that is lost on the way says nothing against the champion.
    with engine.started() as on:
        [found] = evaluation.evaluate([export.folder.absolute()], orders, settings, on)
    judged = gates.judge(found.metrics, params.read("gate", gates.GateParams))
    incumbent = Incumbent(
        champion.model,
        champion.content_hash,
        found.metrics["test"]["rmse"],
        frozenset(about.request_fields),
        about.target,
        tuple(judged["failed"]),
    )
    entry = {**export.entry, **_serving(export.folder, found.metrics)}
    told = evaluation.told(found, judged)
    return incumbent, Export(export.folder, entry, told, export.card)


def _told(name: str, metrics: dict[str, Any], judged: dict[str, Any]) -> dict[str, Any]:
    """Return the evaluation of a model of today's run, as the evaluate stage wrote it."""
    import pandas as pd

    from sales.judging import evaluation

    tables = {}
    for table in evaluation.TABLES:
        rows = pd.read_csv(PLOTS / f"{table}.csv", keep_default_na=False)  # a slice may be "NA"
        tables[table] = rows[rows["model"] == name]
    return evaluation.told(evaluation.Evaluation(metrics, tables), judged)


def _picture() -> dict[str, Any]:
    """Return the data's picture, as the prepare stage wrote it."""
    import pandas as pd

    from sales.contract import Contract
    from sales.data import pictures

    numbers = pd.read_csv(PLOTS / "data_numeric.csv")
    counts = pd.read_csv(PLOTS / "data_categorical.csv", keep_default_na=False)
    contract = Contract(**files.read_json(Path("data/contract.json")))
    return pictures.told(files.read_json(METRICS / "data.json"), numbers, counts, contract)


def _serving(folder: Path, scored: dict[str, Any]) -> dict[str, Any]:
    """Return what the service tells of a model, and an order on which it tries the model."""
    example = _example(folder)[:1]
    order = json.loads(example.to_json(orient="records", date_format="iso"))[0]
    order |= example.select_dtypes("float").iloc[0].to_dict()  # pandas' JSON cuts digits off
    golden = {"order": order, "prediction": scored["golden_prediction"]}
    return {"metrics": flat(scored), "golden": golden}


def _nobody_passed(gate: dict[str, Any]) -> str:
    reasons = [
        f"{name}: {'; '.join(judged['rules'][rule]['why'] for rule in judged['failed'])}"
        for name, judged in gate["models"].items()
    ]
    return f"no model passed the gate, nothing is promoted. {'. '.join(reasons)}"


def _track(
    registry: Registry, gate: dict[str, Any], metrics: dict[str, Any], hashes: dict[str, str]
) -> dict[str, str]:
    """Return the run of each model, logging those that have none yet."""
    runs, missing = {}, []
    for name, content_hash in hashes.items():
        evaluation = files.content_hash(METRICS / f"{name}.json")
        found = registry.find_run(content_hash, evaluation)
        if found:
            runs[name] = found
        else:
            missing.append((name, evaluation))
    if not missing:
        return runs

    shared = {
        "data_hash": files.read_json(METRICS / "data.json")["sha256"],
        "params_hash": files.content_hash(Path("params.yaml")),
        "code_hash": _hash(files.content_hash(Path("sales")) + files.content_hash(Path("stages"))),
        "git_commit": provenance.git_commit(),
        "dvc_experiment": os.environ.get("DVC_EXP_NAME", ""),
    }
    for name, evaluation in missing:
        judged = gate["models"][name]
        tags = {
            "model": name,
            "content_hash": hashes[name],
            "evaluation_hash": evaluation,
            "verdict": judged["verdict"],
            "failed_rules": ", ".join(judged["failed"]),
            **shared,
        }
        told = _told(name, metrics[name], judged)
        runs[name] = registry.track(_run(name, metrics[name], told, tags))
        print(f"tracked {name}: run {runs[name]}")
    return runs


def _run(name: str, metrics: dict[str, Any], told: dict[str, Any], tags: dict[str, str]) -> Run:
    import pandas as pd

    about = files.read_json(MODELS / name / "model.json")
    settings = {"model": name, "feature_set": about["feature_set"], **about["params"]}
    texts = {EVALUATION: json.dumps(told)}
    texts |= {f"card.{kind}": text for kind, text in _card(name).items()}
    for path in sorted(PLOTS.glob("*.csv")):
        if not path.name.startswith("data_"):
            rows = pd.read_csv(path).query("model == @name")
            texts[f"plots/{path.name}"] = rows.to_csv(index=False)
    folder = MODELS / name
    return Run(
        name,
        folder,
        settings,
        metrics,
        tags,
        _example(folder),
        tags["data_hash"],
        curve=pd.read_csv(PLOTS / "learning_curve" / f"{name}.csv"),
        texts=texts,
        data_file=PREPARED / "train.parquet",
    )


def _card(name: str) -> dict[str, str]:
    return {kind: (CARDS / f"{name}.{kind}").read_text(encoding="utf-8") for kind in ("md", "html")}


def _test(rows: int) -> "pd.DataFrame":
    """Return the first test orders."""
    from sales.engine import partitions

    return partitions.head(partitions.of(PREPARED / "test.parquet"), rows)


def _example(folder: Path) -> "pd.DataFrame":
    """Return test orders as a client of the model in the folder sends them: text and floats."""
    orders = _test(5)
    example = orders[files.read_json(folder / "model.json")["request_fields"]]
    example = example.astype(dict.fromkeys(example.select_dtypes("category"), str))
    return example.astype(dict.fromkeys(example.select_dtypes("int"), float))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    run(main)
