"""Watch: how the served model does over time: traffic, error, coverage, drift, what to do."""

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from ui import side_by_side, specs, tables, terms, time_charts, told, watched
from ui.amounts import error_size, group, plain
from ui.client import RefusedError, Service
from ui.folded import fold
from ui.states import show

FIELD = "watched_field"
MOST_EARLIER = 50  # alarms in the list
NEVER = (
    "Nobody has looked yet at what was answered. Those who run the service can, in the project's "
    "folder; each day is a good habit."
)
WHEN_LOOKED = "Then this page shows how the model does: traffic, error, drift, and alarms."
WITHIN = "True values within their range"
CHANCE = "The dotted line: what chance alone reaches. It depends on how many rows a window has."


def view(service: Service) -> None:
    """Draw what the last `make watch` found."""
    st.title("Watch")
    with st.spinner("Asking the service …"):
        model, found = side_by_side.answers(lambda: _answering(service), service.watched)
    told.who_answers(model)
    if found is None:
        st.info(NEVER, icon=":material/visibility_off:")
        st.code("make watch", language=None)
        st.caption(WHEN_LOOKED)
        return
    _state(found)
    if not found["windows"]:
        st.info(
            plain(
                f"Since the service keeps what it answers, no {found['rows']} came. Ask it, on "
                "Predict or over HTTP, and look again:"
            ),
            icon=":material/hourglass_empty:",
        )
        st.code("make watch", language=None)
        return
    _headline(found)
    newest, earlier = watched.alarms(found)
    _alarms(newest)
    _over_time(found)
    _worst(found)
    _last_window(found)
    _earlier(earlier)
    _changes(found)
    st.caption(
        plain(
            f"Looked at {watched.when(found)}, in windows of "
            f"{'a ' if found['window'][:1].isalpha() else ''}{found['window']}. Times are UTC. Of "
            f"windows in which nothing has changed at most {found['false_alarm_pct']:g} % alarm."
        )
    )


def _answering(service: Service) -> dict[str, Any]:
    try:
        return service.answering()
    except RefusedError:
        return {}


def _state(found: dict[str, Any]) -> None:
    said = plain(watched.verdict(found))
    if found["state"] == "unknown":
        st.warning(said, icon=":material/help:")
    elif (last := watched.last(found)) and last["alarms"]:
        st.error(said, icon=":material/notifications_active:")
    elif found["windows"]:
        st.success(said, icon=":material/check:")
    if (why := watched.unjudged(found)) and why not in watched.verdict(found):
        st.caption(plain(why))


def _headline(found: dict[str, Any]) -> None:
    helps = {"Typical error": terms.RMSE.exactly, "Typical error, estimated": ESTIMATE}
    with st.container(horizontal=True):
        for label, value, beside in watched.headline(found):
            st.metric(
                label,
                plain(value),
                beside and plain(beside),
                delta_color="off",
                delta_arrow="off",
                help=helps.get(label),
                width="content",
            )


ESTIMATE = (
    "From which kinds of rows were served, and how large the model's errors are on such rows of "
    "the test data. It sees a change of the mix, not one of the truth."
)


def _alarms(newest: list[dict[str, Any]]) -> None:
    if not newest:
        return
    st.header("What to do", anchor=False)
    with st.container(key="charts_alarms"):
        for one in newest:
            with st.container(border=True):
                new = " :orange-badge[new]" if one["new"] else ""
                kind, to_do = watched.KINDS.get(one["kind"], one["kind"]), watched.to_do(one)
                said = f"**{kind}**{new}", plain(watched.what(one))
                st.markdown("\n\n".join((*said, f":material/arrow_forward: {plain(to_do)}")))


def _over_time(found: dict[str, Any]) -> None:
    traffic, changes = watched.traffic(found), watched.changes(found)
    between = traffic["start"].min(), traffic["end"].max()
    within = changes[(changes["at"] >= between[0]) & (changes["at"] <= between[1])]
    unit, promised = found["unit"], found["promised"]
    st.header("Over time", anchor=False)
    with st.container(key="charts_over_time"):
        with st.container():
            errors = watched.errors(found)
            if errors.empty:
                st.markdown("**Error**")
                st.info("No true amounts came yet, and there is no estimate either.")
            else:
                promise = promised and promised["rmse"]
                drawn = specs.of(time_charts.error, errors, unit, between, within, promise)
                text = f"Typical error: {watched.told_errors(errors, unit)}"
                kinds = errors["which"].unique()
                title = f"Error, {kinds[0].lower()}" if len(kinds) == 1 else "Error"
                st.vega_lite_chart(spec=specs.titled(drawn, title), key="error", alt=text)
        with st.container():
            coverage = watched.coverage(found)
            if coverage.empty:
                st.markdown(f"**{WITHIN}**")
                st.info("Too few true amounts came yet to tell.")
            else:
                nominal = promised and promised["nominal_coverage_pct"]
                drawn = specs.of(
                    *(time_charts.band, coverage, "Percent of the rows", between, within),
                    form=",~f",
                    promised=nominal,
                    tip=",.1f",
                )
                text = f"Within the range: the last {coverage.iloc[-1]['value']:.1f} %"
                st.vega_lite_chart(spec=specs.titled(drawn, WITHIN), key="coverage", alt=text)
    _lines_said(errors, coverage, within, found)

    def draw_traffic() -> None:
        newest = traffic.iloc[-1]["per_hour"]
        st.vega_lite_chart(
            spec=specs.of(time_charts.traffic, traffic, found["rows"], between, within),
            key="traffic",
            alt=f"Traffic over {len(traffic)} windows; the last {newest:,.1f} an hour",
        )

    fold("traffic", "Traffic", draw_traffic, ":material/bar_chart:")
    if watched.fields(found):
        draw_drift = partial(_drift, found, between, within)
        fold("drift", "Drift, field by field", draw_drift, ":material/grid_on:")
    else:
        st.info("No window was judged yet. What has moved is not known.")


