"""A project in which two small models are trained, evaluated and gated, ready to register."""

import contextlib
import hashlib
import json
import pickle
import shutil
from pathlib import Path

import pandas as pd
import pytest

from sales import estimators, files, params
from sales.contract import Contract
from sales.engine import Local
from sales.estimators import TrainingData
from sales.judging import evaluation, gates, reference, scores
from sales.models import belonging, features, intervals, saved
from sales.registry import (
    drawings,
    fingerprint,
    generations,
    homes,
    relocation,
    standing,
    tracking,
)
from stages import register
from tests import once
from tests.examples import ROOT, fitted, make_orders, pictured, set_params

NAME = "amazon_sales_totalamount_regressor"
NAMES = ("linear_regression", "xgboost")
PREPARED, FEATURES = Path("data/prepared"), Path("data/features")
PARTS = {"train": slice(0, 300), "valid": slice(300, 400), "test": slice(400, 600)}
SMALL = {
    "linear_regression": {},
    "xgboost": {"n_estimators": 60, "learning_rate": 0.3, "max_depth": 4},
}


def train(settings=SMALL, feature_set="priced", orders=None):
    """Train, evaluate and gate two small models in the current folder, by the real code.

    Of 600 orders as PARTS has them; of those that are given half are train rows, a third test rows.
    What was asked for before, with the same params.yaml, is laid down again.
    """
    if not once.is_shared():
        _train(settings, feature_set, orders)
        return
    rows = b"" if orders is None else orders.to_parquet()
    told = [Path("params.yaml").read_text(), settings, feature_set, PARTS, NAMES]
    asked = hashlib.sha256(repr(told).encode() + rows).hexdigest()

    def make(folder):
        asked_for = shutil.copy("params.yaml", folder)
        with contextlib.chdir(folder):
            _train(settings, feature_set, orders)
        Path(asked_for).unlink()

    _lay_down(once.made(f"trained_{asked[:16]}", make))


def _lay_down(folder):
    """Copy what was trained in a folder to the current one, each file whole, in a new place."""
    for model in NAMES:
        shutil.rmtree(Path("models") / model, ignore_errors=True)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            at = path.relative_to(folder)
            at.parent.mkdir(parents=True, exist_ok=True)
            at.unlink(missing_ok=True)
            shutil.copyfile(path, at)


