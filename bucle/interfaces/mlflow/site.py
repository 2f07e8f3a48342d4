"""The MLflow door: `/api/2.0/mlflow/...` and what else its client asks of a tracking server.

`http://host:port` leads to the project of the settings, `http://host:port/mlflow/<project>` to
any other; both are tracking URIs.
"""

from typing import Any

import msgspec

from bucle.base.errors import BucleError, Denied
from bucle.base.refs import check_name
from bucle.drivers.db import Busy
from bucle.governance.principals import Principal
from bucle.governance.session import House, Session
from bucle.interfaces.http.answers import Answer, Request, json_answer, read_body
from bucle.interfaces.http.door import Site
from bucle.interfaces.http.identity import credentials_of
from bucle.interfaces.http.paths import query_of, raw_path, segments_of
from bucle.interfaces.http.problem import Problem
from bucle.interfaces.http.threads import Threads
from bucle.interfaces.http.transfers import Transfers
from bucle.interfaces.mlflow.endpoint import Desk, Endpoint, Nothing, Transfer
from bucle.interfaces.mlflow.guests import Guests
from bucle.interfaces.mlflow.matcher import Match, Matcher
from bucle.interfaces.mlflow.problems import (
    NOT_IMPLEMENTED,
    UNAUTHENTICATED,
    refusal,
    refusal_of,
    refusal_of_problem,
)
from bucle.interfaces.mlflow.table import ABSENT, all_endpoints
from bucle.interfaces.mlflow.wire import of_body, of_query

# The release whose protocol this door speaks: the client asks, and sends what that release takes.
PROTOCOL_VERSION = "3.17.2"
_PROJECT_PREFIX = "/mlflow"
_PREFIXES = (
    "/api/2.0",
    "/api/3.0",
    "/ajax-api/2.0",
    "/ajax-api/3.0",
    "/v1/traces",
    "/get-artifact",
)
_LIMIT_BYTES = 64 << 20
_TEXT = "text/html; charset=utf-8"


def mlflow_sites(house: House, threads: Threads) -> list[Site]:
    """Return the sites of the door, one for each place at which a client looks for it."""
    door = _Door(house, threads)
    prefixes = (*_PREFIXES, _PROJECT_PREFIX, "/health", "/version")
    return [Site(prefix=prefix, answer=door.answer, refuse=_refuse) for prefix in prefixes]


class _Door:
    def __init__(self, house: House, threads: Threads) -> None:
        self._house = house
        self._threads = threads
        self._guests = Guests(house)
        self._matcher = Matcher(all_endpoints())
        self._transfers = Transfers(house.drivers, threads)
        self._transfers.sweep()

    async def answer(self, request: Request) -> Answer:
        """Answer any request of the protocol."""
        project, path = self._place(raw_path(request))
        if path in {"health", "version"} and request.method in {"GET", "HEAD"}:
            return Answer(
                body=b"OK" if path == "health" else PROTOCOL_VERSION.encode(), media_type=_TEXT
            )
        try:
            actor = await self._identify(request)
        except Denied as error:
            return refusal(UNAUTHENTICATED, f"{error.message} ({error.hint})")
        method = "GET" if request.method == "HEAD" else request.method
        match = self._matcher.find(method, path)
        if match is None:
            return _nothing_at(method, path)
        return await self._handled(request, match, self._house.session(actor, project))

    def _place(self, path: str) -> tuple[str | None, str]:
        """Return the project (None: that of the settings), and the path below `/api/`."""
        project = None
        if path.startswith(f"{_PROJECT_PREFIX}/"):
            name, _, path = path[len(_PROJECT_PREFIX) + 1 :].partition("/")
            project = check_name(segments_of(name)[0])
        path = path.strip("/")
        for prefix in ("api/", "ajax-api/"):
            path = path.removeprefix(prefix)
        return project, path

    async def _identify(self, request: Request) -> Principal:
        credentials = credentials_of(request)
        if credentials is None:
            raise Denied(
                "say who you are: set MLFLOW_TRACKING_TOKEN, or a password that is a token",
                hint="bucle access token create, at the server's machine",
            )
        known = self._guests.known(credentials)
        if known is not None:
            return known
        return await self._threads.quick(self._guests.check, credentials)

    async def _handled(self, request: Request, match: Match, session: Session) -> Answer:
        endpoint = match.endpoint
        conflict = endpoint.conflict if isinstance(endpoint, Endpoint) else "RESOURCE_CONFLICT"
        try:
            if isinstance(endpoint, Transfer):
                desk = Desk(session=session, threads=self._threads, transfers=self._transfers)
                return await endpoint.handle(desk, request, match.values)
            if request.method in {"GET", "HEAD"}:
                asked = of_query(endpoint.request, query_of(request), match.values)
            else:
                body = await read_body(request, limit_bytes=_LIMIT_BYTES)
                asked = of_body(endpoint.request, body, match.values)
            found = await self._found(endpoint, session, asked)
        except BucleError as error:
            return refusal_of(error, conflict=conflict)
        return found if isinstance(found, Answer) else json_answer(found or Nothing())

    async def _found(
        self, endpoint: Endpoint[Any], session: Session, asked: msgspec.Struct
    ) -> msgspec.Struct | Answer | None:
        database = self._house.drivers.database
        if endpoint.is_brief and database.answers_at_once:
            # To hand such a call to a thread and back costs about as much as the call.
            try:
                with database.at_once():
                    return endpoint.handle(session, asked)
            except Busy:
                pass
        run = self._threads.long if endpoint.is_long else self._threads.quick
        return await run(endpoint.handle, session, asked)


def _nothing_at(method: str, path: str) -> Answer:
    words = path.split("/")
    if len(words) > 2 and words[1] == "mlflow" and words[2] in ABSENT:  # noqa: PLR2004 - version, mlflow, word
        return refusal(NOT_IMPLEMENTED, f"Bucle has no {words[2]} (asked for: {method} {path})")
    return refusal("ENDPOINT_NOT_FOUND", f"there is nothing at {method} {path}")


def _refuse(_request: Request, status: int, problem: Problem) -> Answer:
    return refusal_of_problem(status, problem)