def _lines_said(
    errors: pd.DataFrame, coverage: pd.DataFrame, changes: pd.DataFrame, found: dict[str, Any]
) -> None:
    """Say what the lines mean that are not the data's own: of those that are drawn."""
    promised, estimated = found["promised"], (errors["which"] == watched.ESTIMATED).any()
    said = []
    if promised and len(errors):
        promises = [error_size(promised["rmse"], found["unit"])]
        if len(coverage) and promised["nominal_coverage_pct"]:
            promises.append(f"{promised['nominal_coverage_pct']:g} %")
        said.append(f"In grey: what is promised, {' and '.join(promises)}.")
    if len(changes):
        said.append("Dashed lines: the model changed.")
    if estimated:
        said.append("Estimated where no true amounts came yet.")
    if said:
        st.caption(plain(" ".join(said)), help=ESTIMATE if estimated else None)


def _drift(found: dict[str, Any], between: time_charts.Ends, changes: pd.DataFrame) -> None:
    """Draw what every field's drift came to, and that of one that is picked over time."""
    every = watched.every_field(found)
    alarmed = every.loc[every["level"] == watched.ALARM, "field"].unique()
    st.vega_lite_chart(
        spec=specs.of(time_charts.every_field, every, between, changes),
        key="every_field",
        alt=f"Every field; with an alarm: {', '.join(alarmed) or 'none'}",
    )
    st.caption("A date moves by itself: it is shown, and never alarms.")
    names = watched.fields(found)
    field = st.selectbox("Drift of", names, format_func=watched.in_words, key=FIELD)
    table = watched.drift(found, field)
    if table.empty:
        st.info("No window tells of this field.")
        return
    newest = table.iloc[-1]
    text = f"Drift of {watched.in_words(field)}: the last {newest['distance']:.3g}"
    st.vega_lite_chart(
        spec=specs.of(time_charts.distance, table, between, changes),
        key="drift",
        alt=f"{text}, chance reaches {newest['threshold']:.3g}",
    )
    st.caption(CHANCE)


def _worst(found: dict[str, Any]) -> None:
    if not found["worst"]:
        return

    def draw() -> None:
        with st.container(key="charts_worst"):
            for one in found["worst"]:
                _moved(one)

    named = plain(", ".join(watched.in_words(one["field"]) for one in found["worst"]))
    fold("worst", f"What has moved most: {named}", draw, ":material/bar_chart:")


def _moved(one: dict[str, Any]) -> None:
    """Draw a field in training and now."""
    with st.container():
        name, far = watched.in_words(one["field"]), watched.far(one)
        badge = " :red-badge[alarm]" if one["alarm"] else ""
        st.markdown(f"**{plain(name)}**{badge}  \n:small[{plain(far)}.]")
        drawn = specs.of(
            *(time_charts.beside, watched.beside(one), ("Training", "Now")),
            ordered=one["edges"] is not None,
        )
        text = f"{name} in training and now: {far}"
        st.vega_lite_chart(spec=drawn, key=f"worst_{one['field']}", alt=text)


def _last_window(found: dict[str, Any]) -> None:
    window = watched.last(found)
    if window is None:
        return
    quality = watched.quality(window)
    if not quality.empty:
        st.header("Cells that training did not have", anchor=False)
        tables.draw("quality", quality.map(plain), alt="Missing, outside and unknown, by field")
    measured = [each for each in found["windows"] if each["error"] and each["error"]["slices"]]
    if measured:

        def draw() -> None:
            slices = watched.slices(measured[-1], found["unit"])
            slices["Group"] = slices["Group"].map(group)
            tables.draw("watched_slices", slices.map(plain), alt="Error by group, the worst first")
            st.caption(f"Of {watched.span(measured[-1])}; the worst beside its promise first.")

        fold("watched_groups", "Error by group", draw, ":material/groups:")
    if text := watched.refused(window):
        st.caption(plain(text))


def _earlier(earlier: list[dict[str, Any]]) -> None:
    if not earlier:
        return

    def draw() -> None:
        rows = [
            (watched.span(one), watched.KINDS.get(one["kind"], one["kind"]), watched.what(one))
            for one in earlier[:MOST_EARLIER]
        ]
        table = pd.DataFrame(rows, columns=["Window", "Kind", "What"]).map(plain)
        st.table(table, border="horizontal", hide_index=True, alt="Earlier alarms")
        if len(earlier) > MOST_EARLIER:
            st.caption(f"The newest {MOST_EARLIER}.")

    fold("earlier", f"Earlier alarms: {len(earlier)}", draw, ":material/history:")


def _changes(found: dict[str, Any]) -> None:
    if not found["changes"]:
        return
    st.header("The model's changes", anchor=False)
    rows = [
        (one["when"][:16].replace("T", " "), watched.change(one), one["reason"] or "")
        for one in reversed(found["changes"])
    ]
    table = pd.DataFrame(rows, columns=["At", "Model", "Why"]).map(plain)
    st.table(table, border="horizontal", hide_index=True, alt="The model's changes")


show(view)
