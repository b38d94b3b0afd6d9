"""Alarms posted as JSON to an address: each once, again until it is taken, but not for ever."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sales.errors import PipelineError

TRIES = 4
SECONDS = 10.0  # for one answer
PAUSE = 1.0  # before the second try, and twice as long before each one after it
AGAIN = {408, 425, 429, *range(500, 600)}  # what may pass


def checked(url: str) -> str:
    """Return the address. Raises PipelineError for one that is none.

    >>> checked("hooks.example.org")
    Traceback (most recent call last):
    sales.errors.PipelineError: ALERT_URL is no address that begins with http:// or https://
    """
    told = urllib.parse.urlsplit(url)
    if told.scheme not in ("http", "https") or not told.hostname:
        raise PipelineError("ALERT_URL is no address that begins with http:// or https://")
    return url


def content(document: Mapping[str, Any], alarms: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what is posted: a text for people, as chat programs show it, and the alarms."""
    lines = [f"{one['start'][:16].replace('T', ' ')}: {one['what']}. {one['do']}" for one in alarms]
    champion = document["champion"]
    many = f"{len(alarms)} alarm{'s' * (len(alarms) != 1)}"
    head = f"{many} of {champion['model']}, version {champion['version']}"
    return {
        "text": "\n".join([head, *lines]),
        "when": document["when"],
        "champion": champion,
        "alarms": [*alarms],
    }


def post(url: str, told: Mapping[str, Any], pause: Callable[[float], object] = time.sleep) -> str:
    """Post; return why nobody took it after all tries, empty where somebody did.

    The address itself is not told: it may hold a secret.
    """
    body = json.dumps(told, ensure_ascii=False).encode()
    request = urllib.request.Request(  # noqa: S310  # checked
        url, body, {"Content-Type": "application/json", "User-Agent": "amazon-sales-watch"}
    )
    why = ""
    for number in range(TRIES):
        if number:
            pause(PAUSE * 2 ** (number - 1))
        try:
            with urllib.request.urlopen(request, timeout=SECONDS):  # noqa: S310
                return ""
        except urllib.error.HTTPError as error:
            why = f"it answers {error.code}"
            error.close()
            if error.code not in AGAIN:
                return why
        except (OSError, ValueError) as error:  # no such host, refused, too slow, cut off
            reason = getattr(error, "reason", error)
            why = " ".join(str(reason).split()) or type(error).__name__
    return f"{why}, {TRIES} times"
