"""What the service last told of its model and data: a view is drawn from it even when it is down.

Kept for each person's session, so that form and title stay when an answer fails.
"""

import contextlib
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from sales.contract import Called, Column
from ui import form, side_by_side
from ui.amounts import model_name, plain
from ui.client import RefusedError, Service, ServiceError

KEPT = "told"


@dataclass(frozen=True)
class Told:
    """The schema of an order, the data's picture and the model that answers.

    `failed` is why they could not be asked for now: they are then those of the last time.
    """

    url: str
    schema: dict[str, Any]
    picture: dict[str, Any]
    model: dict[str, Any]
    kept: dict[str, Any]  # what the service keeps of what it answers; empty where it does not tell
    failed: ServiceError | None = None

    @property
    def fields(self) -> dict[str, Column]:
        """The columns that an order must bring."""
        return form.fields_of(self.schema)

    @property
    def called(self) -> Called:
        """What people call the rows; plain words where the export does not tell."""
        return Called(**self.picture["called"])

    @property
    def unit(self) -> str | None:
        """What the target is measured in; None where the export does not tell."""
        return self.picture["target"]["unit"]

    def unit_of(self, column: str) -> str | None:
        """Return what a column is measured in, as far as the model asks for it."""
        if column == self.schema["target"]:
            return self.unit
        known = self.fields.get(column)
        return known.unit if known else self.picture.get("units", {}).get(column)


def ask(service: Service, *, anew: bool = True) -> Told:
    """Return what the service tells now, or told last where it does not answer.

    Without `anew` it is only asked for what it has not told this person yet. Raises ServiceError
    where it does not answer and has told nothing yet.
    """
    known = last(service)
    if known is not None and not anew:
        return known
    try:
        schema, picture, model, kept = side_by_side.answers(
            service.schema,
            lambda: _picture(service),
            lambda: _model(service),
            lambda: _kept(service),
        )
    except ServiceError as error:
        if known is None:
            raise
        return replace(known, failed=error)
    found = Told(service.url, schema, picture, model, kept)
    st.session_state[KEPT] = found
    return found


def last(service: Service) -> Told | None:
    """Return what the service told this person last."""
    known: Told | None = st.session_state.get(KEPT)
    return known if known is not None and known.url == service.url else None


def once(service: Service) -> None:
    """Let this person's session know what the service tells, if it does not yet and it answers.

    A view has been drawn by then: it has said what went wrong, if anything did.
    """
    if last(service) is None:
        with contextlib.suppress(Exception):
            ask(service)


def title() -> str:
    """Return what the project is called; a plain word as long as the service has not told."""
    known: Told | None = st.session_state.get(KEPT)
    return (known.called if known else Called()).title


def who_answers(model: dict[str, Any]) -> None:
    """Say which model answers; its exact name on a pointer's hover."""
    if not model:
        return
    st.caption(plain(f"The {model['alias']} answers now: {_in_words(model)}"), help=exactly(model))


def what_is_kept(known: Told) -> None:
    """Say what the service keeps of what is sent here; nothing where it keeps nothing."""
    kept = known.kept
    if not kept.get("kept"):
        return
    part = "" if kept["share"] == 1 else f" a share of {kept['share']:.0%} of"
    private = ", ".join(kept["private"])
    hidden = f" Of {private} no more than a code that only they can look up." if private else ""
    rows = known.called.rows
    st.caption(
        plain(
            f"Those who run the service keep{part} the {rows} that you send and their predictions "
            f"for {kept['days']:g} days, to see later how right these were.{hidden}"
        )
    )


def exactly(model: dict[str, Any]) -> str:
    """Return a model's exact names, for those who look for it in the registry."""
    names = {"Content hash": "content_hash", "MLflow run": "run_id", "Feature set": "feature_set"}
    return "  \n".join(f"{label}: `{model[key]}`" for label, key in names.items() if key in model)


def _in_words(model: dict[str, Any]) -> str:
    name = f"{model_name(model['model'])}, " if "model" in model else ""
    return f"{name}version {model['version']}."


def _picture(service: Service) -> dict[str, Any]:
    """Return the data's picture, or an empty one: an older export has none."""
    empty: dict[str, Any] = {"called": {}, "target": {"unit": None}, "breakdown": {}, "numeric": {}}
    try:
        return empty | service.data()
    except RefusedError:
        return empty


def _model(service: Service) -> dict[str, Any]:
    try:
        return service.answering()
    except RefusedError:
        return {}


def _kept(service: Service) -> dict[str, Any]:
    try:
        return service.kept()
    except RefusedError:  # an older service
        return {}
