"""From a fresh clone to a priced order, each step timed: `make first-hour`.

The steps are the README's own: clone, set up, run, serve, ask. They see an empty home folder and
nothing of this shell but PATH, without this project's .venv; the package client's cache is that
empty home's too. Written to state/bench/first_hour.md. It starts with the standard library alone,
as a fresh machine has no other.
"""

import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / os.environ.get("SALES_STATE", "state") / "bench" / "first_hour.md"
READY_SECONDS = 120
# What a package client needs to know of this machine's way to PyPI.
NETWORK = ("PIP_", "UV_", "SSL_", "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def environment(home: Path) -> dict[str, str]:
    """Return a new user's environment."""
    inside = str(ROOT / ".venv")
    path = [part for part in os.environ["PATH"].split(":") if not part.startswith(inside)]
    kept = {k: v for k, v in os.environ.items() if k.upper().startswith(NETWORK)}
    kept.pop("UV_PROJECT_ENVIRONMENT", None)
    python = {"PYTHON": sys.executable}  # the one that `make first-hour PYTHON=...` names
    return {**kept, **python, "HOME": str(home), "PATH": ":".join(path), "LANG": "C.UTF-8"}


def predict_line(port: int) -> str:
    """Return the README's line that asks for a price, with another port."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^curl -s localhost:3000/predict .*?\}'$", text, re.DOTALL | re.MULTILINE)
    if found is None:
        raise SystemExit("error: README.md has no curl line for /predict")
    return found[0].replace("localhost:3000", f"localhost:{port}")


def machine() -> str:
    """Return the machine in a line: processors, memory, system, Python."""
    processors = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"model name\s*: (.*)", processors)
    kilobytes = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(encoding="utf-8"))
    memory = f"{int(kilobytes[1]) / 2**20:.0f} GiB" if kilobytes else "unknown memory"
    name = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return (
        f"{os.cpu_count()} × {model[1] if model else platform.machine()}, {memory}, {name}, "
        f"Python {platform.python_version()}"
    )


class Steps:
    """Runs shell lines in one folder; keeps what they were, how long they took, what they said."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder, self.env = folder, env
        self.rows: list[tuple[str, float]] = []
        self.said: list[str] = []

    def run(self, line: str, shown: str = "") -> str:
        """Run a line to its end and return what it printed; stops the whole when it fails."""
        start = time.perf_counter()
        done = subprocess.run(
            ["bash", "-c", line], cwd=self.folder, env=self.env, capture_output=True, text=True
        )
        self._took(shown or line, start)
        if done.returncode:
            raise SystemExit(f"error: `{line}` failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def _took(self, line: str, start: float) -> None:
        self.rows.append((line, time.perf_counter() - start))
        print(f"{self.rows[-1][1]:7.1f} s  {line.splitlines()[0]}", flush=True)

    def serve(self, port: int) -> subprocess.Popen[str]:
        """Start the service; return its process once it is ready."""
        start = time.perf_counter()
        process = subprocess.Popen(
            ["make", "serve", f"PORT={port}"],
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        while time.perf_counter() - start < READY_SECONDS and process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz"):
                    self._took("make serve", start)
                    return process
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        stop(process)
        raise SystemExit(f"error: the service was not ready:\n{process.communicate()[0]}")


def stop(process: subprocess.Popen[str]) -> None:
    """End a server and all that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    process.wait(30)


def report(steps: Steps, answer: str, table: str) -> str:
    """Return the transcript as Markdown."""
    lines = ["| step | seconds |", "| --- | ---: |"]
    lines += [f"| `{line.splitlines()[0]}` | {seconds:.1f} |" for line, seconds in steps.rows]
    lines += [f"| **together** | **{sum(seconds for _, seconds in steps.rows):.1f}** |", ""]
    head = f"On {machine()}; {time.strftime('%Y-%m-%d')}; commit {_commit()}."
    shown = f"`make repro` ended with\n\n```text\n{table}\n```\n\nand the service answered\n"
    return "\n".join([head, "", *lines, shown, f"```json\n{answer}\n```", ""])


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout[:-1]


def main() -> None:
    """Take the steps in a folder of their own, and write how long each took."""
    scratch = Path(tempfile.mkdtemp(prefix="first-hour-"))
    try:
        (scratch / "home").mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        steps = Steps(scratch, environment(scratch / "home"))
        steps.run(f"git clone --quiet {ROOT} amazon-sales", "git clone")
        steps.folder = scratch / "amazon-sales"
        steps.run("make setup")
        table = steps.run("make repro").rsplit("\n\n", 1)[1].rstrip()
        server = steps.serve(port)
        try:
            answer = steps.run(predict_line(port), "curl -s localhost:3000/predict ...")
        finally:
            stop(server)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(report(steps, answer, table), encoding="utf-8")
    print(f"\n{table}\n\n{answer}\n\nwritten to {REPORT}")


if __name__ == "__main__":
    main()
