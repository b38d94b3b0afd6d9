"""What a person sees when there is no answer: the service down, slow, refusing; our mistakes."""

import logging
import os
from collections.abc import Callable

import streamlit as st

from sales.contract import Called
from ui.amounts import plain
from ui.client import DownError, Service, ServiceError

LOG = logging.getLogger("ui")
RETRY_SECONDS = 2
TITLE_SECONDS = 60  # how long the window's title stays without being asked for


def service() -> Service:
    """Return the service that API_URL names, by default the one of `make serve`."""
    return _service(os.environ.get("API_URL") or "http://127.0.0.1:3000")


def title() -> str:
    """Return what the project is called; a plain word while the service does not tell."""
    try:
        return _title(service().url)
    except Exception:  # the view asks too, and tells the person what is wrong
        return Called().title


@st.cache_data(ttl=TITLE_SECONDS, show_spinner=False)
def _title(url: str) -> str:
    return Service(url).called(seconds=2.0).title


@st.cache_resource
def _service(url: str) -> Service:
    return Service(url.rstrip("/"))


def show(view: Callable[[Service], None]) -> None:
    """Draw a view; what goes wrong is told in plain words, and in the log if it is our fault."""
    asked = service()
    try:
        view(asked)
    except DownError as error:
        _down(asked, error)
    except ServiceError as error:
        st.error(plain(str(error)), icon=":material/error:")
        st.button("Try again", icon=":material/refresh:")
    except Exception:
        LOG.exception("a view failed")
        st.error(
            "This page made a mistake. Try again; if it stays, the page's log tells what happened.",
            icon=":material/bug_report:",
        )
        st.button("Try again", icon=":material/refresh:")


def _down(asked: Service, error: DownError) -> None:
    st.error(plain(str(error)), icon=":material/cloud_off:")
    st.markdown("Start it in a terminal, in the project's folder:")
    st.code("make repro   # once: trains and promotes the models\nmake serve", language="bash")
    st.caption("Another address? Set `API_URL` and start the page again.")
    st.caption("This page goes on by itself as soon as the service is there.")
    st.button("Try again", icon=":material/refresh:")
    _wait_for(asked)


@st.fragment(run_every=RETRY_SECONDS)
def _wait_for(asked: Service) -> None:
    if asked.ready():
        st.rerun()
