"""What is told of the data that the models learnt from: its picture, and the rows set aside."""

import shutil

import pytest

from sales import files
from tests.kept import Keeping

CELL = {"file": "may.csv", "row": 3, "column": "Tax", "value": "-1", "reason": "below 0"}
QUARANTINE = {
    "rows": 1,
    "left_out": ["City"],
    "cells": [CELL],
    "whole": [{"file": "may.csv", "row": 3, "cells": {"Tax": "-1", "Quantity": "2"}}],
}


@pytest.fixture
def exports(promoted, tmp_path):
    """Return exports beside which a row was set aside, and their picture without it."""
    folder = shutil.copytree(promoted, tmp_path / "exports")
    picture = files.read_json(folder / "data.json")
    files.write_json(folder / "data.json", {**picture, "quarantine": QUARANTINE})
    return folder, picture


def test_the_rows_set_aside_have_a_route_of_their_own(exports, tmp_path):
    folder, picture = exports
    service = Keeping(folder, tmp_path)
    assert service.ask("GET", "/quarantine").json() == QUARANTINE
    assert service.ask("GET", "/data").json() == picture  # asked for often, and small


def test_without_them_it_says_where_they_are_not(promoted, tmp_path):
    refused = Keeping(promoted, tmp_path).ask("GET", "/quarantine")
    assert refused.status_code == 404
    assert "register.quarantine_rows" in refused.json()["detail"]
