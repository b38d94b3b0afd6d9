"""A test that misses PostgreSQL is skipped and says so; in CI it fails."""

import pytest

from tests import postgres


def test_where_it_is_missing_a_test_is_skipped_and_in_ci_it_fails(monkeypatch):
    monkeypatch.setattr(postgres, "_programs", lambda: None)
    monkeypatch.setenv("CI", "false")
    with (
        pytest.raises(pytest.skip.Exception, match="apt-get install postgresql"),
        postgres.started(),
    ):
        pass
    monkeypatch.setenv("CI", "true")
    with (
        pytest.raises(pytest.fail.Exception, match="apt-get install postgresql"),
        postgres.started(),
    ):
        pass
