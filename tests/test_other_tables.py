"""Tables of other kinds, by params.yaml alone: from the CSV through every stage to the page.

What each of them lacks (ids, dates, categories, numbers, bounds, units, rules, slices) is what the
committed contract has.
"""

import io
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
import uvicorn

from sales import estimators, files
from sales.registry import exports, today
from sales.registry.exports import Export
from stages import card, evaluate, featurize, gate, ingest, prepare, train
from tests import patience
from tests.bento_server import free_port, in_process
from tests.examples import set_params
from tests.ui.conftest import page  # noqa: F401
from tests.ui.shown import button, everything

ROWS = 600
MODEL = "linear_regression"


@dataclass(frozen=True)
class Other:
    """A table, the groups of params.yaml that change for it, and what is expected of it."""

    table: pd.DataFrame
    groups: dict[str, Any]
    answer_key: str
    scored: str  # the column that scoring adds to a file
    question: str
    controls: set[str]  # the labels of the page's form
    title: str = "Predictions"


def numbers_only() -> Other:
    """Nothing but small numbers of many digits, some of whose names mean something to Vega."""
    rng = np.random.default_rng(1)
    table = pd.DataFrame(rng.normal(0, 0.001, (ROWS, 2)), columns=["sepal.length", "width_mm"])
    noise = rng.normal(0, 1e-4, ROWS)
    table["shift"] = 3 * table["sepal.length"] - table["width_mm"] + noise
    columns = {"sepal.length": {"role": "numeric"}, "width_mm": {"role": "numeric"}}
    return Other(
        table,
        {
            "contract": {"columns": {**columns, "shift": {"role": "target"}}},
            "featurize": {"feature_set": "all", "feature_sets": {"all": {"add": list(columns)}}},
        },
        answer_key="predicted_shift",
        scored="predicted_shift",
        question="What will this row's shift be?",
        controls={"Sepal.length", "Width mm"},
    )


def categories_only() -> Other:
    """Two categories whose values the contract does not list; names that Markdown would eat."""
    rng = np.random.default_rng(2)
    job = rng.choice(["cook", "clerk", "NA-1"], ROWS)
    table = pd.DataFrame({"Job [title]": job, "grade": rng.choice(["1", "2", "10"], ROWS)})
    table["Wage in $"] = 1000 * table["grade"].astype(int) + rng.integers(0, 5, ROWS)
    return Other(
        table,
        {
            "contract": {
                "called": {"title": "Wages & more", "row": "person", "rows": "people"},
                "columns": {
                    "Job [title]": {"role": "categorical"},
                    "grade": {"role": "categorical"},
                    "Wage in $": {"role": "target", "integer": True, "unit": "€"},
                },
            },
            "featurize": {
                "feature_set": "all",
                "feature_sets": {"all": {"add": ["grade", "Job [title]"]}},
            },
        },
        answer_key="predicted_wage_in",
        scored="PredictedWage in $",
        question=r"What will this person's wage in \$ be?",
        controls={"Grade", r"Job \[title\]"},
        title="Wages & more",
    )


def a_date_only() -> Other:
    """A date without a first or last day, from before 1970, and a target below zero."""
    rng = np.random.default_rng(3)
    days = np.datetime64("1969-01-01") + rng.permutation(ROWS).astype("timedelta64[D]")
    month = days.astype("datetime64[M]").astype(int) % 12
    table = pd.DataFrame({"day": days.astype(str), "temperature": -5 * np.sin(month / 2) - 5})
    prepared = {"split": "time", "seed": 1, "test_size": 0.3, "valid_size": 0.2}
    return Other(
        table,
        {
            "contract": {
                "columns": {
                    "day": {"role": "date"},
                    "temperature": {"role": "target", "unit": "°C"},
                }
            },
            "prepare": {**prepared, "max_rejected_pct": 0},
            "featurize": {
                "feature_set": "all",
                "derived": {"month": "month(day)", "weekend": "day_of_week(day) >= 5"},
                "feature_sets": {"all": {"add": ["month", "weekend"]}},
            },
        },
        answer_key="predicted_temperature",
        scored="predicted_temperature",
        question="What will this row's temperature be?",
        controls={"Day"},
    )


