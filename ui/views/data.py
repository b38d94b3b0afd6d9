"""Data: the picture of the rows that the models learnt from, and what was set aside."""

from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from sales.contract import Column
from ui import charts, columns_seen, set_aside, side_by_side, specs, tables, terms, told, watched
from ui.amounts import is_share, plain, words
from ui.client import RefusedError, Service
from ui.folded import fold
from ui.states import show

SMALL = 200  # pixels high
MOST_FILES = 50
MOST_NAMED = 3  # of the columns that matter most, on their fold
NUMERIC = Column(role="numeric")


def view(service: Service) -> None:
    """Draw rows, quarantine, distributions and what matters most to the model that answers."""
    st.title("Data")
    with st.spinner("Asking the service …"):
        known, picture, importance, found, bad = _asked(service)
    told.who_answers(known.model)
    if picture is None:
        st.error(
            "There is no picture of the data beside these models. "
            "Those who run the service can add it: `make repro`.",
            icon=":material/error:",
        )
        return
    _rows(picture)
    _came_in(picture)
    set_aside.draw(known, picture["quarantined_by_reason"], bad)
    st.header("Columns", anchor=False)
    seen = columns_seen.table(known, picture, found)
    st.table(seen, border="horizontal", hide_index=True, alt="Kind, values and holes by column")
    if found:
        st.caption(f"Drift as `make watch` found it, {plain(watched.when(found))}.")
    st.header("Numbers", anchor=False)
    drawn = {}
    for name, bins in picture["numeric"].items():
        column = known.fields.get(name, NUMERIC)
        share = is_share(column)
        unit = "%" if share else known.unit_of(name)
        title = words(name) + (f" ({unit})" if unit else "")
        whole = column.integer
        drawn[title] = specs.of(
            *(charts.histogram, pd.DataFrame(bins), None, SMALL), whole=whole, share=share
        )
    _grid("numbers", drawn)
    if counts := picture["categorical"]:
        label = f"Categories: {len(counts)}"
        fold("categories", label, lambda: _categories(counts), ":material/bar_chart:")
    if importance is None:
        st.info(
            "There is no evaluation beside the model that answers. "
            "Those who run the service can add it: `make repro`."
        )
        return
    first = plain(", ".join(importance["feature"][:MOST_NAMED].map(words)))
    label = f"What matters most: {first}"
    fold("importance", label, lambda: _importance(known, importance), ":material/leaderboard:")


class Asked(NamedTuple):
    """What the service tells of the model, the data, what matters, what was watched, set aside."""

    known: told.Told
    picture: dict[str, Any] | None
    importance: pd.DataFrame | None
    watched: dict[str, Any] | None
    bad: dict[str, Any] | None


def _asked(service: Service) -> Asked:
    known = told.ask(service)
    if known.failed:
        raise known.failed
    picture = known.picture if "rows_in" in known.picture else None
    alias = known.schema["alias"]
    some = picture is not None and picture["quarantined_by_reason"]
    importance, found, bad = side_by_side.answers(
        lambda: _evaluated(service, alias),
        service.watched,
        service.quarantine if some else lambda: None,
    )
    return Asked(known, picture, importance, found, bad)


def _evaluated(service: Service, alias: str) -> pd.DataFrame | None:
    try:
        return pd.DataFrame(service.evaluation(alias)["importance"])
    except RefusedError:
        return None


def _rows(picture: dict[str, Any]) -> None:
    with st.container(horizontal=True):
        for term, key in (
            (terms.READ, "rows_in"),
            (terms.ACCEPTED, "rows_accepted"),
            (terms.SET_ASIDE, "rows_quarantined"),
            (terms.TRAIN, "train_rows"),
            (terms.VALID, "valid_rows"),
            (terms.TEST, "test_rows"),
        ):
            if picture[key] or term is not terms.VALID:  # with folds there are none
                st.metric(term.said, f"{picture[key]:,}", width="content", help=term.exactly)
    st.caption("One version of the data", help=f"SHA-256 `{picture['sha256']}`")


def _came_in(picture: dict[str, Any]) -> None:
    """Draw the files and what is new since the champion's data; an older export tells neither."""
    spans = picture.get("spans", [])
    if not spans:
        return
    st.header("What came in", anchor=False)
    more = picture.get("rows_since_champion")
    if more:
        st.info(
            f"{abs(more):,} rows {'more' if more > 0 else 'fewer'} than the champion's data had.",
            icon=":material/update:",
        )
    shown = sorted(spans, key=lambda span: span["since_champion"] in (None, "known"))[:MOST_FILES]
    said = {"known": "", "new": "New", "changed": "Changed", "gone": "Gone", None: ""}
    table = pd.DataFrame(
        {
            "File": [plain(span["name"]) for span in shown],
            "Rows": [f"{span['rows']:,}" for span in shown],
            "From": [span["first"] or "" for span in shown],
            "To": [span["last"] or "" for span in shown],
            "First seen": [(span["first_seen"] or "")[:10] for span in shown],
            "Since the champion": [said[span["since_champion"]] for span in shown],
        }
    )
    tables.draw("came_in", table, alt="The files that came in")
    if len(shown) < len(spans):
        st.caption(f"{len(shown)} of {len(spans):,} files: what is new or has changed comes first.")


def _categories(counts: dict[str, list[dict[str, Any]]]) -> None:
    """Draw how many rows each value of each column has."""
    drawn = {}
    for column, values in counts.items():
        name = words(column)
        labelled = (pd.DataFrame(values), "rows", "value", ("Rows", name))
        drawn[name] = specs.of(charts.bars, *labelled, form=",~d", whole=True)
    _grid("categories", drawn)


def _importance(known: told.Told, importance: pd.DataFrame) -> None:
    unit = f" ({known.unit})" if known.unit else ""
    st.caption(
        plain(
            f"How much larger the {known.schema['alias']}'s typical error gets when a column's "
            "values are shuffled"
        ),
        help="Permutation importance: RMSE added on test rows. Below zero it is chance, "
        "and drawn as nothing.",
    )
    named = importance.assign(feature=importance["feature"].map(words))
    added = f"Typical error added{unit}"
    st.vega_lite_chart(
        spec=specs.of(charts.bars, named, "importance", "feature", (added, "Column")),
        alt="What matters most, column by column",
    )


def _grid(name: str, drawn: dict[str, specs.Spec]) -> None:
    """Draw charts beside one another, each with its title in it: one element less a chart."""
    with st.container(key=f"charts_{name}"):
        for title, spec in drawn.items():
            st.vega_lite_chart(
                spec=specs.titled(spec, title), key=f"data_{title}", alt=f"Distribution of {title}"
            )


show(view)
