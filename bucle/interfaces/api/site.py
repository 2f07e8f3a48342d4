"""The JSON API: one handler for every row of the operation table.

`/api/v1/{project}/...` is the rows and the content store; `/api/health`, `/api/version` and
`/api/openapi.json` answer anybody.
"""

from typing import Any

import msgspec

from bucle.base.codec import convert, to_builtins
from bucle.base.errors import Denied, Invalid, NotFound
from bucle.base.refs import check_name
from bucle.base.version import __version__
from bucle.governance.principals import Principal
from bucle.governance.session import House
from bucle.interfaces.api.content import Contents
from bucle.interfaces.api.followers import Followers
from bucle.interfaces.api.matcher import Match, Matcher
from bucle.interfaces.api.openapi import openapi_document
from bucle.interfaces.http.answers import (
    Answer,
    Request,
    json_answer,
    problem_answer,
    read_body,
)
from bucle.interfaces.http.door import Site
from bucle.interfaces.http.identity import credentials_of, principal_of
from bucle.interfaces.http.paths import query_of, raw_path, segments_of
from bucle.interfaces.http.problem import Problem, problem_of
from bucle.interfaces.http.threads import Threads
from bucle.interfaces.operations.call import call
from bucle.interfaces.operations.filling import fill, plain_of_text
from bucle.interfaces.operations.shape import fields_of
from bucle.interfaces.operations.table import all_rows

PREFIX = "/api"
_VERSION = "v1"
_CONTENT = "content"


def api_site(house: House, threads: Threads) -> Site:
    """Return the API of a house."""
    return Site(prefix=PREFIX, answer=_Api(house, threads).answer)


class _Api:
    def __init__(self, house: House, threads: Threads) -> None:
        self._house = house
        self._threads = threads
        self._contents = Contents(house, threads)
        self._followers = Followers(house, threads)
        # Both need the verbs of every room, which a server that only keeps runs never loads.
        self._matcher: Matcher | None = None  # None: no row was asked for yet
        self._document = b""  # b"": as above

    async def answer(self, request: Request) -> Answer:
        """Answer any request below `/api`."""
        segments = segments_of(raw_path(request).removeprefix(PREFIX))
        if (public := await self._public(request, segments)) is not None:
            return public
        if segments[0] == _VERSION and Followers.concerns(segments[2:]):
            return await self._answer_follower(request, segments)
        try:
            actor = await self._identify(request)
        except Denied as error:
            return problem_answer(401, problem_of(error))
        if segments[0] != _VERSION or len(segments) < 3:  # noqa: PLR2004 - version, project, and what
            raise _nothing_at(request)
        project = check_name(segments[1])
        if segments[2] == _CONTENT:
            return await self._contents.answer(request, actor, project, segments[3:])
        return await self._operate(request, actor, project, segments[2:])

    async def _answer_follower(self, request: Request, segments: list[str]) -> Answer:
        try:
            return await self._followers.answer(request, check_name(segments[1]), segments[2:])
        except Denied as error:
            if "authorization" in request.headers:
                raise
            return problem_answer(401, problem_of(error))

    async def _public(self, request: Request, segments: list[str]) -> Answer | None:
        """Answer what anybody may ask."""
        if request.method not in {"GET", "HEAD"}:
            return None
        match segments:
            case ["health"]:
                return json_answer({"status": "ok"})
            case ["version"]:
                return json_answer({"version": __version__})
            case ["openapi.json"]:
                self._document = self._document or await self._threads.quick(openapi_document)
                return Answer(body=self._document)
        return None

    async def _identify(self, request: Request) -> Principal:
        credentials = credentials_of(request)
        if credentials is None:
            raise Denied(
                "say who you are: Authorization: Bearer <token>",
                hint="bucle access token create, at the server's machine",
            )
        return await self._threads.quick(principal_of, self._house, credentials)

    async def _operate(
        self, request: Request, actor: Principal, project: str, segments: list[str]
    ) -> Answer:
        method = "GET" if request.method == "HEAD" else request.method
        matcher = self._matcher
        if matcher is None:
            matcher = await self._threads.quick(self._opened)
        match = matcher.find(method, segments)
        if match is None:
            if allowed := matcher.methods_at(segments):
                return _wrong_method(request, allowed)
            raise _nothing_at(request)
        filled = await _filled(request, match)
        row = match.row
        run = self._threads.quick if row.work is None else self._threads.long
        return json_answer(await run(call, self._house.session(actor, project), row, filled))

    def _opened(self) -> Matcher:
        """Load the verbs of every room: some tenths of a second, in a thread."""
        self._matcher = Matcher(all_rows())
        return self._matcher


async def _filled(request: Request, match: Match) -> msgspec.Struct:
    """Make the row's request record of path and query, or of path and body."""
    kind: type[msgspec.Struct] = match.row.request
    if match.row.method == "GET":
        texts = query_of(request) | {name: [text] for name, text in match.values.items()}
        return fill(kind, plain_of_text(kind, texts), strict=False)
    plain = _json_object(await read_body(request))
    for name, text in match.values.items():
        plain[name] = to_builtins(_path_value(kind, name, text))
    return fill(kind, plain)


def _path_value(kind: type[msgspec.Struct], name: str, text: str) -> Any:  # noqa: ANN401 - the field's value
    """Read a path's text as the field's type, which need not be text."""
    assert name in fields_of(kind)
    hints = msgspec.structs.fields(kind)
    return convert(text, next(field.type for field in hints if field.encode_name == name))


def _json_object(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        plain = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise Invalid(f"the body is not JSON: {error}", hint="send one JSON object") from error
    if not isinstance(plain, dict):
        raise Invalid("the body is not a JSON object", hint='send for example {"name": "value"}')
    return plain


def _nothing_at(request: Request) -> NotFound:
    return NotFound(
        f"there is nothing at {raw_path(request)}", hint=f"GET {PREFIX}/openapi.json lists all"
    )


def _wrong_method(request: Request, allowed: tuple[str, ...]) -> Answer:
    names = ", ".join(allowed)
    problem = Problem(
        error="Invalid",
        message=f"{raw_path(request)} does not answer to {request.method}",
        hint=f"it answers to {names}",
    )
    return json_answer(problem, status=405, headers=(("allow", names),))
