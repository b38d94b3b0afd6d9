"""Reconciles the MLflow registry with today's gate: the only stage with side effects.

Whatever happened in between (a second run, the database deleted, an older commit checked out),
afterwards every passing model of the top `register.top_k` is registered once, and the aliases are
what the promotion rule gives. Running it again changes nothing.
"""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sales import estimators, files, params
from sales.errors import PipelineError, run
from sales.promotion import Candidate, Decision, Incumbent, decide
from sales.registry import CHALLENGER, CHAMPION, RegisterParams, Registry, Run, flat, locked

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities.model_registry import ModelVersion

PREPARED = Path("data/prepared")
MODELS = Path("models")
METRICS = Path("metrics")
PLOTS = Path("plots")
PROMOTED = MODELS / "promoted"
EVALUATION, DATA = "evaluation", "data.json"  # as sales/serving.py reads them
FALLBACK = "fallback"  # the export of the champion before this one


def state_folder() -> Path:
    """Return where MLflow's store is: SALES_STATE, or state/ of the repo.

    A queued or --temp experiment runs in a copy of the folder, but DVC_ROOT still names the repo:
    tracked there, its runs outlive the copy.
    """
    root = Path(os.environ.get("DVC_ROOT", "."))
    return root / os.environ.get("SALES_STATE", "state") / "mlflow"


def main() -> None:
    """Track the runs; unless this is an experiment, register, promote and export."""
    settings = params.read("register", RegisterParams)
    gate = files.read_json(METRICS / "gate.json")
    metrics = {name: files.read_json(METRICS / f"{name}.json") for name in estimators.NAMES}
    hashes = {name: files.content_hash(MODELS / name) for name in estimators.NAMES}
    folder = state_folder()
    experiment = os.environ.get("DVC_EXP_NAME")
    with locked(folder):
        settled = folder / "settled"
        if not experiment and settled.is_file() and settled.read_text() == _fingerprint(folder):
            print(_outcome(files.read_json(METRICS / "registry.json")))
            return
        registry = Registry(folder, settings)
        runs = _track(registry, gate, metrics, hashes)
        if experiment:
            print(f"experiment {experiment}: tracked in MLflow; experiments never promote")
            return
        if not gate["ranking"]:
            raise PipelineError(_nobody_passed(gate))
        record = _reconcile(registry, settings, gate, metrics, hashes, runs)
        files.write_json(METRICS / "registry.json", record)
        print(_outcome(record))
        with files.replacing(settled) as beside:
            beside.write_text(_fingerprint(folder))


def _fingerprint(folder: Path) -> str:
    """Return one hash of all that register reads and writes, the database included.

    Where it is the same as after the last success there is nothing to do, and MLflow, whose start
    takes three seconds, stays out of a `dvc repro` in which nothing changed.
    """
    read = [Path("params.yaml"), METRICS, MODELS, PREPARED, Path("sales"), Path("stages")]
    return _hash("".join(files.content_hash(path) for path in (*read, folder / "mlflow.db")))


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
    registry: Registry,
    settings: RegisterParams,
    gate: dict[str, Any],
    metrics: dict[str, Any],
    hashes: dict[str, str],
    runs: dict[str, str],
) -> dict[str, Any]:
    """Bring versions, aliases and exports to what the rule gives; return the record of it."""
    best = gate["ranking"][: settings.top_k]
    versions = {name: registry.ensure_version(runs[name], hashes[name]) for name in best}
    candidate = Candidate(
        best[0],
        hashes[best[0]],
        metrics[best[0]]["test"]["rmse"],
        frozenset(files.read_json(MODELS / best[0] / "model.json")["request_fields"]),
    )
    standing = registry.holder(CHAMPION)
    incumbent, scored = _incumbent(registry, standing, candidate.content_hash)
    decision = decide(candidate, incumbent, settings.min_improvement_pct)

    champion = standing if standing and not decision.promote else versions[best[0]]
    holding = champion.tags["content_hash"]
    runner_up = next((name for name in best if hashes[name] != holding), None)
    challenger = versions[runner_up] if runner_up else None

    folders = {hashes[name]: MODELS / name for name in best}
    known = {hashes[name]: _told(name, metrics[name], gate["models"][name]) for name in best}
    if standing and scored:  # it can be loaded
        folders[standing.tags["content_hash"]] = _standing_folder(registry, standing)
        known[standing.tags["content_hash"]] = scored
    exported = _exported(settings.model_name)
    replaced = standing if standing and champion is not standing and scored else None
    if replaced:
        _export(FALLBACK, folders[replaced.tags["content_hash"]])
        exported[FALLBACK] = _serving(replaced, FALLBACK, known)
    elif not exported[FALLBACK]:
        _evaluation(FALLBACK).unlink(missing_ok=True)
    for alias, version in ((CHAMPION, champion), (CHALLENGER, challenger)):
        _export(alias, folders[version.tags["content_hash"]] if version else None)
        registry.give(alias, version)
        if version:
            exported[alias] = _serving(version, alias, known)
        else:
            _evaluation(alias).unlink(missing_ok=True)
    score = incumbent.test_rmse if incumbent else None
    files.write_json(PROMOTED / DATA, _picture())
    files.write_json(PROMOTED / "promoted.json", exported)
    _tag(registry, versions[best[0]], decision, candidate.test_rmse, score)
    return {
        "model_name": settings.model_name,
        CHAMPION: _describe(champion),
        CHALLENGER: _describe(challenger) if challenger else None,
        "decision": {
            "outcome": decision.outcome,
            "reason": decision.reason,
            "candidate": candidate.name,
            "candidate_test_rmse": candidate.test_rmse,
            "incumbent": incumbent.name if incumbent else None,
            "incumbent_test_rmse": score,
        },
    }


