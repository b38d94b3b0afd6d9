"""The models that answer: the promoted exports, each tried on its golden order."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sales import files
from sales.errors import PipelineError
from sales.models import saved
from sales.models.saved import Model
from sales.serving import explanation
from sales.serving.ranges import Outside
from sales.serving.request import Orders, OrderSchema, added_columns, snake

if TYPE_CHECKING:
    import pyarrow as pa

    from sales.data.incoming import HowParams

EVALUATION, DATA = "evaluation", "data.json"  # what an export holds beside its models
ALIASES = ("champion", "challenger", "fallback")
SHOWN = 5_000  # values of a category that a client is told of, to choose from


class Answer(NamedTuple):
    """What is told of some rows, and what it was made of: the rows as read, what lies outside."""

    told: dict[str, Any]
    orders: Orders
    outside: Outside | None


class FileAnswer(NamedTuple):
    """A file with its answers, and what these were made of: its rows, as read and as they came."""

    content: bytes
    predictions: np.ndarray
    warnings: list[str]
    bounds: "tuple[np.ndarray, np.ndarray] | None"
    orders: Orders
    outside: Outside | None
    table: "pa.Table"


@dataclass(frozen=True)
class Served:
    """A promoted model with what is known of it: its entry in promoted.json."""

    alias: str
    model_name: str
    model: Model
    schema: OrderSchema
    entry: dict[str, Any]
    evaluation: dict[str, Any] | None

    @cached_property
    def answer_key(self) -> str:
        """The key of the prediction: `predicted_total_amount` for TotalAmount."""
        return f"predicted_{snake(self.model.featuriser.target)}"

    def one(self, body: bytes) -> Answer:
        """Answer one JSON order. Raises RequestError."""
        orders = self.schema.one(body)
        outside = self.schema.outside(orders)
        predictions = self.model.predict(orders)
        interval = self._interval(orders, predictions)
        if interval and outside:
            interval["prediction_interval"]["holds"] = False
        prediction = float(predictions[0])
        told = {self.answer_key: prediction, **interval, **self._signed(orders, outside)}
        return Answer(told, orders, outside)

    def explain(self, body: bytes) -> dict[str, Any]:
        """Return why one JSON order is priced as `one` prices it, to the last bit.

        Raises RequestError, and PipelineError for a model that is too large to be explained.
        """
        orders = self.schema.one(body)
        found = explanation.explain(self.model, orders, self.schema.parts)
        signed = self._signed(orders, self.schema.outside(orders))
        if found.caveat:
            signed["warnings"].append(found.caveat)
        return {
            self.answer_key: found.prediction,
            "baseline": found.baseline,
            "contributions": [asdict(one) for one in found.contributions],
            **({"together": [asdict(one) for one in found.together]} if found.together else {}),
            **signed,
        }

    def many(self, body: bytes, most: int) -> Answer:
        """Answer a JSON list of orders.

        Raises RequestError, or TooManyError for more than `most` orders.
        """
        orders = self.schema.many(body)
        rows = len(next(iter(orders.values())))
        if rows > most:
            raise TooManyError(f"{rows:,} rows, at most {most:,} are taken at once")
        if not rows:
            return Answer({"predictions": []}, orders, None)
        predictions = self.model.predict(orders)
        outside = self.schema.outside(orders)
        answer: dict[str, Any] = {"predictions": predictions.tolist()}
        within = self.model.within(orders, predictions)
        if within and self.model.intervals:
            bounds = {"low": within.low.tolist(), "high": within.high.tolist()}
            answer["prediction_intervals"] = {**bounds, "coverage": self.model.intervals.coverage}
            if outside:
                answer["prediction_intervals"]["holds"] = (~outside.rows).tolist()
        return Answer({**answer, **self._signed(orders, outside)}, orders, outside)

    def file(
        self,
        body: bytes,
        most_rows: int,
        how: "HowParams | None" = None,
        most_bytes: int | None = None,
        request_id: str = "",
    ) -> FileAnswer:
        """Answer a file: with its rows' ids, where the request has one, predictions and intervals.

        `how` it is read is else found. Raises RequestError that names every bad row, and
        packing.TooLargeError for one that takes more than `most_bytes`.
        """
        from sales.contract import cells
        from sales.data.reading import formats
        from sales.serving import given_back, upload

        fields, parts = self.model.featuriser.fields, self.schema.parts
        found: list[Orders] = []

        def look(table: "pa.Table") -> None:
            if cells.blank(table) is None:  # else other columns tell which rows count
                found.append(upload.orders(table, fields, parts))

        whole = upload.read(body, most_rows, {*fields, *parts}, look, how, most_bytes)
        table, numbers = upload.filled(whole)
        [orders] = found or [upload.orders(table, fields, parts, numbers)]
        predictions = self.model.predict(orders)
        within = self.model.within(orders, predictions)
        bounds = within[:2] if within else None
        target = self.model.featuriser.target
        added = dict(zip(added_columns(target), [predictions, *(bounds or ())], strict=False))
        named = given_back.with_ids(table, target, request_id) if request_id else table
        answered = given_back.scored(named, added, formats.of_bytes(body).kind)
        outside = self.schema.outside(orders)
        warnings = [
            *given_back.read_as(table),
            *upload.skipped(whole, table),
            *upload.left_out(table, fields),
            *upload.unseen(orders, self.schema),
            *(outside.warnings if outside else ()),
        ]
        return FileAnswer(answered, predictions, warnings, bounds, orders, outside, table)

    def about(self) -> dict[str, Any]:
        """Return what /model-info tells, the published keys first."""
        about = self.model.about
        return {
            "source": "export",
            "alias": self.alias,
            "model_name": self.model_name,
            "version": str(self.entry["version"]),
            "run_id": self.entry["run_id"],
            "model_uri": f"models:/{self.model_name}/{self.entry['version']}",
            "metrics": self.entry["metrics"],
            "model": self.model.name,
            "content_hash": self.model.content_hash,
            "feature_set": about["feature_set"],
            "trained_on_sha256": about["train_sha256"],
            "request_fields": list(self.model.featuriser.request_fields),
        }

    def asks(self) -> dict[str, Any]:
        """Return what an order must bring, for clients that make a form or check a file."""
        featuriser = self.model.featuriser
        return {
            "alias": self.alias,
            "fields": {
                name: column.model_dump(exclude_defaults=True)
                for name, column in featuriser.fields.items()
            },
            "levels": {name: [*levels[:SHOWN]] for name, levels in featuriser.levels.items()},
            "parts": self.schema.parts,
            "target": featuriser.target,
            "answer_key": self.answer_key,
            "example": self.entry["golden"]["order"],
        }

    def _interval(self, orders: Orders, predictions: np.ndarray) -> dict[str, Any]:
        within = self.model.within(orders, predictions)
        if not within or not self.model.intervals:
            return {}
        ends = {"low": float(within.low[0]), "high": float(within.high[0])}
        return {"prediction_interval": {**ends, "coverage": self.model.intervals.coverage}}

    def _signed(self, orders: Orders, outside: Outside | None) -> dict[str, Any]:
        warnings = [*self.schema.unseen(orders), *(outside.warnings if outside else ())]
        return {"model": self.signature, "warnings": warnings}

    @cached_property
    def signature(self) -> dict[str, Any]:
        """Which model answers, as every answer tells."""
        return {
            "alias": self.alias,
            "version": self.entry["version"],
            "content_hash": self.model.content_hash,
        }


class TooManyError(Exception):
    """More orders than one request may bring."""


def load(folder: Path, known: Iterable[Served] = ()) -> dict[str, Served]:
    """Return the promoted models by alias, each tried on its golden order.

    A model that is among the `known`, by content hash, is not read again. Raises PipelineError
    where there is no champion, or a model does not answer to the last bit what it answered when it
    was evaluated.
    """
    folder = folder.resolve()  # once: the link may name another folder the next moment
    in_memory = {served.model.content_hash: served.model for served in known}
    try:
        promoted = files.read_json(folder / "promoted.json")
        if not isinstance(promoted, dict):
            raise ValueError
    except FileNotFoundError:
        raise PipelineError(f"{folder} holds no promoted models: run `make repro`") from None
    except ValueError:
        raise PipelineError(f"{folder / 'promoted.json'} is cut short, or not ours") from None
    found = {alias: load_one(folder, alias, promoted, in_memory) for alias in ALIASES}
    served = {alias: one for alias, one in found.items() if one}
    if "champion" not in served:
        raise PipelineError(f"{folder} holds no champion: run `make repro`")
    return served


def load_one(
    folder: Path, alias: str, promoted: dict[str, Any], in_memory: Mapping[str, Model] | None = None
) -> Served | None:
    """Return the promoted model of an alias, tried on its golden order; None where there is none.

    Raises PipelineError as `load` does.
    """
    entry = promoted.get(alias)
    if entry is None:
        return None
    loaded = (in_memory or {}).get(entry["content_hash"]) or saved.load(folder / alias)
    if loaded.content_hash != entry["content_hash"]:
        raise PipelineError(f"{folder / alias} is not the model that was promoted")
    schema = OrderSchema(loaded.featuriser)
    evaluation = read_if_there(folder / EVALUATION / f"{alias}.json")
    served = Served(alias, promoted["model_name"], loaded, schema, entry, evaluation)
    _try(served)
    return served


def stamp(folder: Path) -> tuple[int, int]:
    """Return what changes when other models are promoted: which file promoted.json is, and its age.

    Raises OSError where there is none.
    """
    about = (folder / "promoted.json").stat()
    return about.st_ino, about.st_mtime_ns


def read_if_there(path: Path) -> dict[str, Any] | None:
    """Return a JSON file's content; None where an older export has no such file."""
    return files.read_json(path) if path.is_file() else None


def _try(served: Served) -> None:
    golden = served.entry["golden"]
    order = served.schema.one(json.dumps(golden["order"]))
    answer = float(served.model.predict(order)[0])
    if answer != golden["prediction"]:
        raise PipelineError(
            f"the {served.alias} answers its golden row with {answer!r}, "
            f"evaluated it was {golden['prediction']!r}"
        )
