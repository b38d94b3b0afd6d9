"""Hashes of private values, and where their secret is."""

import stat

import pytest

from sales.errors import PipelineError
from sales.watching import secret
from sales.watching.secret import Secret


def test_equal_values_have_equal_hashes_by_one_secret_and_column_alone():
    one = Secret(b"one")
    told = one.hashed("CustomerID", "CUST000001")
    assert told == one.hashed("CustomerID", "CUST000001")
    assert len(told) == 32
    others = {
        told,
        one.hashed("CustomerID", "CUST000002"),
        one.hashed("SellerID", "CUST000001"),
        Secret(b"two").hashed("CustomerID", "CUST000001"),
        Secret(b"").hashed("CustomerID", "CUST000001"),
        Secret(b"x" * 1000).hashed("CustomerID", "CUST000001"),
    }
    assert len(others) == 6


def test_a_folder_has_one_of_its_own_beside_it_for_its_owner_alone(tmp_path):
    address = str(tmp_path / "served")
    assert secret.of(address, b"", make=False) is None
    first = secret.of(address, b"")
    assert first == secret.of(address, b"") == secret.of(address, b"", make=False)
    assert stat.S_IMODE((tmp_path / "served.key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["served.key"]
    assert secret.of(address, b"given") == Secret(b"given")
    assert secret.of(str(tmp_path / "other"), b"") != first


def test_an_address_elsewhere_has_none_unless_it_is_given():
    assert secret.of("memory://served", b"") is None
    with pytest.raises(PipelineError, match="SERVED_KEY"):
        secret.needed("memory://served", b"")
    assert secret.needed("memory://served", b"given") == Secret(b"given")
