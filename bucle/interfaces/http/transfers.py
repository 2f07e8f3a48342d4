"""Large bodies in and out of the content store, in constant memory.

In: a draft is digested while it is written, and moved into the store without a copy.  Out: the
file is sent in pieces, or the part of it that a `Range` header asks for (RFC 9110).
"""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from bucle.base.errors import Invalid
from bucle.drivers.blobs.content import SoundContent, store_draft
from bucle.drivers.blobs.drafts import Draft, open_draft, sweep_drafts
from bucle.drivers.house import Drivers
from bucle.interfaces.http.answers import Answer, Headers, Request, json_answer
from bucle.interfaces.http.problem import Problem
from bucle.interfaces.http.threads import Threads

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_PIECE_BYTES = 1 << 20
_MEDIA_TYPE = "application/octet-stream"


class Transfers:
    """The content store of a house, for doors."""

    def __init__(self, drivers: Drivers, threads: Threads) -> None:
        self._drivers = drivers
        self._threads = threads
        self._sound = SoundContent()

    def sweep(self) -> None:
        """Remove what a server that was killed had received and not kept."""
        sweep_drafts(self._folder)

    @asynccontextmanager
    async def received(self, request: Request) -> AsyncIterator[Draft]:
        """Yield a request's body; nothing of it is left after the block, unless it was kept.

        Raises:
            Unavailable: the disk is full, or can not be written.
        """
        with open_draft(self._folder) as draft:
            piece = bytearray()
            async for part in request.stream():
                piece += part
                if len(piece) >= _PIECE_BYTES:
                    await self._threads.quick(draft.write, piece)
                    piece = bytearray()
            if piece:
                await self._threads.quick(draft.write, piece)
            yield draft

    @contextmanager
    def drafted(self) -> Iterator[Draft]:
        """Yield an empty draft, for content that comes in another way than as one body."""
        with open_draft(self._folder) as draft:
            yield draft

    def keep(self, draft: Draft, *, digest: str | None = None) -> str:
        """Move a draft into the content store and return its digest; blocks.

        Raises:
            Invalid: it has another digest than the one that it should have.
            Unavailable: the disk is full, or can not be written.
        """
        if digest is not None and digest != draft.digest:
            raise Invalid(
                f"the content's digest is {draft.digest}, not {digest}",
                hint="BLAKE3 over the bytes; was the upload cut off?",
            )
        store_draft(self._drivers.blobs, draft.path, draft.digest)
        return draft.digest

    def answer(
        self, digest: str, asked: str, *, media_type: str = _MEDIA_TYPE, headers: Headers = ()
    ) -> Answer:
        """Answer with content, or with the part that a `Range` header asks for; blocks.

        Raises:
            NotFound: it was never stored.
            Refused: it was tampered with.
        """
        path = self._sound.path(self._drivers.blobs, digest, self._drivers.cache_path)
        whole = path.stat().st_size
        headers = (("accept-ranges", "bytes"), ("etag", f'"{digest}"'), *headers)
        span = _span(asked, whole)
        start, end = span or (0, whole)
        if span and start >= end:
            problem = Problem(error="Invalid", message=f"{asked!r} lies outside of {whole} bytes")
            return json_answer(
                problem, status=416, headers=(("content-range", f"bytes */{whole}"),)
            )
        if span:
            headers = (*headers, ("content-range", f"bytes {start}-{end - 1}/{whole}"))
        return Answer(
            status=206 if span else 200,
            stream=self._pieces(path, start, end),
            length=end - start,
            media_type=media_type,
            headers=headers,
        )

    @property
    def _folder(self) -> Path:
        return self._drivers.blobs.incoming_path or self._drivers.cache_path / "uploads"

    async def _pieces(self, path: Path, start: int, end: int) -> AsyncIterator[bytes]:
        with path.open("rb") as file:
            file.seek(start)
            left = end - start
            while left > 0:
                piece = await self._threads.quick(file.read, min(left, _PIECE_BYTES))
                if not piece:
                    return
                left -= len(piece)
                yield piece


def _span(asked: str, whole: int) -> tuple[int, int] | None:
    """Return the bytes `start <= i < end` of a Range header (RFC 9110); None for all of them."""
    found = _RANGE.fullmatch(asked.strip())
    if found is None or found.group(0) == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        return max(whole - int(last), 0), whole
    return int(first), min(int(last) + 1, whole) if last else whole
