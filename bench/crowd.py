"""A hundred people at once: sessions of the page that each predict, and look at models and data.

They are what a browser's tabs are to the page, without the browsers: these would need ten
gigabytes. Streamlit's own messages go over their own websockets.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import httpx
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

PROTOCOL = Subprotocol("streamlit")
SESSIONS = 100
LOOKED_AT = ("models", "data")  # after the first view
STAY = 5.0  # seconds that all stay, once the last one has seen everything
LOOK_SECONDS = 0.2
MOST_BYTES = 200_000_000  # of a message


class Session:
    """A person's tab, to the page."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._pages: dict[str, str] = {}

    async def see(self, view: str = "", query: str = "") -> float:
        """Ask for a view; return the seconds until it was sent whole."""
        message = BackMsg()
        message.rerun_script.query_string = query
        if view:
            message.rerun_script.page_script_hash = self._pages[view]
        started = time.perf_counter()
        await self._socket.send(message.SerializeToString())
        async for content in self._socket:
            told = ForwardMsg()
            told.ParseFromString(content if isinstance(content, bytes) else content.encode())
            if told.HasField("navigation"):
                pages = told.navigation.app_pages
                self._pages = {page.url_pathname: page.page_script_hash for page in pages}
            if not told.HasField("script_finished"):
                continue
            if told.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                return time.perf_counter() - started
            if told.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                break
        raise SystemExit("error: the page has failed, or ended a session: see its log")


def gathered(
    url: str, api: str, megabytes: Callable[[], float], sessions: int = SESSIONS
) -> dict[str, float]:
    """Let as many sessions come at once; return seconds, and the memory of the page's process."""
    example = httpx.get(f"{api}/schema").raise_for_status().json()["example"]
    with ThreadPoolExecutor(1) as thread:  # in this one Playwright has a loop of its own
        told = _gathered(url, urlencode(example), megabytes, sessions)
        return thread.submit(asyncio.run, told).result()


async def _gathered(
    url: str, query: str, megabytes: Callable[[], float], sessions: int
) -> dict[str, float]:
    here = url.replace("http", "ws", 1) + "/_stcore/stream"
    before, most = megabytes(), 0.0
    ended = asyncio.Event()

    async def watch() -> None:
        nonlocal most
        while not ended.is_set():
            most = max(most, megabytes())
            await asyncio.sleep(LOOK_SECONDS)

    seen: list[float] = []
    all_seen = asyncio.Barrier(sessions)

    async def person() -> None:
        async with connect(here, subprotocols=[PROTOCOL], max_size=MOST_BYTES) as socket:
            tab = Session(socket)
            times = [await tab.see(query=query)]
            times += [await tab.see(view) for view in LOOKED_AT]
            seen.extend(times)
            await all_seen.wait()
            await asyncio.sleep(STAY)

    watching = asyncio.create_task(watch())
    started = time.perf_counter()
    await asyncio.gather(*(person() for _ in range(sessions)))
    took = time.perf_counter() - started - STAY
    ended.set()
    await watching
    return {
        "sessions": sessions,
        "seconds_for_all": took,
        "view_median": sorted(seen)[len(seen) // 2],
        "mb_before": before,
        "mb_at_most": most,
    }