def _train(settings, feature_set, orders):
    contract = params.read("contract", Contract)
    featurize = params.read("featurize", features.FeaturizeParams)
    featurize = featurize.model_copy(update={"feature_set": feature_set})
    parts = PARTS
    if orders is not None:
        half, third = len(orders) // 2, len(orders) // 3
        parts = {"train": slice(half), "valid": slice(half, -third), "test": slice(-third, None)}
    else:
        orders = make_orders(600)
    tables = {part: orders[rows].reset_index(drop=True) for part, rows in parts.items()}
    featuriser = fitted(tables["train"], featurize, contract)
    levels = featuriser.sizes()
    pairs = [
        (featuriser.transform(tables[p]), tables[p]["TotalAmount"].to_numpy())
        for p in ("train", "valid")
    ]
    data = TrainingData(featuriser.columns, levels, *pairs[0], *pairs[1])
    for folder in (PREPARED, FEATURES):
        folder.mkdir(parents=True, exist_ok=True)
    for part, table in tables.items():
        table.to_parquet(PREPARED / f"{part}.parquet")
        numbers = pd.DataFrame(featuriser.transform(table), columns=list(featuriser.columns))
        numbers.to_parquet(FEATURES / f"{part}.parquet")
    files.write_json(FEATURES / belonging.MADE_OF, belonging.of_features(PREPARED))
    evaluate = params.read("evaluate", scores.EvaluateParams)
    found = []
    for name in NAMES:
        module = estimators.module(name)
        committed = params.read(f"train.{name}", module.Params).model_dump()
        chosen = module.Params(**{**committed, **settings[name]})
        estimator, curve = module.fit(chosen, data)
        bounds = intervals.fit(
            data.y_valid,
            estimator.predict(data.X_valid),
            intervals.IntervalParams(coverage=0.9, bands=2),
        )
        about = {
            "feature_set": feature_set,
            "params": chosen.model_dump(),
            "request_fields": list(featuriser.request_fields),
            "target": featuriser.target,
            **belonging.of_model(FEATURES),
        }
        with files.replacing(Path("models") / name) as folder:
            folder.mkdir()
            saved.save(folder, name, estimator, featuriser, about, bounds)
        parts = {part: [table] for part, table in tables.items()}
        found += evaluation.evaluate([Path("models") / name], parts, evaluate, Local())
        one = saved.load(Path("models") / name)
        known = reference.of(one, tables["train"], tables["test"], evaluate)
        files.write_json(Path(f"models/reference/{name}.json"), known.told())
        [made_of] = belonging.of_metrics(PREPARED, FEATURES, [Path("models") / name])
        metrics = {**found[-1].metrics, "made_of": made_of}
        files.write_json(Path("metrics") / f"{name}.json", metrics)
        with files.replacing(Path("plots/learning_curve") / f"{name}.csv") as beside:
            curve.to_csv(beside, index=False)
    pd.DataFrame({"model": NAMES, "rmse": [1.0, 2.0]}).to_csv("plots/rmse.csv", index=False)
    for table in evaluation.TABLES:
        rows = pd.concat([one.tables[table] for one in found])
        rows.to_csv(f"plots/{table}.csv", index=False)
    for name in NAMES:
        for kind in ("md", "html"):
            with files.replacing(Path("cards") / f"{name}.{kind}") as beside:
                beside.write_text(f"The card of {name} with {feature_set}.")
    for kind, table in zip(("numeric", "categorical"), pictured(orders, contract), strict=True):
        table.to_csv(f"plots/data_{kind}.csv", index=False)
    files.write_json(Path("data/contract.json"), contract.model_dump(mode="json"))
    counts = {"sha256": files.content_hash(PREPARED), "rows_in": len(orders)}
    files.write_json(Path("metrics/data.json"), counts)
    gate()


def gate(**changes):
    """Judge the models; `changes` bend the thresholds."""
    paths = {name: Path(f"metrics/{name}.json") for name in NAMES}
    metrics = {name: files.read_json(path) for name, path in paths.items()}
    settings = params.read("gate", gates.GateParams).model_copy(update=changes)
    judged = {**gates.decide(metrics, settings), "made_of": belonging.of_gate(paths)}
    files.write_json(Path("metrics/gate.json"), judged)
    made_of = belonging.of_cards(Path("metrics/gate.json"), Path("metrics/data.json"))
    files.write_json(Path("cards") / belonging.MADE_OF, made_of)


def drawn_once():
    """Let pictures of the same tables be drawn once: hundreds of registers here bring the same."""
    draw, known = drawings.of, {}

    def of(model, tables):
        told = "\0".join([model, *(f"{name} {table.to_csv()}" for name, table in tables.items())])
        key = hashlib.sha256(told.encode()).hexdigest()
        if key not in known and once.is_shared():
            made = once.made(
                f"drawn_{key}",
                lambda folder: (folder / "all").write_bytes(pickle.dumps(draw(model, tables))),
            )
            known[key] = pickle.loads((made / "all").read_bytes())  # noqa: S301
        elif key not in known:
            known[key] = draw(model, tables)
        return known[key]

    drawings.of = of


@pytest.fixture(scope="session")
def trained(_once):
    """Train once; every test copies the folder."""

    def make(folder):
        shutil.copy(ROOT / "params.yaml", folder)
        with contextlib.chdir(folder):
            set_params(SLACK)
            train()
            # An empty MLflow database takes seconds to make: once is enough.
            settings = params.read("register", tracking.RegisterParams)
            with generations.changing(Path("state/registry")) as empty:
                store = tracking.in_folder(empty, Path("state/artifacts"))
                tracking.Registry(store, settings)

    return once.made("trained", make)


