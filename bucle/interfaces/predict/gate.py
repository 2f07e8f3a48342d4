"""Who may ask for predictions: on an open loopback server everybody here, else token bearers.

Tokens are checked against the SHA-256 digests in the signed plan; the database is not asked.
"""

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec

from bucle.base.errors import Denied
from bucle.lifecycle.serving import ServingPlan, is_loopback

_PARTS = 3  # bucle_<id>_<secret>


class Caller(msgspec.Struct, frozen=True):
    """What a request's headers say of who sends it."""

    bearer: str = ""  # "": no token was shown
    origin: str = ""  # "": not a page in a browser
    host: str = ""


class Gate:
    """The rules of one server."""

    def __init__(self, *, loopback: bool) -> None:
        self._loopback = loopback

    def admit(self, caller: Caller, plans: Iterable[ServingPlan], now: datetime) -> None:
        """Go on only if one of these plans lets the caller in.

        Raises:
            Denied: a token is needed and none was shown, or it is of none of these plans or
                has expired, or a web page of another site is asking an open server.
        """
        asked = list(plans)
        if caller.bearer:
            if any(_bears(plan, caller.bearer, now) for plan in asked):
                return
            raise Denied("the token is not valid here", hint="bucle access token create")
        if not (self._loopback and asked and all(plan.open for plan in asked)):
            raise Denied(
                "predictions need a token here",
                hint="send 'Authorization: Bearer <token>'; to make one: bucle access token create",
            )
        # A page on another site can make its visitor's browser call this machine.
        for address in (caller.origin, f"//{caller.host}"):
            if not _is_here(address):
                raise Denied(
                    f"an open server answers this machine only, not {address!r}",
                    hint="send a token: bucle access token create",
                )


@lru_cache(maxsize=256)
def _is_here(address: str) -> bool:
    """Tell whether an origin or a host header, as far as there is one, names this machine."""
    try:
        name = urlsplit(address).hostname
    except ValueError:  # a bracket that is not closed
        return False
    return is_loopback(name) if name else address in {"", "//"}


def _bears(plan: ServingPlan, bearer: str, now: datetime) -> bool:
    parts = bearer.split("_", 2)
    if len(parts) != _PARTS:
        return False
    digest = hashlib.sha256(parts[2].encode()).hexdigest()
    for token in plan.tokens:
        alive = token.expires_at is None or now < token.expires_at
        if token.id == parts[1] and hmac.compare_digest(digest, token.secret_digest):
            return alive
    return False
