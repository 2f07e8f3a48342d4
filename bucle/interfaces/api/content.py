"""`/api/v1/{project}/content/{digest}`: large bytes in and out, under their digest.

A digest is as good as a secret: who may read one kind of thing in the project may read content
whose digest it knows.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from bucle.base.digest import digest_file
from bucle.base.errors import Denied, Invalid, NotFound, Unavailable
from bucle.drivers.blobs.content import content_key, content_path, has_content
from bucle.governance.permissions import Permission
from bucle.governance.principals import Principal
from bucle.governance.session import House
from bucle.interfaces.http.answers import Answer, Request, json_answer
from bucle.interfaces.http.problem import Problem
from bucle.interfaces.http.threads import Threads

READERS = (Permission.RUN_READ, Permission.DATASET_READ, Permission.MODEL_READ)
WRITERS = (
    Permission.RUN_WRITE,
    Permission.DATASET_WRITE,
    Permission.MODEL_WRITE,
    Permission.FEEDBACK_WRITE,
)
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_CHUNK_BYTES = 1 << 18
_MEDIA_TYPE = "application/octet-stream"


class Contents:
    """The content store of a house, over HTTP."""

    def __init__(self, house: House, threads: Threads) -> None:
        self._house = house
        self._threads = threads

    async def answer(
        self, request: Request, actor: Principal, project: str, rest: list[str]
    ) -> Answer:
        """Store (PUT), send (GET) or look up (HEAD) one content."""
        if len(rest) != 1:
            raise NotFound("content lies under its digest", hint="/content/<64 hexadecimal digits>")
        digest = rest[0]
        content_key(digest)
        if request.method == "PUT":
            _require_any(actor, project, WRITERS)
            return await self._put(request, digest)
        if request.method not in {"GET", "HEAD"}:
            problem = Problem(error="Invalid", message=f"content knows no {request.method}")
            return json_answer(problem, status=405, headers=(("allow", "GET, HEAD, PUT"),))
        _require_any(actor, project, READERS)
        if request.method == "HEAD":
            return await self._threads.quick(self._head, digest)
        return await self._threads.quick(self._get, digest, request.headers.get("range", ""))

    async def _put(self, request: Request, digest: str) -> Answer:
        with self._draft() as path:
            with _told_when_full(), path.open("wb") as file:
                async for part in request.stream():
                    file.write(part)
            await self._threads.quick(self._keep, path, digest)
        return json_answer({"digest": digest}, status=201)

    def _keep(self, path: Path, digest: str) -> None:
        found = digest_file(path)
        if found != digest:
            raise Invalid(
                f"the content's digest is {found}, not {digest}",
                hint="BLAKE3 over the bytes; was the upload cut off?",
            )
        blobs = self._house.drivers.blobs
        if not has_content(blobs, digest):
            blobs.put(content_key(digest), path)

    def _head(self, digest: str) -> Answer:
        length = self._house.drivers.blobs.size(content_key(digest))
        return Answer(length=length, media_type=_MEDIA_TYPE, headers=(("accept-ranges", "bytes"),))

    def _get(self, digest: str, asked: str) -> Answer:
        drivers = self._house.drivers
        path = content_path(drivers.blobs, digest, drivers.cache_path)
        whole = path.stat().st_size
        headers = (("accept-ranges", "bytes"), ("etag", f'"{digest}"'))
        span = _span(asked, whole)
        if span is None:
            return Answer(
                stream=_chunks(path, 0, whole),
                length=whole,
                media_type=_MEDIA_TYPE,
                headers=headers,
            )
        start, end = span
        if start >= end:
            problem = Problem(error="Invalid", message=f"{asked!r} lies outside of {whole} bytes")
            return json_answer(
                problem, status=416, headers=(("content-range", f"bytes */{whole}"),)
            )
        return Answer(
            status=206,
            stream=_chunks(path, start, end),
            length=end - start,
            media_type=_MEDIA_TYPE,
            headers=(*headers, ("content-range", f"bytes {start}-{end - 1}/{whole}")),
        )

    @contextmanager
    def _draft(self) -> Iterator[Path]:
        """Yield a path for an upload, and remove what was left there."""
        folder = self._house.drivers.cache_path / "uploads"
        with _told_when_full():
            folder.mkdir(parents=True, exist_ok=True)
            file = NamedTemporaryFile(dir=folder, delete=False)  # noqa: SIM115 - closed at once, written later
            file.close()
        path = Path(file.name)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def _told_when_full() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(
            f"the server can not keep the upload: {os.strerror(error.errno or 0)}",
            hint="free some space at the server and call again",
        ) from error


def _require_any(actor: Principal, project: str, permissions: tuple[Permission, ...]) -> None:
    if not any(actor.may(permission, project) for permission in permissions):
        wanted = " or ".join(permissions)
        raise Denied(
            f"{actor.name!r} may not {wanted} in project {project!r}",
            hint=f"ask an owner to type: bucle access grant {actor.name} <role>",
        )


def _span(asked: str, whole: int) -> tuple[int, int] | None:
    """Return the bytes `start <= i < end` of a Range header (RFC 9110); None for all of them."""
    found = _RANGE.fullmatch(asked.strip())
    if found is None or found.group(0) == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        return max(whole - int(last), 0), whole
    return int(first), min(int(last) + 1, whole) if last else whole


def _chunks(path: Path, start: int, end: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        left = end - start
        while left > 0 and (part := file.read(min(left, _CHUNK_BYTES))):
            left -= len(part)
            yield part
