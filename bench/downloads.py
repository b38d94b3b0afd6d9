"""What `make setup` downloads, bytes by package: to docs/speed.md.

By uv.lock, whose wheels have a size each, for this machine's Python and system; nothing is asked
for. The tools for development (group `dev`) are told apart from what the pipeline, the service and
the page need.
"""

import subprocess
import tomllib
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.tags import sys_tags
from packaging.utils import parse_wheel_filename

from bench import docs

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "speed.md"
TOLD = 4e6  # bytes from which a package has a line of its own


def wanted(*options: str) -> set[str]:
    """Return the packages that uv.lock has for this machine."""
    command = ["uv", "export", "--quiet", "--frozen", "--no-hashes", "--no-header", "--no-annotate"]
    done = subprocess.run(
        [*command, *options], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = set()
    for line in done.stdout.splitlines():
        requirement, _, marker = line.partition(" ; ")
        if "==" in requirement and (not marker or Marker(marker).evaluate()):
            found.add(requirement.partition("==")[0].partition("[")[0])
    return found


def sizes(lock: dict[str, Any], packages: set[str]) -> dict[str, int]:
    """Return the bytes of the file of each package that is taken here: a wheel, else its source."""
    best = {tag: place for place, tag in enumerate(sys_tags())}
    found = {}
    for package in lock["package"]:
        if package["name"] not in packages:
            continue
        fitting = []
        for wheel in package.get("wheels", ()):
            tags = parse_wheel_filename(wheel["url"].rpartition("/")[2])[3]
            places = [best[tag] for tag in tags if tag in best]
            if places:
                fitting.append((min(places), wheel["size"]))
        found[package["name"]] = min(fitting)[1] if fitting else package["sdist"]["size"]
    return found


def told(everything: dict[str, int], needed: set[str]) -> str:
    """Return the table: the large packages, those of development apart."""
    lines = ["| package | MB | for |", "| --- | ---: | --- |"]
    ordered = sorted(everything.items(), key=lambda one: -one[1])
    for name, size in ordered:
        if size >= TOLD:
            lines.append(f"| {name} | {size / 1e6:.1f} | {_purpose(name in needed)} |")
    for needs in (True, False):
        small = [size for name, size in ordered if size < TOLD and (name in needed) == needs]
        lines.append(f"| {len(small)} smaller ones | {sum(small) / 1e6:.1f} | {_purpose(needs)} |")
    whole = sum(everything.values()) / 1e6
    run = sum(size for name, size in ordered if name in needed) / 1e6
    parts = f"{whole:.0f} = {run:.0f} + {whole - run:.0f}"
    return "\n".join([*lines, f"| **{len(everything)} packages** | **{parts}** | |", ""])


def _purpose(needed: bool) -> str:
    return "run" if needed else "development"


def main() -> None:
    """Print the table, and write it between the marks `downloads` of docs/speed.md."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    table = told(sizes(lock, wanted()), wanted("--no-dev"))
    docs.put(PAGE, "downloads", table)
    print(table)


if __name__ == "__main__":
    main()
