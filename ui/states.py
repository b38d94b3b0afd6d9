"""What a person sees when there is no answer: the service down, slow, refusing; our mistakes.

People who predict are told what they can do; what only those who run the service can do is folded
beneath it.
"""

import logging
import os
import time
from collections.abc import Callable

import streamlit as st

from ui.amounts import plain
from ui.client import DownError, Service, ServiceError

LOG = logging.getLogger("ui")
RETRY_SECONDS = 2


def service() -> Service:
    """Return the service that API_URL names, by default the one of `make serve`."""
    return _service(os.environ.get("API_URL") or "http://127.0.0.1:3000")


@st.cache_resource
def _service(url: str) -> Service:
    return Service(url.rstrip("/"))


def show(view: Callable[[Service], None]) -> None:
    """Draw a view; what goes wrong is told in plain words, and in the log if it is our fault.

    What the view has drawn before stays: a view draws its title first.
    """
    asked = service()
    try:
        view(asked)
    except ServiceError as error:
        trouble(asked, error)
    except Exception:
        LOG.exception("a view failed")
        st.error(
            "This page made a mistake. Try again; if it stays, tell those who run it: the page's "
            "log says what happened.",
            icon=":material/bug_report:",
        )
        st.button("Try again", icon=":material/refresh:")


def trouble(asked: Service, error: ServiceError) -> None:
    """Say what went wrong and what the person can do; go on by itself when the service is back."""
    if not isinstance(error, DownError):
        st.error(plain(str(error)), icon=":material/error:")
        st.button("Try again", icon=":material/refresh:")
        return
    st.error(
        plain(f"{error} Nothing that you entered is lost: wait, this page goes on by itself."),
        icon=":material/cloud_off:",
    )
    st.caption("If it lasts longer than a few minutes, tell those who run the service.")
    st.button("Try again", icon=":material/refresh:")
    with st.expander("For those who run the service", icon=":material/terminal:"):
        st.markdown(f"Nothing answers at `{asked.url}`. Start it in the project's folder:")
        st.code("make repro   # once: trains and promotes the models\nmake serve", language=None)
        st.caption("Another address? Set `API_URL` and start the page again.")
    _wait_for(asked, time.monotonic())


@st.fragment(run_every=RETRY_SECONDS)
def _wait_for(asked: Service, since: float) -> None:
    # Not in the run that has just failed: one that says it is ready and fails would run for ever.
    if time.monotonic() - since > RETRY_SECONDS / 2 and asked.ready():
        st.rerun()