# 200 test rows and small fits: what the gates ask of the real data is not the subject here.
SLACK = {
    "gate.max_generalization_gap_pct": 50.0,
    "gate.max_slice_rmse_ratio": 10.0,
    "gate.max_behaviour_violation_pct": 50.0,
    "gate.max_negative_prediction_pct": 10.0,
    "gate.max_coverage_shortfall_pct": 10.0,
    "gate.max_inclusion_ratio": 10.0,
    "evaluate.min_slice_rows": 20,
}


@pytest.fixture
def gated(project, trained, monkeypatch):
    """Change into a copy of the trained project; nothing is registered in it yet."""
    copied(trained, project)
    monkeypatch.setattr(estimators, "NAMES", NAMES)
    return project


@pytest.fixture(scope="session")
def crowned(trained):
    """Register three champions once; every test copies the folder."""

    def make():
        for rounds, linear in ((10, False), (60, False), (60, True)):
            boosted(rounds, linear=linear)
            register.main()

    return once.made("crowned", lambda folder: within(trained, folder, make))


@pytest.fixture(scope="session")
def registered_once(trained):
    """Register once what was trained; every test copies the folder."""
    return once.made("registered", lambda folder: within(trained, folder, register.main))


@pytest.fixture
def registered(project, registered_once, monkeypatch):
    """Change into a copy of the trained project, as the first register leaves it.

    They are linear_regression 1, the champion, and xgboost 2.
    """
    copied(registered_once, project)
    monkeypatch.setattr(estimators, "NAMES", NAMES)
    fingerprint.keep(Path("state/registry"), hashes())  # settled, in this place
    return project


def within(source, folder, make):
    """Make something in a copy of a project, in a folder."""
    copied(source, folder)
    with pytest.MonkeyPatch.context() as there, contextlib.chdir(folder):
        there.setattr(estimators, "NAMES", NAMES)
        make()


@pytest.fixture
def three(project, crowned, monkeypatch):
    """Change into a copy of a project with three champions behind it.

    They were xgboost 1, xgboost 2 and linear_regression 3; the challenger is xgboost 2.
    """
    copied(crowned, project)
    monkeypatch.setattr(estimators, "NAMES", NAMES)
    return project


def copied(source, target):
    """Copy a project with its registry, which then knows that it lies elsewhere."""
    shutil.copytree(source, target, dirs_exist_ok=True, symlinks=True)
    for database in target.glob("state/generations/*/mlflow.db"):
        relocation.follow(database, target / "state/artifacts")
    (target / "state/registry/settled").unlink(missing_ok=True)


def boosted(rounds, *, linear=False, orders=None):
    """Train; today's best is an xgboost of so many rounds, or the linear model."""
    settings = {"n_estimators": rounds, "learning_rate": 0.3, "max_depth": 4}
    train({"linear_regression": {}, "xgboost": settings}, orders=orders)
    if not linear:
        refuse("linear_regression")


def state():
    """Return all that a second register must leave as it is."""
    store = open_registry()
    versions = store.client.search_model_versions(f"name = '{NAME}'")
    exported = Path("models/promoted")
    return {
        "versions": sorted((v.version, v.tags["content_hash"], v.run_id) for v in versions),
        "aliases": {
            a: getattr(store.holder(a), "version", None) for a in ("champion", "challenger")
        },
        "runs": len(store.client.search_runs([store.experiment])),
        "exports": {p.name: files.content_hash(p) for p in exported.iterdir()}
        if exported.exists()
        else {},
    }


def open_registry():
    """Return the registry as it stands."""
    folder, server = standing.state_folder(), homes.server()
    settings = params.read("register", tracking.RegisterParams)
    if server:
        return tracking.Registry(tracking.on_server(server), settings)
    store = tracking.in_folder((folder / "registry").resolve(), folder / "artifacts")
    return tracking.Registry(store, settings)


def hashes():
    return {name: files.content_hash(Path("models") / name) for name in NAMES}


def decision():
    return json.loads(Path("metrics/registry.json").read_text())["decision"]


def refuse(name):
    """Let a model fail today's gate."""
    metrics = files.read_json(Path(f"metrics/{name}.json"))
    metrics["test"]["r2"] = 0.0
    files.write_json(Path(f"metrics/{name}.json"), metrics)
    gate()
