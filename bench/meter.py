"""Runs a Python command and appends what it cost to the file METER_LOG: a JSON object a line.

bench/pipeline.py puts it in the place of `python` for `dvc repro`, so that the stages are measured
as DVC runs them.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def main() -> None:
    """Run the rest of the command line by this Python; exit as it does."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *sys.argv[1:]])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # over, but still in /proc
    wall = time.perf_counter() - start
    io = dict(line.split(": ") for line in _read(Path(f"/proc/{process.pid}/io")))
    _, status, used = os.wait4(process.pid, 0)
    cost = {
        "command": " ".join(sys.argv[1:]).removeprefix("-m "),
        "wall_s": round(wall, 3),
        "cpu_s": round(used.ru_utime + used.ru_stime, 3),
        "peak_mb": round(used.ru_maxrss / 1024, 1),
        "written_mb": round(int(io.get("wchar", 0)) / 1e6, 3),
    }
    with Path(os.environ["METER_LOG"]).open("a") as log:
        log.write(json.dumps(cost) + "\n")
    sys.exit(os.waitstatus_to_exitcode(status))


def _read(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.is_file() else []


if __name__ == "__main__":
    main()
