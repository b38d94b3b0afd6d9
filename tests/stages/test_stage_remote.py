"""`make remote`, `make push` and `make pull`: what is said where something is missing.

That a fresh clone pulls what was pushed, and trains nothing, is in tests/test_end_to_end.py.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sales.errors import PipelineError
from stages import remote
from tests.examples import ROOT

LOCAL, SHARED = Path(".dvc/config.local"), Path(".dvc/config")


@pytest.fixture(scope="module")
def initialised(tmp_path_factory) -> Path:
    """Return a repository of DVC that has no remote; every test copies it."""
    folder = tmp_path_factory.mktemp("initialised")
    command = [sys.executable, "-m", "dvc", "init", "--quiet", "--no-scm"]
    subprocess.run(command, cwd=folder, env={**os.environ, "DVC_NO_ANALYTICS": "1"}, check=True)
    return folder


@pytest.fixture
def repo(project, initialised, monkeypatch) -> Path:
    """Change into a copy of it."""
    shutil.copytree(initialised, project, dirs_exist_ok=True)
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    return project


def run(monkeypatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["remote", *words])
    remote.main()


def test_it_is_named_for_all_or_for_this_clone_alone(repo, monkeypatch, capsys):
    run(monkeypatch, "name", "s3://team/models")
    assert "url = s3://team/models" in SHARED.read_text()
    assert not LOCAL.exists()
    assert remote.named() == "s3://team/models"
    assert "commit it, and every clone knows: git add .dvc/config" in capsys.readouterr().out
    run(monkeypatch, "--local", "--", "name", str(repo / "elsewhere"))
    assert "elsewhere" not in SHARED.read_text()
    assert remote.named() == str(repo / "elsewhere")
    run(monkeypatch, "name", "s3://team/others")  # another one in its place
    assert SHARED.read_text().count("url") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["name", ""], r"^say where: make remote URL=s3://bucket/path, or gs://, ssh://, or"),
        (["name", "ssh://ann:sesame@host/models"], r"^URL holds a password: take it out, as git"),
        (["name", "azure://team/models"], r"^azure:// is not a remote that the lock knows, but s3"),
        (["push"], r"^no remote is named yet: make remote URL=s3://bucket/path$"),
        (["pull"], r"^no remote is named yet"),
    ],
)
def test_what_is_missing_or_wrong_is_told_in_a_line(repo, monkeypatch, words, message):
    before = SHARED.read_text()
    with pytest.raises(PipelineError, match=message) as caught:
        run(monkeypatch, *words)
    assert "sesame" not in str(caught.value)
    assert SHARED.read_text() == before
    assert not LOCAL.exists()


@pytest.fixture
def lacking(repo, monkeypatch):
    """Return a function: the package of a kind is missing, and uv is one that ends with a code."""
    find = importlib.util.find_spec

    def lack(kind, exit_code):
        missing = f"dvc_{kind}"
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name: None if name == missing else find(name)
        )
        if exit_code is None:  # no uv
            monkeypatch.setenv("PATH", str(repo))
            return
        (repo / "uv").write_text(f'#!/bin/sh\necho "uv $*"\nexit {exit_code}\n')
        (repo / "uv").chmod(0o755)
        monkeypatch.setenv("PATH", f"{repo}:{os.environ['PATH']}")

    return lack


@pytest.mark.parametrize("kind", ["gs", "ssh", "s3"])
def test_what_a_kind_needs_is_brought_from_the_lock(repo, lacking, capfd, kind):
    lacking(kind, 0)
    remote.bring(f"{kind}://team/models")
    assert capfd.readouterr().out.splitlines() == [
        f"{kind}: installing what DVC needs for it (the group remote-{kind} of uv.lock)",
        f"uv sync --frozen --inexact --quiet --group remote-{kind}",
    ]
    remote.bring(str(repo))  # a folder needs nothing
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("exit_code", [2, None])
@pytest.mark.parametrize("kind", ["gs", "ssh"])
def test_what_cannot_be_brought_is_named_in_a_line(repo, lacking, monkeypatch, kind, exit_code):
    lacking(kind, exit_code)
    why = (
        rf"^dvc-{kind}, by which DVC reaches {kind}://, is not installed: "
        rf"\.venv/bin/uv sync --inexact --group remote-{kind}$"
    )
    before = SHARED.read_text()
    with pytest.raises(PipelineError, match=why):
        run(monkeypatch, "name", f"{kind}://team/models")
    assert SHARED.read_text() == before  # and no remote is named that cannot be reached
    SHARED.write_text(
        f"[core]\n    remote = storage\n['remote \"storage\"']\n    url = {kind}://team/models\n"
    )
    for what in ("push", "pull"):  # as in another one's clone, which was told by git
        with pytest.raises(PipelineError, match=why):
            run(monkeypatch, what)


def test_the_lock_has_a_group_for_each_kind():
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    for kind in filter(None, remote.KINDS.values()):
        [package] = groups[f"remote-{kind}"]
        assert package.startswith(f"dvc-{kind}>=")


def test_dvc_that_could_not_says_so(repo, monkeypatch):
    Path("a.txt").write_text("a")
    subprocess.run([sys.executable, "-m", "dvc", "add", "--quiet", "a.txt"], check=True)
    (repo / "file").touch()
    run(monkeypatch, "name", str(repo / "file" / "below"))
    with pytest.raises(PipelineError, match=r"^not all was pushed, see above$"):
        run(monkeypatch, "push")
