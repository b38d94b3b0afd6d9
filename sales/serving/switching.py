"""Who may switch models: this machine, and whoever has the administrator's token."""

import hmac

from starlette.requests import Request

from sales.serving.refusals import RefusedError

LOOPBACK = {"127.0.0.1", "::1"}


def may_switch(request: Request, token: str) -> str:
    """Return whether the caller may switch models: yes on this machine, no, or with_token."""
    if request.client and request.client.host in LOOPBACK:
        return "yes"
    return "with_token" if token else "no"


def let_switch(request: Request, token: str) -> None:
    """Let callers on this machine pass, and those with the token. Raises RefusedError."""
    allowed = may_switch(request, token)
    if allowed == "yes":
        return
    if allowed == "no":
        raise RefusedError(
            403, "not_allowed", "only this machine may switch models: no ADMIN_TOKEN is set"
        )
    sent = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(sent.encode(), token.encode()):
        raise RefusedError(
            401, "not_allowed", "send the administrator's token: Authorization: Bearer ..."
        )