def _incumbent(
    registry: Registry, standing: "ModelVersion | None", candidate_hash: str
) -> tuple[Incumbent | None, dict[str, Any] | None]:
    """Return the standing champion as today's rows and gate see it, and its evaluation on them."""
    if standing is None:
        return None, None
    name, content_hash = standing.tags["model"], standing.tags["content_hash"]
    if content_hash == candidate_hash:
        return Incumbent(name, content_hash), None
    import pandas as pd

    from sales import evaluation, gates, model, scores

    parts = ("train", "valid", "test")
    settings = params.read("evaluate", scores.EvaluateParams)
    tables = {part: pd.read_parquet(PREPARED / f"{part}.parquet") for part in parts}
    tables = scores.scored_rows(tables, settings)
    try:
        loaded = model.load(_standing_folder(registry, standing))
        found = evaluation.evaluate(loaded, tables, settings)
    except PipelineError as error:
        return Incumbent(name, content_hash, unloadable=str(error)), None
    judged = gates.judge(found.metrics, params.read("gate", gates.GateParams))
    incumbent = Incumbent(
        name,
        content_hash,
        found.metrics["test"]["rmse"],
        frozenset(loaded.featuriser.request_fields),
        tuple(judged["failed"]),
    )
    return incumbent, evaluation.told(found, judged)


def _standing_folder(registry: Registry, version: "ModelVersion") -> Path:
    """Return the champion's files: the exported copy if it is whole, else MLflow's."""
    exported = PROMOTED / CHAMPION
    if exported.is_dir() and files.content_hash(exported) == version.tags["content_hash"]:
        return exported
    return registry.folder(version)


def _export(alias: str, folder: Path | None) -> None:
    """Make models/promoted/<alias> an exact copy of the model's folder, or no folder."""
    target = PROMOTED / alias
    if folder is None:
        shutil.rmtree(target, ignore_errors=True)
    elif not target.is_dir() or files.content_hash(target) != files.content_hash(folder):
        with files.replacing(target) as beside:
            shutil.copytree(folder, beside)


def _exported(model_name: str) -> dict[str, Any]:
    """Return promoted.json with nobody but the fallback in it, if that is still there."""
    path = PROMOTED / "promoted.json"
    before = files.read_json(path) if path.is_file() else {}
    fallback = before.get(FALLBACK) if (PROMOTED / FALLBACK).is_dir() else None
    return {"model_name": model_name, CHAMPION: None, CHALLENGER: None, FALLBACK: fallback}


def _evaluation(alias: str) -> Path:
    return PROMOTED / EVALUATION / f"{alias}.json"


