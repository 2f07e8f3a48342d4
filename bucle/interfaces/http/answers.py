"""`Request` and `Answer`: what a handler gets and what it gives back.

The framework's request is handed on as it is; of its responses there are two kinds, a body and
a stream, so a handler returns a value and never touches a connection.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import litestar

from bucle.base.codec import encode
from bucle.base.errors import Invalid
from bucle.interfaces.http.problem import Problem

Request: TypeAlias = litestar.Request[Any, Any, Any]
Headers: TypeAlias = tuple[tuple[str, str], ...]

JSON_LIMIT_BYTES = 16 << 20


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A status, headers and a body, or a stream of it."""

    status: int = 200
    body: bytes = b""
    stream: Iterator[bytes] | AsyncIterator[bytes] | None = None  # None: `body` is all
    length: int | None = None  # None: the body's; a stream's is not known
    media_type: str = "application/json"
    headers: Headers = ()


def json_answer(value: object, *, status: int = 200, headers: Headers = ()) -> Answer:
    """Answer with a record as JSON."""
    return Answer(status=status, body=encode(value), headers=headers)


def problem_answer(status: int, problem: Problem) -> Answer:
    """Answer with an error as JSON."""
    asks = (("www-authenticate", 'Bearer realm="bucle"'),) if status == 401 else ()  # noqa: PLR2004 - HTTP
    return json_answer(problem, status=status, headers=asks)


def redirect(path: str, *, headers: Headers = ()) -> Answer:
    """Send a browser on with GET (303)."""
    return Answer(status=303, media_type="text/plain", headers=(("location", path), *headers))


async def read_body(request: Request, *, limit_bytes: int = JSON_LIMIT_BYTES) -> bytes:
    """Return a whole body that belongs in memory.

    Raises:
        Invalid: it is larger than the limit.
    """
    parts, length = [], 0
    async for part in request.stream():
        length += len(part)
        if length > limit_bytes:
            raise Invalid(
                f"the request is larger than {limit_bytes >> 20} MiB",
                hint="store large content first (PUT .../content/<digest>) and name its digest",
            )
        parts.append(part)
    return b"".join(parts)
