"""The commit, and files back from DVC's cache, against DVC and git themselves."""

import contextlib
import os
import shutil
import subprocess

import pytest

from sales import files
from sales.errors import PipelineError
from sales.registry import provenance
from tests.small_project import sh

IDENTITY = ("-c", "user.name=test", "-c", "user.email=test@example.org")


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """Return a repository in which a stage has made a folder; every test copies it."""
    folder = tmp_path_factory.mktemp("repository")
    with contextlib.chdir(folder):
        sh("git", "init", "--quiet")
        sh("dvc", "init", "--quiet")
        stage = "python -c \"import pathlib as p; f = p.Path('made/in'); f.mkdir(parents=True); "
        stage += "(f / 'ä').write_text('one'); p.Path('made/two').write_text('two')\""
        sh("dvc", "stage", "add", "--quiet", "-n", "make", "-o", "made", stage)
        sh("dvc", "repro", "--quiet")
    return folder


@pytest.fixture
def tracked(repository, tmp_path, monkeypatch):
    """Change into a copy of it; return the folder that was made."""
    shutil.copytree(repository, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "made"


def test_a_folder_comes_back_from_dvcs_cache(tracked, tmp_path):
    md5 = provenance.dvc_md5(tracked.relative_to(tmp_path))
    assert md5
    assert md5.endswith(".dir")
    assert provenance.restore(md5, tmp_path / "back", provenance.cache_folder())
    assert files.content_hash(tmp_path / "back") == files.content_hash(tracked)


@pytest.mark.parametrize("lost", ["listing", "file"])
def test_what_the_cache_has_lost_is_not_made_up(tracked, tmp_path, lost):
    md5 = provenance.dvc_md5(tracked.relative_to(tmp_path)) or ""
    cache = provenance.cache_folder()
    for kept in (cache / "files/md5").glob("*/*"):
        if kept.name.endswith(".dir") == (lost == "listing"):
            kept.unlink()
            break
    assert not provenance.restore(md5, tmp_path / "back", cache)
    assert not (tmp_path / "back").exists()


def test_an_output_that_no_stage_has_made_has_no_hash(tracked, tmp_path):
    assert provenance.dvc_md5(tmp_path / "other") is None
    assert provenance.dvc_md5(tracked, tmp_path / "no.lock") is None


def test_the_commit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance.git_commit() == ""
    sh("git", "init", "--quiet")
    assert provenance.git_commit() == ""
    who = ("-c", "user.name=A", "-c", "user.email=a@b.c")
    subprocess.run(["git", *who, "commit", "--quiet", "--allow-empty", "-m", "first"], check=True)
    assert provenance.git_commit() == sh("git", "rev-parse", "HEAD").strip()
    monkeypatch.setenv("PATH", "")
    assert provenance.git_commit() == ""


def test_the_commit_of_a_folder_that_another_user_owns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sh("git", "init", "--quiet")
    sh("git", *IDENTITY, "commit", "--quiet", "--allow-empty", "--message", "one")
    expected = sh("git", "rev-parse", "HEAD").strip()
    try:
        for path in (tmp_path, *tmp_path.rglob("*")):
            os.chown(path, 12345, -1)
    except PermissionError:
        pytest.skip("giving a folder to another user needs root")
    assert "dubious ownership" in sh("git", "rev-parse", "HEAD", check=False)
    assert provenance.git_commit() == expected


def test_a_git_too_old_to_be_told_so_says_what_to_do(tmp_path, monkeypatch):
    git = tmp_path / "git"
    git.write_text("#!/bin/sh\necho 'git config --global --add safe.directory /x' >&2; exit 128\n")
    git.chmod(0o755)
    (tmp_path / "my project").mkdir()
    monkeypatch.chdir(tmp_path / "my project")
    monkeypatch.setenv("PATH", str(tmp_path))
    told = f"git config --global --add safe.directory '{tmp_path}/my project'"
    with pytest.raises(PipelineError, match="another user owns") as refused:
        provenance.git_commit()
    assert str(refused.value).endswith(told)
