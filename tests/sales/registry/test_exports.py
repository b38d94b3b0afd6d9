"""What is exported is read as it was written, or not at all."""

import json

import pytest

from sales import files
from sales.registry import exports
from sales.registry.exports import Export


@pytest.fixture
def made(tmp_path):
    """Return an export of a champion with all that can be told of it."""
    folder = tmp_path / "linear_regression"
    folder.mkdir()
    (folder / "model.json").write_text("{}")
    entry = {"version": 1, "content_hash": files.content_hash(folder)}
    card = {"md": "# Card\n", "html": "<p>Card"}
    return Export(folder, entry, {"metrics": {}}, card, {"format": 1})


def same(left, right):
    return (left.entry, left.evaluation, dict(left.card), left.reference) == (
        right.entry,
        right.evaluation,
        dict(right.card),
        right.reference,
    )


def test_written_and_read(tmp_path, made):
    folder = tmp_path / "promoted"
    exports.write(folder, "regressor", {"champion": made, "challenger": None}, {"rows": 3})
    found = exports.read(folder)
    assert list(found) == ["champion"]
    assert same(found["champion"], made)
    told = json.loads((folder / "promoted.json").read_text())
    assert told == {"model_name": "regressor", "champion": made.entry, "challenger": None}
    assert json.loads((folder / "data.json").read_text()) == {"rows": 3}


def test_exports_may_change_places_in_the_very_folder(tmp_path, made):
    folder = tmp_path / "promoted"
    exports.write(folder, "regressor", {"champion": made}, None)
    now = exports.read(folder)["champion"]
    exports.write(folder, "regressor", {"challenger": now}, None)
    found = exports.read(folder)
    assert list(found) == ["challenger"]
    assert same(found["challenger"], made)
    assert sorted(p.name for p in (folder / "cards").iterdir()) == [
        "challenger.html",
        "challenger.md",
    ]


def test_an_older_export_without_evaluation_and_card(tmp_path, made):
    folder = tmp_path / "promoted"
    exports.write(
        folder, "regressor", {"champion": Export(made.folder, made.entry, None, {})}, None
    )
    found = exports.read(folder)["champion"]
    assert (found.evaluation, found.card) == (None, {})


@pytest.mark.parametrize("damage", ["changed", "more", "gone"])
def test_what_is_not_whole_is_left_out(tmp_path, made, damage):
    folder = tmp_path / "promoted"
    exports.write(folder, "regressor", {"champion": made, "challenger": made}, None)
    if damage == "changed":
        (folder / "champion/model.json").write_text("{ }")
    elif damage == "more":
        (folder / "champion/more").touch()
    else:
        (folder / "champion").rename(tmp_path / "elsewhere")
    assert list(exports.read(folder)) == ["challenger"]


def test_no_folder_no_exports(tmp_path):
    assert exports.read(tmp_path / "promoted") == {}
