"""A file scored by two models: where they differ, by how much, and which is nearer to the truth."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import streamlit as st

from sales.serving import given_back
from sales.serving.request import added_columns
from ui import charts, tables
from ui.amounts import SYMBOLS, amount, error_size, plain, signed, small, words
from ui.client import RefusedError, Service
from ui.scoring import Scoring
from ui.terms import MAE, RMSE
from ui.told import Told

OTHER = "scored_by_another"
MOST = 10  # rows
LOOK_SECONDS = 0.5  # how often a running bar is drawn anew
CENT = 0.005  # of a currency: what differs by less is written the same
LEAST = 1e-4  # of other units, in parts of a usual prediction


def forget() -> None:
    """Let go of what the other model has answered, or is still answering."""
    kept: tuple[Scoring, Scoring] | None = st.session_state.pop(OTHER, None)
    if kept:
        kept[1].cancel()


def draw(service: Service, known: Told, first: Scoring, true: np.ndarray | None) -> None:
    """Draw the same rows by another model beside those of `first`, once a person asks for it."""
    kept: tuple[Scoring, Scoring] | None = st.session_state.get(OTHER)
    second = kept[1] if kept and kept[0] is first else None
    if second and second.finished:
        _beside(known, first, second, true)
        return
    if second is None and not (others := _others(service, first)):
        return
    st.header("Both models", anchor=False)
    if second is None:
        st.markdown("See where another model would have answered otherwise, row by row.")
        with st.container(horizontal=True):
            for alias in others:
                if st.button(f"Score it with the {alias} too", icon=":material/compare_arrows:"):
                    # Nothing is kept of it: it is asked for to compare, and the rows are known.
                    asked = Scoring(service, first.upload, alias, keep=False)
                    st.session_state[OTHER] = first, asked
                    _go_on(asked)
        return
    if second.running:
        _bar(second)
        st.button("Stop comparing", on_click=forget, icon=":material/stop:")
        return
    if second.failed:
        st.error(plain(second.failed), icon=":material/error:")
    with st.container(horizontal=True):
        if st.button("Go on comparing", icon=":material/play_arrow:"):
            _go_on(second)
        st.button("Do not compare", on_click=forget, icon=":material/close:")


def _others(service: Service, first: Scoring) -> list[str]:
    """Return the loaded models but the one that answered; none where the service does not tell."""
    try:
        models: list[dict[str, Any]] = service.models()["registered_models"]
    except RefusedError:
        return []
    return [one["alias"] for one in models if one["content_hash"] != first.content_hash]


def _go_on(second: Scoring) -> None:
    second.start()
    second.wait(LOOK_SECONDS)  # a small file needs no bar
    st.rerun()


@st.fragment(run_every=LOOK_SECONDS)
def _bar(second: Scoring) -> None:
    if not second.running:
        st.rerun()
    st.progress(
        second.done / second.rows,
        f"{second.done:,} of {second.rows:,} rows by the {second.alias}",
    )


def _beside(known: Told, first: Scoring, second: Scoring, true: np.ndarray | None) -> None:
    target, unit = known.schema["target"], known.unit
    name = first.predicted(target)
    one, other = (run.added()[name].to_numpy() for run in (first, second))
    st.header("Both models", anchor=False)
    st.markdown(plain(said((first.alias, second.alias), one, other, unit)))
    shown = compared(one, other, true, unit)
    shown.columns = [
        "On these rows",
        first.alias.capitalize(),
        second.alias.capitalize(),
        "Difference",
    ]
    tables.draw("both_models", shown.map(plain), alt="Both models on this file")
    if np.nanmax(np.abs(other - one)) >= least(one, unit):
        title = f"{second.alias.capitalize()} − {first.alias}" + (f" ({unit})" if unit else "")
        st.altair_chart(
            charts.histogram(charts.binned(other - one), title),
            key="both_models",
            alt=f"Histogram: {title}, row by row",
        )
        st.markdown("**Where they differ most**")
        tables.draw("apart", _apart(first, second, one, other, true, unit), alt="Where they differ")
    with st.container(horizontal=True):
        st.download_button(
            "Download with both",
            lambda: file(first, second, target),
            first.upload.scored_name,
            icon=":material/download:",
            on_click="ignore",
        )
        st.button("End the comparison", on_click=forget, icon=":material/close:")
    st.caption(
        plain(
            f"The {words(target).lower()} by the {second.alias}, and the difference, follow at "
            "the end of each row."
        )
    )


def said(names: tuple[str, str], one: np.ndarray, other: np.ndarray, unit: str | None) -> str:
    """Return in a sentence or two how the second model's predictions differ from the first's.

    >>> said(("champion", "challenger"), np.array([5.0, np.nan]), np.array([5.001, 1.0]), "$")
    'The challenger says the same as the champion, on every row.'
    """
    (first, second), both = names, np.isfinite(one) & np.isfinite(other)
    apart, shown = (other - one)[both], least(one[both], unit)
    size = np.abs(apart)
    if not len(size) or float(size.max()) < shown:
        return f"The {second} says the same as the {first}, on every row."
    half, most = (error_size(float(each), unit) for each in (np.median(size), size.max()))
    more, less = (int(np.sum(sign * apart >= shown)) for sign in (1, -1))
    rows = f"{len(apart):,} row{'s'[: len(apart) != 1]}"
    return (
        f"The {second} differs from the {first} by {half} or less on half of the rows, and by "
        f"{most} at most. It says more on {more:,} of {rows}, less on {less:,}."
    )


def least(predicted: np.ndarray, unit: str | None) -> float:
    """Return the least difference that is seen where predictions like these are written."""
    usual = np.abs(predicted[np.isfinite(predicted)])
    return CENT if unit in SYMBOLS or not len(usual) else LEAST * float(np.median(usual))


def compared(
    one: np.ndarray, other: np.ndarray, true: np.ndarray | None, unit: str | None
) -> pd.DataFrame:
    """Return what both models come to on the rows that both have answered.

    The last column is the second one's difference. How far they are off, and how often each is the
    nearer one, is told of the rows whose truth is there.
    """
    both = np.isfinite(one) & np.isfinite(other)
    a, b = one[both], other[both]
    rows = (
        [_row("Average prediction", float(np.mean(a)), float(np.mean(b)), unit)] if len(a) else []
    )
    known = both & np.isfinite(true) if true is not None else np.zeros(len(one), bool)
    if true is not None and known.any():
        off = [each[known] - true[known] for each in (one, other)]
        for term, size in (
            (RMSE, lambda each: float(np.sqrt(np.mean(each**2)))),
            (MAE, lambda each: float(np.mean(np.abs(each)))),
        ):
            rows.append(_row(term.said, size(off[0]), size(off[1]), unit, error=True))
        near = np.abs(off[0]) - np.abs(off[1])  # above 0 where the second is nearer
        shares = [100 * float(np.mean(sign * near > 0)) for sign in (-1, 1)]
        nearer, other_nearer = (f"{small(share, 1)} % of rows" for share in shares)
        rows.append(("Nearer to the truth", nearer, other_nearer, ""))
    return pd.DataFrame(rows, columns=range(4))


def _row(
    label: str, one: float, other: float, unit: str | None, *, error: bool = False
) -> tuple[str, str, str, str]:
    write = error_size if error else amount
    digits = 4 if error and 0 < abs(other - one) < 1 else None
    return label, write(one, unit), write(other, unit), signed(other - one, unit, digits)


def _apart(
    first: Scoring,
    second: Scoring,
    one: np.ndarray,
    other: np.ndarray,
    true: np.ndarray | None,
    unit: str | None,
) -> pd.DataFrame:
    """Return the rows on which the models differ most, the widest apart first."""
    rows = []
    for place in places(one, other):
        truth = [] if true is None else [true[place]]
        told = [*truth, one[place], other[place]]
        cells = [plain(amount(value, unit)) if np.isfinite(value) else "" for value in told]
        by = plain(signed(other[place] - one[place], unit))
        rows.append((str(first.upload.rows[place]), *cells, by))
    names = [first.alias.capitalize(), second.alias.capitalize(), "Difference"]
    return pd.DataFrame(rows, columns=["Row", *([] if true is None else ["True"]), *names])


def places(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the places of the rows that are widest apart; a row that lacks either is none.

    >>> places(np.array([1.0, 2.0, np.nan, 4.0]), np.array([1.5, 9.0, 3.0, 4.0])).tolist()
    [1, 0, 3]
    """
    apart = np.abs(other - one)
    order = np.argsort(-np.nan_to_num(apart, nan=-1.0), kind="stable")[:MOST]
    return order[np.isfinite(apart[order])]


def table(first: Scoring, second: Scoring, target: str) -> pa.Table:
    """Return the scored file with the other model's columns at its end, and the difference.

    They are named after the model: `PredictedTotalAmountChallenger`, `predicted_price_challenger`.
    """
    found = first.table()
    capital = target[:1].isupper()
    name, *bounds = added_columns(target)
    added = second.added()

    def named(column: str, what: str) -> str:
        return f"{column}{what.capitalize()}" if capital else f"{column}_{what}"

    more = {
        named(column, second.alias): added[column]
        for column in (name, *bounds)
        if column in added.column_names
    }
    apart = added[name].to_numpy() - first.added()[name].to_numpy()
    more[named(name, "difference")] = pa.array(apart, from_pandas=True)
    for column, values in more.items():
        if column in found.column_names:
            found = found.drop_columns([column])
        found = found.append_column(column, values)
    return found


def file(first: Scoring, second: Scoring, target: str) -> bytes:
    """Return the file with both models' answers, in the format in which it came."""
    found = table(first, second, target)
    since = found.column_names.index(first.added().column_names[0])
    return given_back.written(found, first.upload.kind, found.column_names[since:])
