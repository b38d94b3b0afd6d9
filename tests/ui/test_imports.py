"""The page stands apart, and its container holds what it needs."""

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.examples import ROOT
from tests.import_graph import is_empty, libraries, reached

PAGE = reached({str(path.relative_to(ROOT)) for path in (ROOT / "ui").rglob("*.py")})
DOCKERFILE = (ROOT / "containers" / "ui.Dockerfile").read_text().replace("\\\n", " ")


def test_it_imports_of_the_project_what_a_request_is_and_no_more():
    strange = [file for file in PAGE if not file.startswith(("ui/", "sales/"))]
    assert strange == []
    rooms = {file.split("/")[1] for file in PAGE if file.count("/") > 1 and file[0] == "s"}
    assert rooms == {"contract", "data", "models", "serving"}
    below = {file for file in PAGE if file.startswith(("sales/data/", "sales/models/"))}
    readers = {file for file in below if file.startswith("sales/data/reading/")}
    assert {file for file in below - readers if not is_empty(file)} == {
        "sales/data/incoming.py",
        "sales/models/codes.py",
        "sales/models/feature_sets.py",
        "sales/models/features.py",
        "sales/models/many_levels.py",
        "sales/models/spans.py",
        "sales/models/target_encoding.py",
    }


def test_its_container_holds_exactly_the_domain_modules_that_it_imports():
    copied: set[str] = set()
    for sources, folder in re.findall(r"^COPY (sales/.*) (sales/.*)$", DOCKERFILE, re.M):
        assert {f"{Path(source).parent}/" for source in sources.split()} == {folder}
        copied |= set(sources.split())
    assert copied == {file for file in PAGE if file.startswith("sales/")}


def test_its_dependency_group_is_exactly_what_it_imports():
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["ui"])
    by_module = packages_distributions()
    assert {by_module[name][0].lower().replace("_", "-") for name in libraries(PAGE)} == listed
