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
from bucle.lifecycle.serving import PlannedToken, ServingPlan, is_loopback

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

    def admit(self, caller: Caller, plans: Iterable[ServingPlan], now: datetime) -> datetime | None:
        """Go on only if one of these plans lets the caller in; return until when (None: always).

        Raises:
            Denied: a token is needed and none was shown, or it is of none of these plans or
                has expired, or a web page of another site is asking an open server.
        """
        asked = list(plans)
        if caller.bearer:
            if tokens := [token for plan in asked for token in _borne(plan, caller.bearer, now)]:
                ends = [token.expires_at for token in tokens if token.expires_at is not None]
                return max(ends) if len(ends) == len(tokens) else None
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
        return None

    def admit_change(self, caller: Caller, plans: Iterable[ServingPlan], now: datetime) -> None:
        """Go on only if the caller may say what this server answers for.

        An open server has no tokens to show: who sits at its machine may do it.

        Raises:
            Denied: as `admit` says, or the token's holder has not that permission.
        """
        asked = list(plans)
        self.admit(caller, asked, now)
        borne = [token for plan in asked for token in _borne(plan, caller.bearer, now)]
        if caller.bearer and not any(token.may_manage for token in borne):
            raise Denied(
                "the token's holder may not load and unload deployments (serving:write)",
                hint="bucle access principals",
            )


@lru_cache(maxsize=256)
def _is_here(address: str) -> bool:
    """Tell whether an origin or a host header, as far as there is one, names this machine."""
    try:
        name = urlsplit(address).hostname
    except ValueError:  # a bracket that is not closed
        return False
    return is_loopback(name) if name else address in {"", "//"}


def _borne(plan: ServingPlan, bearer: str, now: datetime) -> list[PlannedToken]:
    """Return the tokens of a plan that this is, as long as they hold."""
    parts = bearer.split("_", 2)
    if len(parts) != _PARTS:
        return []
    digest = hashlib.sha256(parts[2].encode()).hexdigest()
    return [
        token
        for token in plan.tokens
        if token.id == parts[1]
        and hmac.compare_digest(digest, token.secret_digest)
        and (token.expires_at is None or now < token.expires_at)
    ]