def with_holes() -> Other:
    """Numbers, categories and dates that rows lack, the first row all of them; some no target."""
    rng = np.random.default_rng(4)
    area, day = rng.integers(40, 200, ROWS), rng.integers(0, 2000, ROWS)
    table = pd.DataFrame(
        {
            "lot": rng.integers(100, 900, ROWS),
            "area": pd.Series(area, dtype="Int64"),
            "garage": rng.choice(["carport", "built in"], ROWS).astype(object),
            "sold": (np.datetime64("2015-01-01") + day).astype(str).astype(object),
            "price": area * 1000.0,
        }
    )
    for name in ("area", "garage", "sold"):
        table.loc[rng.random(ROWS) < 0.3, name] = None
    table.loc[rng.random(ROWS) < 0.05, "price"] = None
    may = {"missing": "allowed"}
    columns = {
        "lot": {"role": "numeric"},
        "area": {"role": "numeric", "min": 1, **may},
        "garage": {"role": "categorical", **may},
        "sold": {"role": "date", **may},
        "price": {"role": "target", "unit": "$"},
    }
    rules = {"area_fits": {"left": "minimum(area, lot * 9)", "right": "area", "tolerance": 0}}
    return Other(
        table,
        {
            "contract": {
                "called": {"title": "Houses", "row": "house", "rows": "houses"},
                "columns": columns,
                "rules": rules,
                "breakdown": {"By area": "area * 1000"},
            },
            "prepare": {
                "split": "random",
                "seed": 1,
                "test_size": 0.3,
                "valid_size": 0.2,
                "max_rejected_pct": 0,
            },
            "featurize": {
                "feature_set": "all",
                "derived": {"year": "year(sold)", "ratio": "area / lot", "none": "missing(garage)"},
                "feature_sets": {"all": {"add": ["area", "garage", "year", "ratio", "none"]}},
            },
            "evaluate.slices": {"garage": {}, "area": {"edges": [100]}},
            "evaluate.inclusion": {"garage": {}, "area": {"edges": [100]}},
            "evaluate.min_slice_rows": 10,
            "evaluate.behaviour": {
                "larger": {"column": "area", "becomes": "area + 1", "prediction": "up"}
            },
        },
        answer_key="predicted_price",
        scored="predicted_price",
        question="What will this house's price be?",
        controls={"Lot", "Area", "Garage", "Sold"},
        title="Houses",
    )


def any_names() -> Other:
    """Columns that are called like Python's words, functions and nothing that it could read."""
    rng = np.random.default_rng(4)
    names = ["class", "lambda", "year", "no", "Lot.Area", "size-m2", "größe", 'say "hi"', "100%"]
    table = pd.DataFrame(rng.integers(1, 10, (ROWS, 10)), columns=[*names, "log"])
    table["price"] = table.sum(axis=1) + rng.normal(0, 0.1, ROWS).round(2)
    columns = {name: {"role": "numeric"} for name in table.columns[:-1]}
    area = "`Lot.Area` * year + log(`100%`)"
    return Other(
        table,
        {
            "contract": {
                "columns": {**columns, "price": {"role": "target"}},
                "rules": {
                    "at_least": {"left": "`size-m2` > 0", "right": "`class` > 0", "tolerance": 0}
                },
                "breakdown": {"half": '`say "hi"` + `lambda`'},
            },
            "featurize": {
                "feature_set": "all",
                "derived": {"twice": "year * 2", "area": area},
                "feature_sets": {"all": {"add": [*columns, "twice", "area"]}},
            },
            "evaluate.min_slice_rows": 5,
            "evaluate.slices": {"Lot.Area": {"edges": [5]}, "no": {}, "class": {}},
            "evaluate.behaviour": {
                "more_area": {
                    "column": "Lot.Area",
                    "becomes": "`Lot.Area` + 1",
                    "prediction": "up",
                },
                "100%": {"column": "100%", "becomes": "`100%` * 1.1", "prediction": "up"},
            },
        },
        answer_key="predicted_price",
        scored="predicted_price",
        question="What will this row's price be?",
        controls={"Class", "Lambda", "Year", "No", "Lot.area", "Size-m2", "Größe", 'Say "hi"'}
        | {"100%", "Log"},
    )


