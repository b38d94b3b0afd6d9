"""The transcript of the first hour: whose environment it sees, what it asks, what it writes."""

import json
import shlex
import sys

import pytest

from bench import first_hour
from tests.examples import PUBLISHED_ORDER, ROOT


def test_a_new_user_has_nothing_of_this_shell(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{ROOT}/.venv/bin:/usr/bin:/bin")
    monkeypatch.setenv("SALES_STATE", "elsewhere")
    monkeypatch.setenv("UV_PROJECT_ENVIRONMENT", ".venv")
    monkeypatch.setenv("PIP_DEFAULT_TIMEOUT", "60")
    env = first_hour.environment(tmp_path)
    assert env["PATH"] == "/usr/bin:/bin"
    assert env["HOME"] == str(tmp_path)
    assert env["PYTHON"] == sys.executable
    assert env["PIP_DEFAULT_TIMEOUT"] == "60"  # how this machine reaches PyPI
    assert not {"SALES_STATE", "UV_PROJECT_ENVIRONMENT", "PUBLIC_DATA"} & set(env)


def test_it_asks_what_the_readme_asks():
    words = shlex.split(first_hour.predict_line(1234))
    assert words[:3] == ["curl", "-s", "localhost:1234/predict"]
    assert json.loads(words[-1]) == PUBLISHED_ORDER


def test_a_step_that_fails_stops_it_with_what_was_said(tmp_path, capsys):
    steps = first_hour.Steps(tmp_path, {"PATH": "/usr/bin:/bin"})
    assert steps.run("echo said", "shown") == "said\n"
    with pytest.raises(SystemExit, match="error: `echo why; exit 3` failed:\nwhy"):
        steps.run("echo why; exit 3")
    assert [line for line, _ in steps.rows] == ["shown", "echo why; exit 3"]


def test_the_report_tells_each_step_and_their_sum(tmp_path):
    steps = first_hour.Steps(tmp_path, {})
    steps.rows = [("git clone", 1.04), ("make setup", 50.0)]
    told = first_hour.report(steps, '{"price": 1}', "model")
    assert "| `git clone` | 1.0 |\n| `make setup` | 50.0 |\n| **together** | **51.0** |" in told
    assert '```json\n{"price": 1}\n```' in told
    assert "Python" in told.splitlines()[0]
