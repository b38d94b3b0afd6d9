"""Which of the project's files import which, read from their syntax."""

import ast
import sys
from pathlib import Path

from tests.examples import ROOT


def imports(file: str, root: Path = ROOT) -> set[str]:
    """Return the project files that a project file names in its imports."""
    found = set()
    for node in ast.walk(ast.parse((root / file).read_text())):
        if isinstance(node, ast.ImportFrom):
            above = Path(file).parts[: -node.level] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            dotted = [module, *(f"{module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            dotted = [alias.name for alias in node.names]
        else:
            continue
        for name in dotted:
            path = name.replace(".", "/")
            found |= {f for f in (f"{path}.py", f"{path}/__init__.py") if (root / f).is_file()}
    return found


def reached(files: set[str]) -> set[str]:
    """Return `files` and all project files that run with them: imported, or a package above."""
    seen: set[str] = set()
    todo = set(files)
    while todo:
        file = todo.pop()
        seen.add(file)
        above = {f"{folder}/__init__.py" for folder in Path(file).parents}
        todo |= (imports(file) | {f for f in above if (ROOT / f).is_file()}) - seen
    return seen


def is_empty(file: str) -> bool:
    """Return whether a module holds a docstring and no code: no result can depend on it."""
    body = ast.parse((ROOT / file).read_text()).body
    return all(isinstance(node, ast.Expr) for node in body)


def libraries(files: set[str]) -> set[str]:
    """Return the top-level packages from outside the project that the files import."""
    found = set()
    for file in files:
        for node in ast.walk(ast.parse((ROOT / file).read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
            elif isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
    return {name for name in found if not (ROOT / name).exists()} - set(sys.stdlib_module_names)