def of_types() -> Other:
    """Truth values, codes, two dates in a zone and with the day first, numbers of people."""
    rng = np.random.default_rng(5)
    worth, insured = rng.integers(1, 900_000, ROWS) / 100, rng.random(ROWS) < 0.5
    day = rng.integers(1, 29, ROWS)
    table = pd.DataFrame(
        {
            "insured": np.where(insured, "oui", "non"),
            "grade": rng.integers(0, 4, ROWS).astype(float),
            "sent": [f"2024-03-{d:02}T23:45:00Z" for d in day],
            "due": [f"{d}/4/2024" for d in day],
            "worth": [f"{w:,.2f} €".translate(str.maketrans(",.", ".,")) for w in worth],
            "cost": worth * 2 + 100 * insured + rng.normal(0, 5, ROWS),
        }
    )
    return Other(
        table,
        {
            "contract": {
                "columns": {
                    "insured": {"role": "boolean", "true_values": ["oui"], "false_values": ["non"]},
                    "grade": {"role": "categorical"},
                    "sent": {"role": "date", "zone": "Europe/Paris"},
                    "due": {"role": "date", "dayfirst": True},
                    "worth": {"role": "numeric", "decimal": ",", "unit": "€"},
                    "cost": {"role": "target"},
                }
            },
            "prepare": {
                "split": "time",
                "seed": 1,
                "test_size": 0.3,
                "valid_size": 0.2,
                "max_rejected_pct": 0,
            },
            "featurize": {
                "feature_set": "all",
                "derived": {"hour": "hour(sent)", "days": "days_between(sent, due)"},
                "feature_sets": {"all": {"add": ["insured", "grade", "worth", "hour", "days"]}},
            },
            "evaluate.slices": {"insured": {}},
            "evaluate.min_slice_rows": 10,
        },
        answer_key="predicted_cost",
        scored="predicted_cost",
        question="What will this row's cost be?",
        controls={"Insured", "Grade", "Sent", "Due", "Worth (€)"},
    )


LENIENT = {  # what the gates ask of orders is not the subject here
    "gate.min_test_r2": -100.0,
    "gate.max_test_rmse": 1e6,
    "gate.max_generalization_gap_pct": 1000.0,
    "gate.max_negative_prediction_pct": 100.0,
    "gate.min_skill_pct": -1000.0,
    "gate.max_coverage_shortfall_pct": 100.0,
    "gate.max_slice_rmse_ratio": 100.0,
    "gate.max_inclusion_ratio": 100.0,
    "evaluate.slices": {},
    "evaluate.inclusion": {},
    "evaluate.behaviour": {},
    "ingest.source": "files",
}


TABLES = [numbers_only, categories_only, a_date_only, with_holes, any_names, of_types]


@pytest.fixture(params=TABLES, ids=lambda make: make.__name__)
def other(request, project, monkeypatch) -> Other:
    """Run every stage but register on such a table, with one model."""
    made = request.param()
    made.table.to_csv("data/incoming/table.csv", index=False)
    set_params({**LENIENT, **made.groups})
    monkeypatch.setattr(estimators, "NAMES", (MODEL,))
    monkeypatch.setattr(sys, "argv", ["train", MODEL])
    for stage in (ingest, prepare, featurize, train, evaluate, gate, card):
        stage.main()
    return made


