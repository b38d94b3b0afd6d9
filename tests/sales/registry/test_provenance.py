"""The commit, and files back from DVC's cache, against DVC and git themselves."""

import subprocess

import pytest

from sales import files
from sales.registry import provenance
from tests.small_project import sh


@pytest.fixture
def tracked(tmp_path, monkeypatch):
    """Change into a repository in which a stage has made a folder; return the folder."""
    monkeypatch.chdir(tmp_path)
    sh("git", "init", "--quiet")
    sh("dvc", "init", "--quiet")
    stage = "python -c \"import pathlib as p; f = p.Path('made/in'); f.mkdir(parents=True); "
    stage += "(f / 'ä').write_text('one'); p.Path('made/two').write_text('two')\""
    sh("dvc", "stage", "add", "--quiet", "-n", "make", "-o", "made", stage)
    sh("dvc", "repro", "--quiet")
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
