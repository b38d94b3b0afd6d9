"""What time it is for the history: the machine's, or the one that a rehearsal sets.

With SALES_NOW, as in `SALES_NOW=2027-01-31T03:00:00+00:00 make retrain DRY=1`, months pass without
anyone waiting for them: by it a retraining is due, a cooldown is over and a proposal expires.
"""

import os
from datetime import UTC, datetime

from sales.errors import PipelineError

NOW = "SALES_NOW"


def now() -> datetime:
    """Return the time, with its zone. Raises PipelineError where SALES_NOW holds none.

    >>> before = now()
    >>> before <= now(), before.tzname()
    (True, 'UTC')
    """
    given = os.environ.get("SALES_NOW")
    return of(given, NOW) if given else datetime.now(UTC)


def of(text: str, where: str) -> datetime:
    """Return the time that a text tells, without a zone in UTC. Raises PipelineError for another.

    >>> of("2027-01-31T03:00:00", "example").isoformat()
    '2027-01-31T03:00:00+00:00'
    >>> of("soon", "example")
    Traceback (most recent call last):
    sales.errors.PipelineError: example is no time (2027-01-31T03:00:00+00:00 is one): soon
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        message = f"{where} is no time (2027-01-31T03:00:00+00:00 is one): {text[:60]}"
        raise PipelineError(message) from None
    return found.replace(tzinfo=found.tzinfo or UTC)
