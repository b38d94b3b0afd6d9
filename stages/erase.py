"""All that is kept of one id, taken out of answered rows and truths: `make erase ID=CUST000001`.

Not a DVC stage. The id is a request's, the contract's, or a value of a private column, whose hash
is looked for. It ends when what was answered before it began is on disk and holds the id no more.
"""

import argparse
import os
import time

from sales.errors import PipelineError, run
from sales.serving.settings import kept_somewhere
from sales.watching import erasure, secret


def main() -> None:
    """Erase one id."""
    parser = argparse.ArgumentParser(prog="python -m stages.erase", description=__doc__)
    parser.add_argument("id", nargs="?", default="")
    wanted = parser.parse_args().id
    if not wanted:
        raise PipelineError("name whose rows: make erase ID=CUST000001")
    kept = kept_somewhere(os.environ)
    hashes = secret.of(kept.address, kept.key, make=False)
    done = erasure.erase(kept.address, wanted, hashes, lambda: time.sleep(1.2 * kept.seconds))
    told = "" if hashes else "; hashes were not looked for, as no secret is known here (SERVED_KEY)"
    print(f"{done.rows:,} rows and {done.truths:,} truths were erased in {kept.address}{told}")


if __name__ == "__main__":
    run(main)
