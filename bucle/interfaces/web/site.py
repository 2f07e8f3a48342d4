"""The pages: which address shows which page, who may look, and what becomes of errors."""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qs, unquote

import msgspec

from bucle.base.errors import Denied, NotFound
from bucle.base.refs import check_name
from bucle.governance.principals import Principal
from bucle.governance.session import House
from bucle.interfaces.http.answers import Answer, Request, redirect
from bucle.interfaces.http.door import Site
from bucle.interfaces.http.identity import COOKIE, credentials_of, principal_of
from bucle.interfaces.http.paths import raw_path
from bucle.interfaces.http.problem import Problem
from bucle.interfaces.http.sign_in import SIGN_IN, SIGN_OUT, sign_in, sign_out
from bucle.interfaces.http.threads import Threads
from bucle.interfaces.web import actions
from bucle.interfaces.web.datasets import dataset_page
from bucle.interfaces.web.deployments import deployment_page
from bucle.interfaces.web.events import events_page
from bucle.interfaces.web.loop import loop_page
from bucle.interfaces.web.models import model_page, version_page
from bucle.interfaces.web.predictions import predictions_page
from bucle.interfaces.web.projects import projects_page
from bucle.interfaces.web.render import Chrome, page, static_file
from bucle.interfaces.web.runs import run_page, runs_page
from bucle.interfaces.web.traffic import TrafficCounter
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


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What is at an address: a template and the context for it."""

    template: str
    title: str
    context: msgspec.Struct
    live: bool = False


def web_site(house: House, threads: Threads) -> Site:
    """Return the pages of a house; they answer whatever no other site does."""
    pages = _Pages(house, threads)
    return Site(prefix="", answer=pages.answer, refuse=pages.refuse)


class _Pages:
    def __init__(self, house: House, threads: Threads) -> None:
        self._house = house
        self._threads = threads
        self._counter = TrafficCounter()

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
        shown = await self._threads.quick(self._show, visit, segments, actor)
        return _unless_known(request, shown)

    def refuse(self, request: Request, status: int, problem: Problem) -> Answer:
        """Show an error as a page."""
        if status == _UNAUTHORIZED:
            return _to_sign_in(request)
        language = self._language(request)
        chrome = Chrome(language=language, title=_error_title(language, status), path="/")
        return page("error.html", chrome, ErrorPage(status=status, problem=problem), status=status)

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
            if found := static_file(name):
                return found
            raise NotFound(f"there is nothing at {here}")
        return None

    def _form(self, request: Request) -> Answer:
        query = _query(request)
        language = self._language(request)
        form = SignInPage(
            token=query.get("token", ""), next=query.get("next", "/"), failed="failed" in query
        )
        chrome = Chrome(language=language, title=word(language, "sign_in"), path=SIGN_IN)
        return page("sign_in.html", chrome, form, headers=_kept(request, language))

    def _show(self, visit: Visit, segments: list[str], actor: Principal) -> Answer:
        found = self._find(visit, segments)
        chrome = Chrome(
            language=visit.language,
            title=found.title,
            path=visit.path,
            project=segments[0] if segments else "",
            actor=actor.name,
            now=visit.now,
            live=found.live,
        )
        return page(found.template, chrome, found.context, headers=_kept_of(visit))

    def _find(self, visit: Visit, segments: list[str]) -> Found:
        match segments:
            case []:
                return _found("projects", visit.word("projects"), projects_page(visit))
            case [project]:
                shown = loop_page(visit, self._counter)
                return Found(template="loop.html", title=project, context=shown, live=True)
            case [_, room]:
                return self._listing(visit, room)
            case [_, room, name]:
                return _thing(visit, room, name)
        raise NotFound(f"there is nothing at {visit.path}", hint="/")

    def _listing(self, visit: Visit, room: str) -> Found:
        makers: Mapping[str, tuple[str, Callable[[Visit], msgspec.Struct]]] = {
            "runs": ("runs", runs_page),
            "events": ("events", events_page),
            "predictions": ("prediction", predictions_page),
        }
        if room not in makers:
            raise NotFound(f"there is nothing at {visit.path}", hint=url(visit.project))
        title, make = makers[room]
        return _found(room, visit.word(title), make(visit))

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


def _thing(visit: Visit, room: str, name: str) -> Found:
    match room:
        case "models" if "@" in name:
            return _found("version", name, version_page(visit, name))
        case "models":
            return _found("model", name, model_page(visit, name))
        case "runs":
            return _found("run", name, run_page(visit, name))
        case "datasets":
            return _found("dataset", name, dataset_page(visit, name))
        case "deployments":
            return _found("deployment", name, deployment_page(visit, name))
    raise NotFound(f"there is nothing at {visit.path}", hint=url(visit.project))


def _found(template: str, title: str, context: msgspec.Struct) -> Found:
    return Found(template=f"{template}.html", title=title, context=context)


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
