"""deploy/dashboard.json: all that it says, Grafana's own schema knows, and of the types it asks."""

import copy
import enum
import importlib
import json
import types
import typing
import warnings

import pytest

from tests.examples import ROOT

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the newer schema is still in beta
    from grafana_foundation_sdk.cog import plugins
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import Dashboard, Panel, RowPanel

BOARD = json.loads((ROOT / "deploy/dashboard.json").read_text())
PANELS = BOARD["panels"]
WIDTH = 24  # Grafana's grid
plugins.register_default_plugins()


def mistakes(board):
    """Return what Grafana's schema does not know of a dashboard, or wants to be of another type."""
    read = Dashboard.from_json(board)
    again = json.loads(JSONEncoder(sort_keys=True).encode(read))
    return [*lost(board, again), *mistyped(read)]


def lost(ours, theirs, at="dashboard"):
    """Yield what is not there any more once it was read and written."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if key in theirs:
                yield from lost(value, theirs[key], f"{at}.{key}")
            else:
                yield f"{at}.{key} is not known"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from lost(*pair, f"{at}[{number}]")
    elif ours != theirs:
        yield f"{at} is {theirs!r} once it was read"


def mistyped(read, at="dashboard"):
    """Yield the fields of an object of the schema whose values are not of the type that it has."""
    within = vars(importlib.import_module(type(read).__module__))
    for name, hint in typing.get_type_hints(type(read), within).items():
        value = getattr(read, name)
        if not fits(value, hint):
            yield f"{at}.{name} is {value!r}, not {hint}"
        for number, inner in enumerate(value if isinstance(value, list) else [value]):
            if type(inner).__module__.startswith(
                "grafana_foundation_sdk.models"
            ) and not isinstance(inner, enum.Enum):
                yield from mistyped(inner, f"{at}.{name}[{number}]")


def fits(value, hint):
    """Return whether a value is of a type; of one that is known by name only, any object is."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is object or hint is typing.Any or isinstance(hint, str | typing.ForwardRef):
        return True
    if hint is None or hint is type(None):
        return value is None
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, one) for one in inner)
    if origin is typing.Literal:
        return value in inner
    if origin is list:
        return isinstance(value, list) and all(fits(one, inner[0]) for one in value)
    if origin is dict:
        return isinstance(value, dict) and all(fits(one, inner[1]) for one in value.values())
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return value in [one.value for one in hint]
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint) if isinstance(hint, type) else True


def test_grafanas_schema_knows_all_of_it():
    assert mistakes(BOARD) == []
    read = Dashboard.from_json(BOARD)
    assert {type(panel) for panel in read.panels} == {Panel, RowPanel}


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("titel",), "Amazon", "dashboard.titel is not known"),
        (("title",), 5, "dashboard.title is 5"),
        (("panels", 1, "gridPos", "wide"), 4, "dashboard.panels[1].gridPos.wide is not known"),
        (("panels", 1, "gridPos", "w"), "4", "w is '4'"),
        (("panels", 1, "targets", 0, "query"), "up", "targets[0].query is not known"),
        (("panels", 1, "targets", 0, "expr"), None, "expr is None"),
        (("panels", 1, "options", "colour"), "red", "options.colour is not known"),
        (("panels", 1, "options", "colorMode"), "loud", "loud"),
        (("panels", 7, "fieldConfig", "defaults", "custom", "drawStyle"), "blots", "blots"),
    ],
)
def test_a_mistake_is_found(path, value, told):
    board = copy.deepcopy(BOARD)
    inner = board
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    try:
        found = mistakes(board)
    except (ValueError, TypeError) as error:
        found = [str(error)]
    assert any(told in each for each in found), found


def test_panels_have_ids_of_their_own_and_do_not_lie_on_each_other():
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    taken = set()
    for panel in PANELS:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= WIDTH
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def test_each_panel_asks_the_prometheus_that_was_chosen_for_the_service_that_was_chosen():
    chosen = {one["name"] for one in BOARD["templating"]["list"]}
    for panel in PANELS:
        for target in panel.get("targets", ()):
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert 'job="$job"' in target["expr"]
        refs = [target["refId"] for target in panel.get("targets", ())]
        assert len(set(refs)) == len(refs)
    assert chosen == {"datasource", "job"}


def test_all_that_alerts_look_at_can_be_looked_at():
    """An alert that nobody can look into wakes people for nothing."""
    from tests import test_alerts

    drawn = {
        name
        for panel in PANELS
        for target in panel.get("targets", ())
        for name in test_alerts.selectors(target["expr"])
    }
    alerted = {name for rule in test_alerts.RULES for name in test_alerts.selectors(rule["expr"])}
    assert alerted - drawn == set()
