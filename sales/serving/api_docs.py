"""The API's documentation: an OpenAPI document made from the answering model, and its page."""

import re
from collections.abc import Mapping
from html import escape
from typing import Any

from sales.contract import Called
from sales.serving.answering import ALIASES, Served
from sales.serving.file_answer import WHOLE
from sales.serving.request import added_columns

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
NUMBER, TEXT, OBJECT = {"type": "number"}, {"type": "string"}, {"type": "object"}
NUMBERS = {"type": "array", "items": NUMBER}
CONTRIBUTION = {"feature": TEXT, "value": {"type": ["string", "number", "null"]}, "amount": NUMBER}
CONTRIBUTIONS = {
    "type": "array",
    "items": {"type": "object", "properties": CONTRIBUTION, "required": list(CONTRIBUTION)},
}


def page(called: Called) -> str:
    """Return the page that shows the document."""
    return PAGE.replace("TITLE", escape(called.title))


def openapi(served: Served, called: Called) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document, with rows as the model asks for them."""
    name = re.sub(r"[^A-Za-z0-9]", "", called.row.title()) or "Row"  # OpenAPI takes no other
    row = {**served.schema.json_schema(), "title": name}
    row["examples"] = [served.entry["golden"]["order"]]
    ref = {"$ref": f"#/components/schemas/{name}"}
    answer = {served.answer_key: NUMBER}
    refused = {"422": _text("A field is missing or wrong", "Refused"), "413": _text("Too large")}
    switch = {
        "400": _text("No such alias"),
        "401": _text("Not the administrator's token"),
        "403": _text("Only the service's own machine may switch: it knows no token"),
        "404": _text("No model has that alias"),
    }
    alias = {"name": "alias", "in": "query", "required": True}
    return {
        "openapi": "3.1.0",
        "info": {"title": called.title, "version": "1"},
        "paths": {
            "/health": {"get": _operation("The process answers", {"status": TEXT})},
            "/model-info": {"get": _operation("The model that answers now", {"alias": TEXT})},
            "/models": {
                "get": _operation(
                    "Every loaded model with its metrics",
                    {
                        "registered_models": {"type": "array"},
                        "fallback_available": {"type": "boolean"},
                        "may_switch": {"enum": ["yes", "with_token", "no"]},
                    },
                )
            },
            "/models/{alias}/evaluation": {
                "get": {
                    **_operation(
                        "How a model was evaluated",
                        dict.fromkeys(("metrics", "gate", "predictions", "slices"), OBJECT),
                        None,
                        {"400": _text("No such alias"), "404": _text("No such model")},
                    ),
                    "parameters": [
                        {**alias, "in": "path", "schema": {"enum": list(ALIASES)}},
                    ],
                }
            },
            "/schema": {
                "get": _operation(
                    f"What each {called.row} must bring",
                    {"fields": OBJECT, "parts": OBJECT, "target": TEXT, "example": OBJECT},
                )
            },
            "/data": {
                "get": _operation(
                    "The data that the models learnt from",
                    {"rows_in": NUMBER, "numeric": OBJECT, "categorical": OBJECT},
                    None,
                    {"404": _text("The export holds no picture of its data")},
                )
            },
            "/models/load": {
                "post": {
                    **_operation("Let another model answer", {"message": TEXT}, None, switch),
                    "parameters": [{**alias, "schema": {"enum": list(ALIASES)}}],
                    "security": [{}, {"admin": []}],
                }
            },
            "/predict": {
                "post": _operation(
                    f"The prediction for one {called.row}",
                    {**answer, **_interval(served, "prediction_interval", NUMBER), **_signed()},
                    ref,
                    refused,
                )
            },
            "/predict_batch": {
                "post": _operation(
                    f"The predictions for a list of {called.rows}",
                    {
                        "predictions": NUMBERS,
                        **_interval(served, "prediction_intervals", NUMBERS),
                        **_signed(),
                    },
                    {"type": "array", "items": ref, "minItems": 1},
                    {**refused, "400": _text("An empty list")},
                )
            },
            "/predict_file": {"post": _file_operation(served, called, refused)},
            "/explain": {
                "post": _operation(
                    f"Tell why one {called.row} has its prediction: the baseline and the amounts "
                    "add up to it",
                    {**answer, "baseline": NUMBER, "contributions": CONTRIBUTIONS, **_signed()},
                    ref,
                    {
                        **refused,
                        "409": _text("The model is too large to be explained"),
                    },
                )
            },
        },
        "components": {
            "schemas": {name: row, "Refused": {"type": "object"}},
            "securitySchemes": {"admin": {"type": "http", "scheme": "bearer"}},
        },
    }


def _file_operation(served: Served, called: Called, refused: Mapping[str, Any]) -> dict[str, Any]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    form = {"type": "object", "required": ["file"], "properties": {"file": binary["schema"]}}
    kinds = {"text/csv": binary, "application/vnd.apache.parquet": binary}
    name = added_columns(served.model.featuriser.target)[0]
    added = (
        f"The same file with {name} and its interval at its end. `Accept: {WHOLE}` brings it as "
        "the second part; the first is JSON with the model and the whole list of warnings"
    )
    headers = {
        "x-model-alias": TEXT,
        "x-model-version": TEXT,
        "x-model-content-hash": TEXT,
        "x-warnings": {**TEXT, "description": "The first warnings: a JSON list, in ASCII"},
        "x-warnings-count": {"type": "integer", "description": "How many warnings there are"},
    }
    return {
        "summary": f"The predictions for a CSV or Parquet file of {called.rows}",
        "requestBody": {
            "required": True,
            "content": {**kinds, "multipart/form-data": {"schema": form}},
        },
        "responses": {
            "200": {
                "description": added,
                "headers": {name: {"schema": schema} for name, schema in headers.items()},
                "content": {**kinds, WHOLE: binary},
            },
            **refused,
        },
    }


def _interval(served: Served, key: str, bound: dict[str, Any]) -> dict[str, Any]:
    if not served.model.intervals:
        return {}
    ends = {"low": bound, "high": bound, "coverage": NUMBER}
    return {key: {"type": "object", "properties": ends, "required": list(ends)}}


def _signed() -> dict[str, Any]:
    return {"model": {"type": "object"}, "warnings": {"type": "array", "items": TEXT}}


def _operation(
    summary: str,
    properties: dict[str, Any],
    body: dict[str, Any] | None = None,
    refused: dict[str, Any] | None = None,
) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    content = {"application/json": {"schema": schema}}
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": {"200": {"description": summary, "content": content}, **(refused or {})},
    }
    if body:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": body}},
        }
    return operation


def _text(description: str, schema: str = "Refused") -> dict[str, Any]:
    ref = {"$ref": f"#/components/schemas/{schema}"}
    return {"description": description, "content": {"application/json": {"schema": ref}}}
