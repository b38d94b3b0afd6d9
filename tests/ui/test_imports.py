"""The page stands apart, and its container holds what it needs."""

import re
import tomllib
from importlib.metadata import packages_distributions

from tests.examples import ROOT
from tests.import_graph import libraries, reached

PAGE = reached({str(path.relative_to(ROOT)) for path in (ROOT / "ui").rglob("*.py")})
DOCKERFILE = (ROOT / "containers" / "ui.Dockerfile").read_text().replace("\\\n", " ")


def test_it_imports_neither_stages_nor_the_service_nor_what_trains():
    strange = [file for file in PAGE if not file.startswith(("ui/", "sales/"))]
    assert strange == []
    assert (
        not {"sales/models/saved.py", "sales/serving/answering.py", "sales/registry/tracking.py"}
        & PAGE
    )


def test_its_container_holds_exactly_the_domain_modules_that_it_imports():
    [copied] = re.findall(r"^COPY (sales/.*) sales/$", DOCKERFILE, re.M)
    assert set(copied.split()) == {file for file in PAGE if file.startswith("sales/")}


def test_its_dependency_group_is_exactly_what_it_imports():
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["ui"])
    by_module = packages_distributions()
    assert {by_module[name][0].lower().replace("_", "-") for name in libraries(PAGE)} == listed
