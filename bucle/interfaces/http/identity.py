"""Who asks: a bearer token, a password that is a token, or a browser that signed in.

A browser's cookie names its token and is signed with the installation's key: revoking the token
ends every session that was opened with it.  The cookie is SameSite=Strict, and what changes
anything must besides come from a page of ours, so that no other site can act in its name.
"""

import base64
import binascii
from typing import NamedTuple

from bucle.base.errors import Denied
from bucle.governance.access.tokens import bearer_of, holder_of, token_id_of
from bucle.governance.keys import Keys
from bucle.governance.principals import Principal
from bucle.governance.session import House
from bucle.interfaces.http.answers import Request

COOKIE = "bucle_session"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_PURPOSE = b"bucle session\n"


class Credentials(NamedTuple):
    """What a request shows: a token's text, or a signed cookie."""

    bearer: str = ""  # "": none
    cookie: str = ""  # "": none


def credentials_of(request: Request) -> Credentials | None:
    """Return what a request shows of its sender, or None.

    Raises:
        Denied: a header that can not be read, or a cookie that another site made use of.
    """
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return Credentials(bearer=text.strip())
    if scheme.lower() == "basic":
        return Credentials(bearer=_password(text))
    cookie = request.cookies.get(COOKIE, "")
    if not cookie:
        return None
    if request.method not in _SAFE and not is_from_our_pages(request):
        raise Denied(
            "this request came from another site's page",
            hint="programs send Authorization: Bearer <token>",
        )
    return Credentials(cookie=cookie)


def principal_of(house: House, credentials: Credentials) -> Principal:
    """Return who shows these credentials.

    Raises:
        Denied: they are not valid here (any more).
    """
    now = house.drivers.clock.now()
    with house.drivers.database.begin(write=False) as tx:
        if credentials.bearer:
            return bearer_of(tx, credentials.bearer, now)
        return holder_of(tx, _opened(house.keys, credentials.cookie), now)


def seal(keys: Keys, bearer: str) -> str:
    """Return the cookie's value for a token that was found valid."""
    token_id = token_id_of(bearer)
    return f"{token_id}.{keys.sign(_PURPOSE + token_id.encode())}"


def is_from_our_pages(request: Request) -> bool:
    """Tell whether a browser says that one of our own pages sent this."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("origin", "")
    return bool(origin) and origin.partition("://")[2] == request.headers.get("host", "")


def _opened(keys: Keys, cookie: str) -> str:
    token_id, _, signature = cookie.partition(".")
    if not keys.verify(_PURPOSE + token_id.encode(), signature):
        raise Denied("the session is not valid here", hint="sign in again")
    return token_id


def _password(text: str) -> str:
    try:
        user_and_password = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Denied("the Authorization header can not be read") from error
    return user_and_password.partition(":")[2]
