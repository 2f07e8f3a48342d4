"""The pages: who may look, what anybody may see, and what becomes of errors."""

from functools import cached_property
from urllib.parse import parse_qs, unquote

import msgspec

from bucle.base.errors import Denied, NotFound
from bucle.base.refs import check_name
from bucle.governance.principals import Principal
from bucle.governance.session import House
from bucle.interfaces import web
from bucle.interfaces.http.answers import Answer, Request, redirect
from bucle.interfaces.http.door import Site
from bucle.interfaces.http.identity import COOKIE, credentials_of, principal_of
from bucle.interfaces.http.paths import raw_path
from bucle.interfaces.http.problem import Problem
from bucle.interfaces.http.sign_in import SIGN_IN, SIGN_OUT, sign_in, sign_out
from bucle.interfaces.http.threads import Threads
from bucle.interfaces.web import actions
from bucle.interfaces.web.visit import Visit, language_of, url
from bucle.interfaces.web.words import Language, word

_LANGUAGE = "bucle_language"
_YEAR_S = 31_536_000
_STATIC = "_static"
_UNAUTHORIZED = 401


class SignInPage(msgspec.Struct, frozen=True, kw_only=True):
    """The form."""

    token: str
    next: str
    failed: bool


class ErrorPage(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong."""

    status: int
    problem: Problem


def web_site(house: House, threads: Threads) -> Site:
    """Return the pages of a house; they answer whatever no other site does."""
    pages = _Pages(house, threads)
    return Site(prefix="", answer=pages.answer, refuse=pages.refuse)


class _Pages:
    def __init__(self, house: House, threads: Threads) -> None:
        self._house = house
        self._threads = threads

    async def answer(self, request: Request) -> Answer:
        """Answer any request that is not the API's."""
        segments = [unquote(one) for one in raw_path(request).split("/") if one]
        if (public := await self._public(request, segments)) is not None:
            return public
        credentials = credentials_of(request)
        if credentials is None:
            return _to_sign_in(request)
        try:
            actor = await self._threads.quick(principal_of, self._house, credentials)
        except Denied:
            gone = (("set-cookie", f"{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"),)
            return _to_sign_in(request, headers=gone)
        project = check_name(segments[0]) if segments else self._house.settings.project
        visit = Visit(
            session=self._house.session(actor, project),
            language=self._language(request),
            path=_path(request),
            query=_query(request),
        )
        if request.method == "POST":
            return await actions.act(self._threads, request, visit, segments[1:])
        if request.method not in {"GET", "HEAD"}:
            raise NotFound(f"{raw_path(request)} does not answer to {request.method}")
        run = self._threads.long if segments[-1:] == [web.EXPLORE] else self._threads.quick
        shown = await run(self._show, visit, segments, actor)
        return _unless_known(request, shown)

    def refuse(self, request: Request, status: int, problem: Problem) -> Answer:
        """Show an error as a page."""
        if status == _UNAUTHORIZED:
            return _to_sign_in(request)
        language = self._language(request)
        chrome = web.Chrome(language=language, title=_error_title(language, status), path="/")
        return web.page(
            "error.html", chrome, ErrorPage(status=status, problem=problem), status=status
        )

    async def _public(self, request: Request, segments: list[str]) -> Answer | None:
        """Answer what anybody may ask: the form, the style, the script."""
        here = "/" + "/".join(segments)
        if here == SIGN_IN and request.method == "POST":
            return await sign_in(self._house, self._threads, request)
        if here == SIGN_OUT and request.method == "POST":
            return await sign_out(request)
        if here == SIGN_IN:
            return self._form(request)
        if segments[:1] == [_STATIC] or segments == ["favicon.ico"]:
            name = "favicon.svg" if segments == ["favicon.ico"] else segments[-1]
            if found := web.static_file(name):
                return found
            raise NotFound(f"there is nothing at {here}")
        return None

    def _form(self, request: Request) -> Answer:
        query = _query(request)
        language = self._language(request)
        form = SignInPage(
            token=query.get("token", ""), next=query.get("next", "/"), failed="failed" in query
        )
        chrome = web.Chrome(language=language, title=word(language, "sign_in"), path=SIGN_IN)
        return web.page("sign_in.html", chrome, form, headers=_kept(request, language))

    def _show(self, visit: Visit, segments: list[str], actor: Principal) -> Answer:
        found = self._shelf.find(visit, segments)
        chrome = web.Chrome(
            language=visit.language,
            title=found.title,
            path=visit.path,
            project=segments[0] if segments else "",
            actor=actor.name,
            now=visit.now,
            live=found.live,
        )
        return web.page(found.template, chrome, found.context, headers=_kept_of(visit))

    @cached_property
    def _shelf(self) -> "web.Shelf":
        return web.Shelf()

    def _language(self, request: Request) -> Language:
        asked = _query(request).get("lang", "") or request.cookies.get(_LANGUAGE, "")
        header = request.headers.get("accept-language", "")
        return language_of(asked, header, self._house.settings.language)


def _unless_known(request: Request, shown: Answer) -> Answer:
    """Say only that nothing changed, to a browser that has this very page."""
    tag = next(value for name, value in shown.headers if name == "etag")
    if request.headers.get("if-none-match") != tag:
        return shown
    return Answer(status=304, media_type=shown.media_type, headers=shown.headers)


def _to_sign_in(request: Request, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    wanted = _path(request) if request.method == "GET" else "/"
    asked = None if wanted == "/" else wanted
    return redirect(url(SIGN_IN.strip("/"), next=asked), headers=headers)


def _path(request: Request) -> str:
    query = request.scope["query_string"].decode("latin-1")
    return raw_path(request) + (f"?{query}" if query else "")


def _query(request: Request) -> dict[str, str]:
    raw = request.scope["query_string"].decode("latin-1")
    return {name: values[-1] for name, values in parse_qs(raw).items()}


def _kept(request: Request, language: Language) -> tuple[tuple[str, str], ...]:
    """Keep a language that was asked for."""
    if "lang" not in _query(request):
        return ()
    return (("set-cookie", f"{_LANGUAGE}={language}; Path=/; SameSite=Lax; Max-Age={_YEAR_S}"),)


def _kept_of(visit: Visit) -> tuple[tuple[str, str], ...]:
    if "lang" not in visit.query:
        return ()
    cookie = f"{_LANGUAGE}={visit.language}; Path=/; SameSite=Lax; Max-Age={_YEAR_S}"
    return (("set-cookie", cookie),)


def _error_title(language: Language, status: int) -> str:
    known = {403: "error_403", 404: "error_404", 500: "error_500"}
    return word(language, known.get(status, "error_other"))
