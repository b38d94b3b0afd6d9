"""Exports are tried in a process of their own."""

import json
import shutil

import pytest

from sales.errors import PipelineError
from sales.serving import loading_check
from tests.examples import run_alone


def test_each_that_fails_is_named_with_its_reason(promoted, tmp_path):
    folder = shutil.copytree(promoted, tmp_path / "exports")
    told = json.loads((folder / "promoted.json").read_text())
    told["challenger"]["golden"]["prediction"] += 1
    (folder / "promoted.json").write_text(json.dumps(told))
    (folder / "fallback" / "model.json").write_text("{")
    found = loading_check.failing(folder, ["champion", "challenger", "fallback"])
    assert list(found) == ["challenger", "fallback"]
    assert "answers its golden row with" in found["challenger"]
    assert "cannot be loaded" in found["fallback"]
    assert loading_check.failing(folder, ["champion"]) == {}


def test_nothing_new_needs_no_trial(tmp_path):
    assert loading_check.failing(tmp_path / "nowhere", []) == {}


def test_a_trial_that_ends_early_is_told_of(tmp_path):
    with pytest.raises(PipelineError, match="could not be tried: FileNotFoundError"):
        loading_check.failing(tmp_path, ["champion"])


def test_who_asks_for_one_imports_no_model():
    _, imported = run_alone(
        "from sales.serving import loading_check", "numpy", "lightgbm", "xgboost"
    )
    assert imported == []
