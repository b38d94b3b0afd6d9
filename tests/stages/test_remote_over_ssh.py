"""A DVC remote over SSH, for real: a server of asyncssh on loopback that takes one key."""

import asyncio
import sys
import threading
from pathlib import Path

import asyncssh
import pytest

from sales.errors import PipelineError
from stages import remote
from tests import patience
from tests.remotes import dvc, lose

pytestmark = pytest.mark.team


class OneKey(asyncssh.SSHServer):
    """Lets in whoever has the key."""

    def __init__(self, key: asyncssh.SSHKey) -> None:
        self.key = key

    def begin_auth(self, username):  # noqa: ARG002
        return True

    def public_key_auth_supported(self):
        return True

    def validate_public_key(self, username, key):  # noqa: ARG002
        return key == self.key.convert_to_public()


@pytest.fixture
def host(tmp_path):
    """Return the address of a folder on the server, and the file of the key that it takes."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(str(tmp_path / "key"))
    own = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def listen():
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[own],
            server_factory=lambda: OneKey(key),
            sftp_factory=asyncssh.SFTPServer,
        )

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(patience.SECONDS)
    yield f"ssh://ann@127.0.0.1:{server.get_port()}{tmp_path}/store", tmp_path / "key"

    async def end():
        server.close()
        await server.wait_closed()

    asyncio.run_coroutine_threadsafe(end(), loop).result(patience.SECONDS)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_what_one_pushes_another_one_pulls(project, host, tmp_path, monkeypatch):
    url, key = host
    (tmp_path / "store").mkdir()
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setattr(sys, "argv", ["remote", "name", url])
    dvc("init", "--quiet", "--no-scm")
    Path("model.txt").write_text("a model")
    dvc("add", "--quiet", "model.txt")
    remote.main()
    dvc("remote", "modify", "--local", remote.NAME, "allow_agent", "false")

    monkeypatch.setattr(sys, "argv", ["remote", "push"])
    other = asyncssh.generate_private_key("ssh-ed25519")
    other.write_private_key(str(tmp_path / "other"))
    dvc("remote", "modify", "--local", remote.NAME, "keyfile", str(tmp_path / "other"))
    with pytest.raises(PipelineError, match=r"^not all was pushed, see above$"):
        remote.main()
    assert not [path for path in (tmp_path / "store").rglob("*") if path.is_file()]

    dvc("remote", "modify", "--local", remote.NAME, "keyfile", str(key))
    remote.main()
    lose("model.txt")
    monkeypatch.setattr(sys, "argv", ["remote", "pull"])
    remote.main()
    assert Path("model.txt").read_text() == "a model"
