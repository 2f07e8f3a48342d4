"""Sign a browser in and out.  The form itself is a page's; it posts `token` and `next` here."""

from urllib.parse import parse_qs

from bucle.base.errors import Denied
from bucle.governance.session import House
from bucle.interfaces.http.answers import Answer, Request, read_body, redirect
from bucle.interfaces.http.identity import (
    COOKIE,
    Credentials,
    is_from_our_pages,
    principal_of,
    seal,
)
from bucle.interfaces.http.threads import Threads

SIGN_IN = "/sign-in"
SIGN_OUT = "/sign-out"
_ATTRIBUTES = "Path=/; HttpOnly; SameSite=Strict"
_FORM_LIMIT_BYTES = 1 << 14


async def sign_in(house: House, threads: Threads, request: Request) -> Answer:
    """Take the token of a form, set the cookie, go to the page that was asked for.

    A token that is not valid leads back to the form, with `?failed=1`.
    """
    if request.headers.get("sec-fetch-site") is not None and not is_from_our_pages(request):
        raise Denied("this form was sent from another site's page", hint=f"open {SIGN_IN}")
    form = parse_qs((await read_body(request, limit_bytes=_FORM_LIMIT_BYTES)).decode("latin-1"))
    token = form.get("token", [""])[0].strip()
    try:
        await threads.quick(principal_of, house, Credentials(bearer=token))
    except Denied:
        return redirect(f"{SIGN_IN}?failed=1")
    secure = "; Secure" if request.url.scheme == "https" else ""
    cookie = f"{COOKIE}={seal(house.keys, token)}; {_ATTRIBUTES}{secure}"
    return redirect(local_path(form.get("next", ["/"])[0]), headers=(("set-cookie", cookie),))


async def sign_out(_request: Request) -> Answer:
    """Forget the cookie."""
    return redirect(SIGN_IN, headers=(("set-cookie", f"{COOKIE}=; {_ATTRIBUTES}; Max-Age=0"),))


def local_path(path: str) -> str:
    """Return the path if it stays at this server, else the start page."""
    stays = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if stays else "/"
