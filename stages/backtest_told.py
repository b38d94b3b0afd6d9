"""Tells what `make backtest` found; not a DVC stage, it reads what the last one wrote."""

from pathlib import Path

from sales import files
from sales.errors import PipelineError, run
from sales.judging import ageing

RESULT = Path("backtest/result.json")


def main() -> None:
    """Print the curve, the habits, and from which age on a model should be trained anew."""
    if not RESULT.is_file():
        raise PipelineError("no backtest yet: make backtest")
    print(f"\n{ageing.as_text(files.read_json(RESULT))}")


if __name__ == "__main__":
    run(main)
