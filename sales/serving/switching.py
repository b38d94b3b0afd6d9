"""Who may switch models or send truths: whoever has the token; without one, this machine alone.

Truths decide which model is to be trusted, so that they are not for everybody who may ask.

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
    _let(request, "switch models", ("ADMIN_TOKEN", token))


def let_tell_truths(request: Request, admin_token: str, own_token: str) -> None:
    """Let callers with one of both tokens pass, else those on this machine. Raises RefusedError."""
    _let(request, "send truths", ("TRUTHS_TOKEN", own_token), ("ADMIN_TOKEN", admin_token))


def _let(request: Request, what: str, *tokens: tuple[str, str]) -> None:
    known = [token for _, token in tokens if token]
    if not known:
        if _is_here(request):
            return
        names = " or ".join(name for name, _ in tokens)
        raise RefusedError(403, "not_allowed", f"only this machine may {what}: no {names} is set")
    scheme, _, sent = request.headers.get("authorization", "").partition(" ")
    right = [hmac.compare_digest(sent.strip().encode(), token.encode()) for token in known]
    if scheme.lower() != "bearer" or not any(right):
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
