"""A DVC remote on Google Cloud Storage, for real but for Google: its API here, and a key file."""

import sys
from pathlib import Path

import pytest

from sales.errors import PipelineError
from stages import remote
from tests import google_storage
from tests.remotes import dvc, lose

pytestmark = pytest.mark.team
LARGE = 6 * 2**20  # bytes; gcsfs sends what has 5 MB in pieces


@pytest.fixture
def team(monkeypatch):
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    # gcsfs asks of each bucket what kind it is, by a protocol that only Google's own hosts speak.
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    with google_storage.bucket() as server:
        yield server


def test_what_one_pushes_another_one_pulls(project, team, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["remote", "name", "gs://team/models"])
    dvc("init", "--quiet", "--no-scm")
    contents = {"model.txt": b"a model", "large.bin": bytes(range(256)) * (LARGE // 256), "no": b""}
    for name, content in contents.items():
        Path(name).write_bytes(content)
        dvc("add", "--quiet", name)
    remote.main()
    dvc("remote", "modify", "--local", remote.NAME, "endpointurl", team.url)

    monkeypatch.setattr(sys, "argv", ["remote", "push"])
    for who in (google_storage.MEMBER, "bob@elsewhere.example"):
        team.account(who, tmp_path / who)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / who))
    with pytest.raises(PipelineError, match=r"^not all was pushed, see above$"):
        remote.main()
    assert team.objects == {}

    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / google_storage.MEMBER))
    remote.main()
    assert sorted(team.objects.values()) == sorted(contents.values())
    assert all(name.startswith("models/files/md5/") for name in team.objects)
    lose(*contents)
    monkeypatch.setattr(sys, "argv", ["remote", "pull"])
    remote.main()
    assert {name: Path(name).read_bytes() for name in contents} == contents
