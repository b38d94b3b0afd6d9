"""The shapes of what the service answers, as JSON Schemas that the API's document refers to."""

from typing import Any

from sales.serving.answering import ALIASES, Served

NUMBER, TEXT, WHOLE = {"type": "number"}, {"type": "string"}, {"type": "integer"}
FLAG, ANY = {"type": "boolean"}, {"type": "object", "additionalProperties": True}
ALIAS = {"$ref": "#/components/schemas/Alias"}
# One column of a table after the other.
TABLE = {"type": "object", "additionalProperties": {"type": "array", "items": {}}}


def list_of(items: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


def ref(name: str) -> dict[str, Any]:
    """Return a reference to a schema of `shapes`, or to that of a row."""
    return {"$ref": f"#/components/schemas/{name}"}


def shapes(served: Served) -> dict[str, Any]:
    """Return the schemas by name, answers as the model that answers gives them."""
    answer, signed = {served.answer_key: NUMBER}, {"model": ref("Signature"), "warnings": WARNINGS}
    one = {"prediction_interval": ref("Interval")} if served.model.intervals else {}
    many = {"prediction_intervals": ref("Intervals")} if served.model.intervals else {}
    return {
        **ALWAYS,
        "Prediction": _object({**answer, **one, **signed, "request_id": TEXT}),
        "Predictions": _object(
            {"predictions": list_of(NUMBER), **many, **signed, "request_ids": list_of(TEXT)}
        ),
        "Truth": _object(
            {served.model.featuriser.target: NUMBER},
            request_id={**TEXT, "description": "As the answer told it"},
        ),
        "Explanation": _object(
            {
                **answer,
                "baseline": NUMBER,
                "contributions": list_of(ref("Contribution")),
                **signed,
            },
            together={
                **list_of(ref("Together")),
                "description": "Products of features, where the model weighs such: each of their "
                "contributions holds an equal share of it",
            },
        ),
    }


def _object(properties: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**properties, **optional},
        "required": list(properties),
    }


def _or_null(kind: str) -> dict[str, Any]:
    return {"type": [kind, "null"]}


