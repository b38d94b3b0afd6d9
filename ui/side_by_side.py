"""Questions that do not depend on one another are asked at once: a slow service is waited for once.

Threads know nothing of the page: what is asked here only talks to the service, and never draws.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def answers(*questions: Callable[[], Any]) -> list[Any]:
    """Return what each question returns, in their order; all are under way at the same time.

    Raises what the first of those that failed raised, when all have ended.
    """
    with ThreadPoolExecutor(max(1, len(questions)), thread_name_prefix="asking") as pool:
        asked = [pool.submit(question) for question in questions]
    return [one.result() for one in asked]
