"""Read one file of a version as a stream; of a large one, only the parts that are asked for."""

import io
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, BinaryIO, cast

from bucle.base.digest import digest_bytes
from bucle.base.errors import Refused
from bucle.interfaces.client.transport import Transport
from bucle.lifecycle import data


def open_place(transport: Transport, place: data.FilePlace) -> BinaryIO:
    """Return a file to read; each part is checked against its digest when it is read."""
    if [part.content for part in place.parts] == [place.file.digest]:  # one of a table
        return transport.content_file(place.file.digest).open("rb")
    return cast("BinaryIO", io.BufferedReader(_Parts(transport, place.parts), 1 << 16))


class _Parts(io.RawIOBase):
    def __init__(self, transport: Transport, parts: Sequence[data.FilePart]) -> None:
        self._transport = transport
        self._parts = parts
        self._starts = [0, *accumulate(part.length for part in parts)]
        self._at = 0
        self._held = (-1, b"")  # the part that was read last

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._starts[-1]}[whence]
        self._at = max(begin + offset, 0)
        return self._at

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any buffer
        if self._at >= self._starts[-1] or not len(buffer):
            return 0
        place = bisect_right(self._starts, self._at) - 1
        content = self._part(place)
        start = self._at - self._starts[place]
        several = content[start : start + len(buffer)]
        buffer[: len(several)] = several
        self._at += len(several)
        return len(several)

    def _part(self, place: int) -> bytes:
        if self._held[0] != place:
            part = self._parts[place]
            end = part.start + part.length
            content = self._transport.content_part(part.content, part.start, end)
            if digest_bytes(content) != part.digest:
                raise Refused(
                    f"content {part.digest} in {part.content} is not what was stored",
                    hint="restore the content store from a backup",
                )
            self._held = (place, content)
        return self._held[1]
