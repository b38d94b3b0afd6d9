"""A port that is taken is told in a line, before a server tries it."""

import socket

import pytest

from sales.errors import PipelineError
from stages.port import refuse_taken


@pytest.fixture
def taken():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", ""])
def test_a_port_that_is_taken(taken, host):
    with pytest.raises(PipelineError, match=f"port {taken} of .* cannot be had") as refused:
        refuse_taken(f"{host}:{taken}", "PORT")
    assert f"name another one, PORT={taken + 1} say" in str(refused.value)


def test_a_setting_that_holds_host_and_port(taken):
    with pytest.raises(PipelineError, match=f"DASK_ADDRESS=127.0.0.1:{taken + 1} say"):
        refuse_taken(f"127.0.0.1:{taken}", "DASK_ADDRESS")


def test_a_port_that_came_free_can_be_had_at_once():
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            listening.accept()[0].close()  # this end closes first: the port waits for stragglers
    refuse_taken(f"127.0.0.1:{port}", "PORT")


@pytest.mark.parametrize("port", ["", "0", "x", "-1", "65536", "3000.5"])
def test_no_port_at_all(port):
    with pytest.raises(PipelineError, match=f"PORT names a port, 1 to 65535, not '{port}'"):
        refuse_taken(f"127.0.0.1:{port}", "PORT")


def test_a_host_that_is_not_this_machine():
    with pytest.raises(PipelineError, match=r"nobody can listen at 192\.0\.2\.1:3000"):
        refuse_taken("192.0.2.1:3000", "PORT")
