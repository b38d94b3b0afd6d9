"""Fixtures of the stages' tests."""

from tests.trained_project import crowned, gated, three, trained  # noqa: F401
