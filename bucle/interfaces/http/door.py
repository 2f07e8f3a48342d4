"""The HTTP door: sites side by side in one application, and what becomes of their errors.

Litestar takes the request apart and runs the application's life; which site answers is decided
on the raw path, so that a name may hold a percent-encoded slash.
"""

import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import cast

from litestar import Litestar, Response, route
from litestar.enums import HttpMethod
from litestar.exceptions import HTTPException
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import ASGIApp

from bucle.base.codec import encode
from bucle.base.errors import BucleError
from bucle.interfaces.http.answers import Answer, Request, problem_answer
from bucle.interfaces.http.paths import raw_path
from bucle.interfaces.http.problem import BUG, Problem, problem_of, status_of
from bucle.interfaces.http.server import AsgiApp

_METHODS = [HttpMethod(name) for name in HttpMethod if name != "TRACE"]
_LOG = logging.getLogger("bucle.http")
_SECURITY = (
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
)

Handler = Callable[[Request], Awaitable[Answer]]
Life = Callable[[Litestar], AbstractAsyncContextManager[None]]


def _as_json(_request: Request, status: int, problem: Problem) -> Answer:
    return problem_answer(status, problem)


@dataclass(frozen=True, kw_only=True)
class Site:
    """What answers below a path: the API at `/api`, the pages at `/`."""

    prefix: str  # without a slash at its end; "" answers whatever no other site does
    answer: Handler
    refuse: Callable[[Request, int, Problem], Answer] = _as_json


def build_app(sites: Sequence[Site], *, life: Sequence[Life] = ()) -> AsgiApp:
    """Make one application of several sites; the longest prefix that fits answers."""
    ordered = sorted(sites, key=lambda site: len(site.prefix), reverse=True)

    @route(["/", "/{rest:path}"], http_method=_METHODS, request_max_body_size=None)
    async def door(request: Request) -> ASGIApp:
        path = raw_path(request)
        for site in ordered:
            if path == site.prefix or path.startswith(f"{site.prefix}/"):
                return _response(request, await _answered(site, request))
        problem = Problem(error="NotFound", message=f"there is nothing at {path}")
        return _response(request, problem_answer(404, problem))

    app = Litestar(
        [door],
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,
        lifespan=list(life),
        exception_handlers={HTTPException: _of_framework},
    )
    return cast("AsgiApp", app)


async def _answered(site: Site, request: Request) -> Answer:
    try:
        return await site.answer(request)
    except BucleError as error:
        return site.refuse(request, status_of(error), problem_of(error))
    except HTTPException as error:
        return site.refuse(request, error.status_code, _problem_of_framework(error))
    except Exception:  # noqa: BLE001 - the HTTP door: told by an id, and whole in the log only
        number = secrets.token_hex(6)
        _LOG.exception("bug %s in %s %s", number, request.method, raw_path(request))
        problem = Problem(error=BUG, message="this is a bug in Bucle", id=number)
        return site.refuse(request, 500, problem)


def _response(request: Request, answer: Answer) -> ASGIResponse:
    headers = [*_SECURITY, *answer.headers]
    length = len(answer.body) if answer.length is None else answer.length
    if answer.length is not None or answer.stream is None:
        headers.append(("content-length", str(length)))
    if request.method == "HEAD":
        headers.append(("content-type", answer.media_type))
        return ASGIResponse(status_code=answer.status, headers=headers, is_head_response=True)
    if answer.stream is None:
        return ASGIResponse(
            body=answer.body,
            status_code=answer.status,
            media_type=answer.media_type,
            headers=headers,
        )
    return ASGIStreamingResponse(
        iterator=answer.stream,
        status_code=answer.status,
        media_type=answer.media_type,
        headers=headers,  # type: ignore[arg-type]
    )


def _of_framework(_request: Request, error: HTTPException) -> Response[bytes]:
    """Answer what the framework refused before any site was asked, as a wrong method."""
    problem = encode(_problem_of_framework(error))
    return Response(problem, status_code=error.status_code, media_type="application/json")


def _problem_of_framework(error: HTTPException) -> Problem:
    return Problem(error="Invalid", message=error.detail or str(error))
