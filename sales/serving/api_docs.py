"""The API's documentation: an OpenAPI document made from the answering model, and its page."""

import re
from collections.abc import Mapping
from html import escape
from typing import Any

from sales.contract import Called
from sales.serving import given_back
from sales.serving.answering import Served
from sales.serving.file_answer import WHOLE
from sales.serving.refusals import PROBLEM
from sales.serving.request import added_columns
from sales.serving.schemas import ALIAS, TEXT, list_of, ref, shapes

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>TITLE API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="static_content/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="static_content/swagger-ui-bundle.js"></script>
<script>
SwaggerUIBundle({url: "openapi.json", dom_id: "#swagger-ui", tryItOutEnabled: true});
</script>
</body>
</html>
"""
FILES = ("swagger-ui.css", "swagger-ui-bundle.js")  # of Swagger UI, below static_content/
FILES_TAKEN = (
    "CSV, however it is written, Excel (.xlsx), JSON lines, Parquet or Feather; text may be packed "
    "as gz, bz2, xz, zst or a zip of one file. How a CSV file is written is found, or said:"
)
ABOUT = (
    "Bodies may be sent as gzip (Content-Encoding). An answer is named by the request's "
    "X-Request-ID, where it sends one, else by an id made here; with X-Keep: no it is not kept."
)
TRUTHS_TAKEN = (
    "A JSON list, or a file in any of the forms of /predict_file, a scored file with the target "
    "beside among them. A truth names its row by request_id, or by the contract's id where that "
    "was sent with it. Late and repeated ones are taken: of several the last counts"
)
BY_NAME = "the model that answers; by default the one that answers now, or is dealt in a trial"
ASKED = {
    "separator": "one character, or tab",
    "decimal": "the mark before a number's decimals: a point or a comma",
    "quote": "the quotation mark; empty where there is none",
    "encoding": "utf-8, windows-1252, utf-16 or any other that Python knows",
    "sheet": "of a workbook; by default the only one that holds cells",
}
REFUSED = {"content": {PROBLEM: {"schema": ref("Problem")}}}


def page(called: Called) -> str:
    """Return the page that shows the document."""
    return PAGE.replace("TITLE", escape(called.title))


def openapi(served: Served, called: Called, prefix: str = "") -> dict[str, Any]:
    """Return the OpenAPI 3.1 document, with rows as the model asks for them.

    `prefix` is the path that clients put before ours.
    """
    schemas = shapes(served)
    name = re.sub(r"[^A-Za-z0-9]", "", called.row.title()) or "Row"  # OpenAPI takes no other
    if name in schemas:
        name = f"{name}Row"
    row = {**served.schema.json_schema(), "title": name}
    row["examples"] = [served.entry["golden"]["order"]]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": called.title,
            "version": "1",
            "description": ABOUT,
        },
        "servers": [{"url": prefix or "/"}],
        "security": [],
        "paths": {**_told(called), **_switched(), **_predicted(served, called, name)},
        "components": {
            "schemas": {name: row, **schemas},
            "securitySchemes": {"admin": {"type": "http", "scheme": "bearer"}},
        },
    }


def _told(called: Called) -> dict[str, Any]:
    """Return what is told without a row."""
    not_exported = {"404": "The export holds none"}
    not_made = {"404": "No backtest has run where the service is"}
    untried = {"404": "No trial was looked at yet"}
    not_watched = {"404": "Nobody has watched yet where the service is"}
    alias = {"name": "alias", "in": "path", "required": True, "schema": ALIAS}
    evaluated = _operation(
        "evaluation",
        "How a model was evaluated",
        "Evaluation",
        {"400": "No such alias", "404": "No such model, or exported without it"},
    )
    return {
        "/health": {"get": _operation("health", "The process answers", "Health")},
        "/livez": {"get": _operation("live", "The process answers", "Health")},
        "/healthz": {"get": _operation("healthz", "The process answers", "Health")},
        "/readyz": {
            "get": _operation(
                "ready", "The models answer, and what should be put right though", "Readiness"
            )
        },
        "/metrics": {
            "get": _page("metrics", "What was counted, as Prometheus reads it", "text/plain")
        },
        "/docs": {"get": _page("docs", "This document, to be read and tried", "text/html")},
        "/openapi.json": {"get": _page("openapi", "This document", "application/json")},
        "/model-info": {"get": _operation("model_info", "The model that answers now", "Model")},
        "/models": {
            "get": _operation("list_models", "Every loaded model with its metrics", "Models")
        },
        "/models/{alias}/evaluation": {"get": {**evaluated, "parameters": [alias]}},
        "/schema": {"get": _operation("schema", f"What each {called.row} must bring", "Asked")},
        "/kept": {"get": _operation("kept", f"What is kept of each {called.row}", "Kept")},
        "/data": {
            "get": _operation("data", "The data that the models learnt from", "Data", not_exported)
        },
        "/quarantine": {
            "get": _operation(
                "quarantine",
                f"{called.rows.capitalize()} that were set aside, and why",
                "Quarantine",
                not_exported,
            )
        },
        "/backtest": {
            "get": _operation("backtest", "How a model ages, month by month", "Backtest", not_made)
        },
        "/trial": {
            "get": _operation(
                "trial", "How the challenger does, by what came true", "Trial", untried
            )
        },
        "/watch": {
            "get": _operation(
                "watch", "Whether what is served has changed, by window", "Watch", not_watched
            )
        },
    }


def _switched() -> dict[str, Any]:
    refused = {
        "400": "No such alias",
        "401": "Not the administrator's token",
        "403": "Only the service's own machine may switch: it knows no token",
        "404": "No model has that alias",
        "507": "The workers share no choice, as the disk has no room for it",
    }
    switch = _operation("switch_model", "Let another model answer", "Switched", refused)
    alias = {"name": "alias", "in": "query", "required": True, "schema": ALIAS}
    security: list[dict[str, Any]] = [{}, {"admin": []}]
    del refused["404"]
    refused |= {
        **{"400": "Cut short", "409": "The challenger may not answer, or there is none"},
        **{"413": "Too large", "415": "An encoding that is not known here"},
        "422": "No share in percent",
    }
    what = "Let the challenger answer a share of the requests"
    deal = _operation("deal_traffic", what, "Traffic", refused, ref("Share"))
    return {
        "/models/load": {"post": {**switch, "parameters": [alias], "security": security}},
        "/traffic": {
            "get": _operation("traffic", "What share the challenger answers", "Traffic"),
            "post": {**deal, "security": security},
        },
    }


def _predicted(served: Served, called: Called, row: str) -> dict[str, Any]:
    refused = {
        "400": "Cut short, or an empty list",
        "413": "Too large",
        "415": "An encoding that is not known here",
        "422": "A field is missing or wrong",
    }
    rows = {**list_of(ref(row)), "minItems": 1}
    why = f"Tell why one {called.row} has its prediction: the baseline and the amounts add up to it"
    too_large = {**refused, "409": "The model is too large to be explained"}
    return {
        "/predict": {
            "post": _operation(
                "predict", f"The prediction for one {called.row}", "Prediction", refused, ref(row)
            )
        },
        "/predict_batch": {
            "post": _operation(
                "predict_batch",
                f"The predictions for a list of {called.rows}",
                "Predictions",
                refused,
                rows,
            )
        },
        "/predict_file": {"post": _file_operation(served, called, refused)},
        "/explain": {"post": _operation("explain", why, "Explanation", too_large, ref(row))},
        "/truths": {"post": _truths_operation(called, refused)},
    }


def _truths_operation(called: Called, refused: Mapping[str, str]) -> dict[str, Any]:
    told = {
        **refused,
        "401": "Not the token of those who may",
        "403": "Only the service's own machine may send them: it knows no token",
        "409": "Nothing is kept here",
        "507": "The disk has no room for them",
    }
    truths = {**list_of(ref("Truth")), "minItems": 1}
    security: list[dict[str, Any]] = [{}, {"admin": []}]
    what = f"Keep what came true: of each {called.row} its id and the target"
    operation = _operation("truths", what, "TruthsKept", told, truths)
    binary = {"schema": {"type": "string", "format": "binary"}}
    operation["requestBody"]["content"] |= dict.fromkeys(given_back.MEDIA.values(), binary)
    return {**operation, "description": TRUTHS_TAKEN, "security": security}


def _file_operation(served: Served, called: Called, refused: Mapping[str, str]) -> dict[str, Any]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    form = {"type": "object", "required": ["file"], "properties": {"file": binary["schema"]}}
    sent = dict.fromkeys(given_back.MEDIA.values(), binary)
    kinds = {media: binary for kind, media in given_back.MEDIA.items() if kind != "xlsx"}
    name = added_columns(served.model.featuriser.target)[0]
    added = (
        f"The same file with {name} and its interval at its end. `Accept: {WHOLE}` brings it as "
        "the second part; the first is JSON with the model and the whole list of warnings"
    )
    headers = {
        "x-request-id": {**TEXT, "description": "Of the file; of its rows with -0, -1 and so on"},
        "x-model-alias": TEXT,
        "x-model-version": TEXT,
        "x-model-content-hash": TEXT,
        "x-warnings": {**TEXT, "description": "The first warnings: a JSON list, in ASCII"},
        "x-warnings-count": {"type": "integer", "description": "How many warnings there are"},
    }
    asked = {"alias": (ALIAS, BY_NAME), **{name: (TEXT, told) for name, told in ASKED.items()}}
    refused = {**refused, "400": f"{refused['400']}, or no such alias", "404": "No such model"}
    return {
        "operationId": "predict_file",
        "summary": f"The predictions for a file of {called.rows}",
        "description": FILES_TAKEN,
        "parameters": [
            {"name": name, "in": "query", "schema": schema, "description": told}
            for name, (schema, told) in asked.items()
        ],
        "requestBody": {
            "required": True,
            "content": {**sent, "multipart/form-data": {"schema": form}},
        },
        "responses": {
            "200": {
                "description": added,
                "headers": {name: {"schema": schema} for name, schema in headers.items()},
                "content": {**kinds, WHOLE: binary},
            },
            **_refused(refused),
        },
    }


def _operation(
    name: str,
    summary: str,
    answer: str,
    refused: Mapping[str, str] | None = None,
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    content = {"application/json": {"schema": ref(answer)}}
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "responses": {"200": {"description": summary, "content": content}, **_refused(refused)},
    }
    if body:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": body}},
        }
    return operation


def _page(name: str, summary: str, media: str) -> dict[str, Any]:
    kind = {"type": "object"} if media == "application/json" else TEXT
    content = {media: {"schema": kind}}
    return {
        "operationId": name,
        "summary": summary,
        "responses": {"200": {"description": summary, "content": content}, **_refused()},
    }


def _refused(told: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the responses to what is refused, of which any may have another cause."""
    known = {status: {"description": why, **REFUSED} for status, why in (told or {}).items()}
    return {**known, "default": {"description": "Whatever else is refused", **REFUSED}}