@pytest.fixture
def url(other):
    """Return the address of the service, in this process, over what register would export."""
    folder, model = Path("promoted"), Path("models") / MODEL
    metrics = files.read_json(Path(f"metrics/{MODEL}.json"))
    verdicts = files.read_json(Path("metrics/gate.json"))
    judged = verdicts["models"][MODEL]
    assert judged["verdict"] == "passed", judged
    entry = {"model": MODEL, "version": 1, "run_id": "", "content_hash": files.content_hash(model)}
    entry |= today.served(model, metrics)
    run = today.Today(verdicts, {MODEL: metrics}, {})
    told = run.evaluation(MODEL)
    champion = Export(model, entry, told, today.card(MODEL))
    exports.write(folder, "other", {"champion": champion}, today.picture())

    app, _ = in_process(folder, Path.cwd())
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    patience.until(lambda: server.started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(patience.SECONDS)


def test_it_is_served_described_and_shown(other, url, page):  # noqa: F811
    schema = httpx.get(f"{url}/schema").json()
    answered = httpx.post(f"{url}/predict", json=schema["example"]).json()
    golden = files.read_json(Path("promoted/promoted.json"))["champion"]["golden"]
    assert answered[other.answer_key] == golden["prediction"]

    described = httpx.get(f"{url}/openapi.json").json()
    assert described["info"]["title"] == other.title
    called = other.groups["contract"].get("called", {"row": "row"})
    shape = described["components"]["schemas"][called["row"].title()]
    optional = {n for n, column in schema["fields"].items() if column.get("missing") == "allowed"}
    assert set(shape["required"]) == set(schema["fields"]) - optional
    assert other.answer_key in str(described["components"]["schemas"]["Prediction"])
    escaped = other.title.replace("&", "&amp;")
    assert f"<title>{escaped} API</title>" in httpx.get(f"{url}/docs").text

    sent = other.table.to_csv(index=False).encode()
    back = httpx.post(f"{url}/predict_file", content=sent).content
    scored = pd.read_csv(io.BytesIO(back))
    assert len(scored) == ROWS
    assert scored[other.scored].notna().all()

    app = page("predict", url)
    assert app.title[0].value == other.question
    kinds = ("selectbox", "number_input", "date_input")
    assert {one.label for kind in kinds for one in app.get(kind)} == other.controls
    button(app, "Predict").click().run()
    assert len(app.metric) == 1
    rows = called.get("rows", "rows")
    assert f"90% of such {rows} lie between" in everything(app)
    assert (not app.error, not app.exception) == (True, True)
    for view in ("score_file", "models", "data"):
        app = page(view, url)
        assert (not app.error, not app.exception) == (True, True)
    roles = [column["role"] for column in other.groups["contract"]["columns"].values()]
    shown = "categorical" in roles or "boolean" in roles
    assert any(one.label.startswith("Categories: ") for one in app.expander) == shown


def test_its_card_speaks_of_its_own_rows(other):
    told = Path(f"cards/{MODEL}.md").read_text()
    called = other.groups["contract"].get("called", {"row": "row", "rows": "rows"})
    assert f"of one {called['row']} from {len(other.controls)} fields" in told
    assert f"made for {called['rows']} of this contract alone" in told
    assert "order" not in told.lower().replace("in order", "")
    data = files.read_json(Path("metrics/data.json"))
    assert data["rows_quarantined"] == 0
    assert data["rows_in"] + data.get("rows_without_target", 0) == ROWS
    for name, shares in data.get("missing_pct", {}).items():
        if name in other.controls or name.capitalize() in other.controls:
            train, test = f"{shares['train']:.4g}", f"{shares['test']:.4g}"
            assert f"| {name} | {train} % | {test} % |" in told
    assert ("may lack these" in told) == ("missing_pct" in data)
    slices = pd.read_csv("plots/slices.csv")["slice"].tolist()
    lacked = [name for name in slices if name.endswith("=(missing)")]
    assert lacked == (["garage=(missing)", "area=(missing)"] if "missing_pct" in data else [])