HOLDS = {**FLAG, "description": "There and false outside of what training saw"}
WARNINGS = {**list_of(TEXT), "description": "What training never saw"}
MODEL = {
    "source": TEXT,
    "alias": ALIAS,
    "model_name": TEXT,
    "version": TEXT,
    "run_id": TEXT,
    "model_uri": TEXT,
    "metrics": ANY,
    "model": TEXT,
    "content_hash": TEXT,
    "feature_set": TEXT,
    "trained_on_sha256": TEXT,
    "request_fields": list_of(TEXT),
}
FROM = {"file": TEXT, "row": {**WHOLE, "description": "In its file, from 1"}}
LISTED = {**MODEL, "description": TEXT, "active": FLAG}
ALWAYS: dict[str, Any] = {
    "Alias": {"type": "string", "enum": list(ALIASES)},
    "Problem": {
        **_object(
            {
                "type": TEXT,
                "title": TEXT,
                "status": WHOLE,
                "detail": {"anyOf": [TEXT, list_of(ref("Fault"))]},
            }
        ),
        "description": "Problem details (RFC 9457): whatever is refused, and why",
    },
    "Fault": {
        **_object(
            {"type": TEXT, "loc": list_of({"type": ["string", "integer"]}), "msg": TEXT},
            rows=list_of(WHOLE),
        ),
        "description": "A field or column that is wrong; of a file, in which rows, from 1",
    },
    "Health": _object({"status": TEXT}),
    "Readiness": _object(
        {
            "status": TEXT,
            "version": TEXT,
            "behind_since": _or_null("string"),
            "behind_why": _or_null("string"),
            "registry_away_since": _or_null("string"),
            "registry_away_why": _or_null("string"),
            "cannot_switch": _or_null("string"),
        }
    ),
    "Model": _object(MODEL),
    "ListedModel": _object(LISTED),
    "Models": _object(
        {
            "registered_models": list_of(ref("ListedModel")),
            "fallback_available": FLAG,
            "may_switch": {"type": "string", "enum": ["yes", "with_token", "no"]},
        }
    ),
    "Switched": _object({"message": TEXT, "info": ref("Model")}),
    "Share": _object({"challenger": {**NUMBER, "minimum": 0, "maximum": 100}}),
    "Traffic": _object(
        {
            "challenger": NUMBER,
            "trial": _or_null("string"),
            "answers": {"type": "string", "enum": ["both", *ALIASES]},
        }
    ),
    "Trial": _object(
        {
            **dict.fromkeys(("name", "begun", "looked", "score", "verdict"), TEXT),
            **dict.fromkeys(("champion", "challenger", "terms"), ANY),
            **{"runs": FLAG, "share_pct": NUMBER, "points": list_of(ANY)},
            **{"outcome": _or_null("string"), "reason": _or_null("string")},
            **dict.fromkeys(("rows", "units", "waiting", "alone"), WHOLE),
            **dict.fromkeys(("improvement_pct", "low_pct", "high_pct"), _or_null("number")),
            "rows_needed": _or_null("integer"),
        }
    ),
    "TruthsKept": _object({"kept": WHOLE}),
    "Kept": _object(
        {"kept": FLAG},
        share=NUMBER,
        days=NUMBER,
        mb=NUMBER,
        keys=list_of(TEXT),
        private=list_of(TEXT),
    ),
    "Evaluation": _object(
        {"alias": ALIAS, "metrics": ANY, "gate": ANY, "predictions": TABLE, "slices": TABLE},
        residual_histogram=TABLE,
        importance=TABLE,
        judged={**ANY, "description": "Every model of its run, and why the gate refused some"},
    ),
    "Asked": _object(
        {
            "alias": ALIAS,
            "fields": {"type": "object", "additionalProperties": ANY},
            "levels": {"type": "object", "additionalProperties": list_of(TEXT)},
            "parts": {"type": "object", "additionalProperties": TEXT},
            "target": TEXT,
            "answer_key": TEXT,
            "example": ANY,
        }
    ),
    "Data": _object(
        {
            **dict.fromkeys(("rows_in", "rows_accepted", "rows_quarantined"), WHOLE),
            **dict.fromkeys(("train_rows", "valid_rows", "test_rows"), WHOLE),
            "quarantined_by_reason": {"type": "object", "additionalProperties": WHOLE},
            "sha256": TEXT,
            "numeric": {"type": "object", "additionalProperties": TABLE},
            "categorical": {"type": "object", "additionalProperties": TABLE},
        },
        called=ANY,
        target=ANY,
        breakdown=ANY,
        keys=ANY,
        rows_without_target=WHOLE,
        missing_pct={"type": "object", "additionalProperties": ANY},
    ),
    "Quarantine": _object(
        {
            "rows": {**WHOLE, "description": "How many were set aside"},
            "left_out": list_of(TEXT),
            "cells": list_of(ref("BadCell")),
            "whole": list_of(ref("BadRow")),
        }
    ),
    "BadCell": _object({**FROM, "column": TEXT, "value": TEXT, "reason": TEXT}),
    "BadRow": _object({**FROM, "cells": {"type": "object", "additionalProperties": TEXT}}),
    "Backtest": _object(
        {
            "model": TEXT,
            "target": TEXT,
            "unit": _or_null("string"),
            "too_old_at": _or_null("integer"),
            "flat": FLAG,
            "ages": list_of(ANY),
            "policies": list_of(ANY),
            "months": list_of(ANY),
            "known": list_of(ANY),
        },
        window_months=_or_null("integer"),
        trained=list_of(TEXT),
        judged=list_of(TEXT),
        rows=WHOLE,
        beyond_pct=NUMBER,
        confidence=NUMBER,
    ),
    "Watch": _object(
        {
            "format": WHOLE,
            "when": TEXT,
            "state": {"enum": ["ok", "alarm", "unknown"]},
            "why": TEXT,
            "told": list_of(TEXT),
            "window": TEXT,
            "since": _or_null("string"),
            "champion": ANY,
            "row": TEXT,
            "rows": TEXT,
            "target": TEXT,
            "unit": _or_null("string"),
            "promised": _or_null("object"),
            "large": ANY,
            "false_alarm_pct": NUMBER,
            "windows": list_of(ANY),
            "worst": list_of(ANY),
            "alarms": list_of(ANY),
            "changes": list_of(ANY),
        }
    ),
    "Signature": _object({"alias": ALIAS, "version": WHOLE, "content_hash": TEXT}),
    "Interval": _object({"low": NUMBER, "high": NUMBER, "coverage": NUMBER}, holds=HOLDS),
    "Intervals": _object(
        {"low": list_of(NUMBER), "high": list_of(NUMBER), "coverage": NUMBER},
        holds={**list_of(FLAG), "description": HOLDS["description"]},
    ),
    "Together": _object({"features": list_of(TEXT), "amount": NUMBER}),
    "Contribution": _object(
        {"feature": TEXT, "value": {"type": ["string", "number", "null"]}, "amount": NUMBER}
    ),
}