def _told(name: str, metrics: dict[str, Any], judged: dict[str, Any]) -> dict[str, Any]:
    """Return the evaluation of a model of today's run, as the evaluate stage wrote it."""
    import pandas as pd

    from sales import evaluation

    tables = {}
    for table in evaluation.TABLES:
        rows = pd.read_csv(PLOTS / f"{table}.csv", keep_default_na=False)  # a slice may be "NA"
        tables[table] = rows[rows["model"] == name]
    return evaluation.told(evaluation.Evaluation(metrics, tables), judged)


def _picture() -> dict[str, Any]:
    """Return the data's picture, as the prepare stage wrote it."""
    import pandas as pd

    from sales import pictures
    from sales.contract import Contract

    numbers = pd.read_csv(PLOTS / "data_numeric.csv")
    counts = pd.read_csv(PLOTS / "data_categorical.csv", keep_default_na=False)
    contract = Contract(**files.read_json(Path("data/contract.json")))
    return pictures.told(files.read_json(METRICS / "data.json"), numbers, counts, contract)


def _serving(version: "ModelVersion", alias: str, known: dict[str, Any]) -> dict[str, Any]:
    """Export a model's evaluation; return what the service tells of the model, with a golden order.

    On that order the service tries the model.
    """
    told = known[version.tags["content_hash"]]
    files.write_json(_evaluation(alias), told)
    scored = told["metrics"]
    example = _example(PROMOTED / alias)[:1]
    order = json.loads(example.to_json(orient="records", date_format="iso"))[0]
    golden = {"order": order, "prediction": scored["golden_prediction"]}
    return {**_describe(version), "metrics": flat(scored), "golden": golden}


def _describe(version: "ModelVersion") -> dict[str, Any]:
    return {
        "model": version.tags["model"],
        "version": int(version.version),
        "run_id": version.run_id,
        "content_hash": version.tags["content_hash"],
    }


def _tag(
    registry: Registry,
    version: "ModelVersion",
    decision: Decision,
    candidate: float,
    incumbent: float | None,
) -> None:
    """Record the decision on the candidate's version, unless nothing was decided."""
    if decision.outcome == "unchanged":
        return
    facts = {"decision": decision.outcome, "reason": decision.reason, "test_rmse": candidate}
    for key, value in {**facts, "incumbent_test_rmse": incumbent}.items():
        registry.client.set_model_version_tag(registry.name, version.version, key, str(value))


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

    data_hash = files.read_json(METRICS / "data.json")["sha256"]
    shared = {
        "data_hash": data_hash,
        "params_hash": files.content_hash(Path("params.yaml")),
        "code_hash": _hash(files.content_hash(Path("sales")) + files.content_hash(Path("stages"))),
        "git_commit": _git_commit(),
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
        runs[name] = registry.track(_run(name, metrics[name], tags, data_hash))
        print(f"tracked {name}: run {runs[name]}")
    return runs


def _run(name: str, metrics: dict[str, Any], tags: dict[str, str], data_hash: str) -> Run:
    import pandas as pd

    about = files.read_json(MODELS / name / "model.json")
    settings = {"model": name, "feature_set": about["feature_set"], **about["params"]}
    plots = {
        path.name: (table := pd.read_csv(path))[table["model"] == name].to_csv(index=False)
        for path in sorted(PLOTS.glob("*.csv"))
        if not path.name.startswith("data_")
    }
    curve = pd.read_csv(PLOTS / "learning_curve" / f"{name}.csv")
    train = PREPARED / "train.parquet"
    folder = MODELS / name
    return Run(
        name, folder, settings, metrics, tags, _example(folder), curve, plots, train, data_hash
    )


def _example(folder: Path) -> "pd.DataFrame":
    """Return test orders as a client of the model in the folder sends them: text and floats."""
    import pandas as pd

    orders = pd.read_parquet(PREPARED / "test.parquet").head(5)
    example = orders[files.read_json(folder / "model.json")["request_fields"]]
    example = example.astype(dict.fromkeys(example.select_dtypes("category"), str))
    return example.astype(dict.fromkeys(example.select_dtypes("int"), float))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _git_commit() -> str:
    """Return the commit, or nothing where the folder is no git repository."""
    command = ["git", "rev-parse", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout.strip()


if __name__ == "__main__":
    run(main)
