"""Who may switch models: whoever has the administrator's token; without one, this machine alone.

A proxy on this machine makes every client look like this machine, and a web page elsewhere can
have its visitor's browser ask: the address alone proves nothing.
"""

import hmac
import re

from starlette.requests import Request

from sales.serving.refusals import RefusedError

LOOPBACK = {"127.0.0.1", "::1"}
LOCAL_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?", re.IGNORECASE)
# What a proxy adds to a request, of which this machine's own have none.
PROXIES = (
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "via",
)


def may_switch(request: Request, token: str) -> str:
    """Return whether the caller may switch models: yes on this machine, no, or with_token."""
    if token:
        return "with_token"
    return "yes" if _is_here(request) else "no"


def let_switch(request: Request, token: str) -> None:
    """Let callers with the token pass, without one those on this machine. Raises RefusedError."""
    allowed = may_switch(request, token)
    if allowed == "no":
        raise RefusedError(
            403, "not_allowed", "only this machine may switch models: no ADMIN_TOKEN is set"
        )
    if allowed == "yes":
        return
    scheme, _, sent = request.headers.get("authorization", "").partition(" ")
    right = hmac.compare_digest(sent.strip().encode(), token.encode())
    if scheme.lower() != "bearer" or not right:
        raise RefusedError(
            401, "not_allowed", "send the administrator's token: Authorization: Bearer ..."
        )


def _is_here(request: Request) -> bool:
    """Return whether a request comes from this machine, and of no page but the service's own."""
    if not request.client or request.client.host not in LOOPBACK:
        return False
    headers = request.headers
    host = headers.get("host", "")
    if not LOCAL_HOST.fullmatch(host) or any(name in headers for name in PROXIES):
        return False
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2].lower() == host.lower()
