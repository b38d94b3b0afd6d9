"""What the image of `make container` holds, and how soon it answers: to docs/serving.md.

Bytes by package, each with what was compiled of it, as the image has them. Then how long it takes
from the command that starts a container until /readyz answers 200, and how much processor time of
it its processes take, the medians of BENCH_ROUNDS (5).
CONTAINER_BACKEND (docker) is docker or podman, IMAGE (amazon-sales:latest) the image.
"""

import json
import os
import socket
import statistics
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from bench import docs

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "serving.md"
BACKEND = os.environ.get("CONTAINER_BACKEND", "docker")
IMAGE = os.environ.get("IMAGE", "amazon-sales:latest")
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
PATIENCE = 120  # seconds until a container must be ready
TOLD = 4e6  # bytes from which a package has a line of its own
# In the image: every file below these folders, and whose it is. What was compiled of a file is its
# owner's too.
LOOK = """
import json, os, sysconfig
from importlib.metadata import distributions
from pathlib import Path
site = Path(sysconfig.get_path("purelib"))
owner = {}
for found in distributions():
    for file in found.files or ():
        owner[os.path.normpath(found.locate_file(file))] = found.metadata["Name"]
sizes = {}
def add(whose, path):
    sizes[whose] = sizes.get(whose, 0) + path.lstat().st_size
def below(folder):
    return (Path(root) / name for root, _, names in os.walk(folder) for name in names)
for path in below(site):
    source = path
    if path.parent.name == "__pycache__":
        source = path.parent.parent / (path.name.partition(".")[0] + ".py")
    add(owner.get(str(source), "packages' other files"), path)
for path in below("/home/bentoml/bento"):
    add("promoted models" if "promoted" in path.parts else "the service's own code", path)
print(json.dumps(sizes))
"""


def backend(*words: str) -> str:
    """Return what docker or podman prints."""
    done = subprocess.run([BACKEND, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"error: {BACKEND} {words[0]}: {done.stderr.strip()}")
    return done.stdout


def parts() -> tuple[int, dict[str, int]]:
    """Return the image's bytes, and those of each part; what is in none is Debian and Python."""
    whole = int(backend("image", "inspect", "--format", "{{.Size}}", IMAGE))
    seen: dict[str, int] = json.loads(backend("run", "--rm", IMAGE, "python", "-c", LOOK))
    return whole, {**seen, "Debian and Python": whole - sum(seen.values())}


def seconds_until_ready() -> tuple[float, float]:
    """Return how long a new container takes until it is ready, and of what processor time."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = time.perf_counter()
    name = backend("run", "-d", "--rm", "-p", f"127.0.0.1:{port}:3000", IMAGE).strip()
    try:
        while time.perf_counter() - start < PATIENCE:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                    return time.perf_counter() - start, _cpu_seconds(name)
            except httpx.HTTPError:
                pass
            time.sleep(0.01)
        raise SystemExit(f"error: not ready within {PATIENCE} s: {backend('logs', name)}")
    finally:
        backend("stop", "-t", "1", name)


def _cpu_seconds(name: str) -> float:
    """Return what all processes of a container have used, those that ended too."""
    ticks = 0
    for line in backend("exec", name, "sh", "-c", "cat /proc/[0-9]*/stat").splitlines():
        ticks += sum(map(int, line.rpartition(")")[2].split()[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def told(whole: int, seen: Mapping[str, int], ready: float, cpu: float) -> str:
    """Return the table, the largest part first, and how soon the image is ready."""
    large = {part: size for part, size in seen.items() if size >= TOLD}
    small = {part: size for part, size in seen.items() if size < TOLD}
    lines = ["| part | MB |", "| --- | ---: |"]
    lines += [
        f"| {part} | {large[part] / 1e6:.1f} |" for part in sorted(large, key=lambda p: -large[p])
    ]
    lines += [f"| {len(small)} smaller ones | {sum(small.values()) / 1e6:.1f} |"]
    lines += [f"| **the image** | **{whole / 1e6:.0f}** |", ""]
    said = f"Ready {ready:.1f} s after its start, of {cpu:.1f} s of processor time."
    return "\n".join([*lines, said, ""])


def main() -> None:
    """Write the table between the marks `image` of docs/serving.md, and print it."""
    whole, seen = parts()
    starts = [seconds_until_ready() for _ in range(ROUNDS)]
    table = told(whole, seen, *map(statistics.median, zip(*starts, strict=True)))
    docs.put(PAGE, "image", table)
    print(table)


if __name__ == "__main__":
    main()
