"""Read a body that comes in chunks (RFC 9112, section 7.1), strictly."""

import re

from bucle.interfaces.predict.requests import Limits, RefusedRequest, TooLargeError

# A chunk's extensions say nothing to us; they are as long as a line may be.
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[\t ]*;[\t\x20-\x7e\x80-\xff]*)?\r\n")
_TRAILER = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n")
_LINE_BYTES = 1024


class ChunkReader:
    """Puts one body together; bytes that are no line yet stay with the caller."""

    __slots__ = ("_around", "_left", "_limits", "_trailers", "body", "is_complete")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._left = 0  # bytes of this chunk that are to come, with the two that end it
        self._around = 0  # bytes that were not the body's
        self._trailers = False
        self.body = bytearray()
        self.is_complete = False

    def feed(self, received: bytes, at: int) -> int:
        """Take what can be read from a place on; return the place that was reached.

        Raises:
            RefusedRequest: these are no chunks.
            TooLargeError: they are more than a body may have.
        """
        while not self.is_complete:
            reached = self._take(received, at) if self._left else self._line(received, at)
            if reached == at:
                break
            at = reached
        return at

    def _take(self, received: bytes, at: int) -> int:
        wanted = self._left - 2
        if wanted:
            part = received[at : at + wanted]
            self.body += part
            self._left -= len(part)
            return at + len(part)
        end = received[at : at + 2]
        if end == b"\r\n":
            self._left = 0
            return at + 2
        if not b"\r\n".startswith(end):
            raise RefusedRequest(400, "a chunk is longer than it was said to be")
        return at

    def _line(self, received: bytes, at: int) -> int:
        end = received.find(b"\n", at, at + _LINE_BYTES) + 1
        if not end:
            if len(received) - at >= _LINE_BYTES:
                raise RefusedRequest(400, f"a line of chunks is longer than {_LINE_BYTES} bytes")
            return at
        line = received[at:end]
        self._around += len(line)
        if self._around > max(self._limits.body_bytes, self._limits.head_bytes):
            raise TooLargeError
        if self._trailers:
            self._trail(line)
            return end
        size = _SIZE.fullmatch(line)
        if size is None:
            raise RefusedRequest(400, f"this is not the size of a chunk: {line[:40]!r}")
        length = int(size[1], 16)
        if len(self.body) + length > self._limits.body_bytes:
            raise TooLargeError
        self._trailers = not length
        self._left = length + 2 if length else 0
        return end

    def _trail(self, line: bytes) -> None:
        """Check what follows the last chunk; nothing of it is used."""
        if line == b"\r\n":
            self.is_complete = True
        elif not _TRAILER.fullmatch(line):
            raise RefusedRequest(400, f"this is not a header: {line[:40]!r}")
