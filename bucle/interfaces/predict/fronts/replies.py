"""Replies as the bytes of HTTP/1.1; what is the same in many is put together once."""

import re
from http import HTTPStatus

from bucle.interfaces.predict.requests import Headers, Reply

_BREAKS = re.compile(rb"[\r\n\x00]")
_NO_BODY = frozenset({204, 304})
_KEPT = 256
_LARGE_BYTES = 64 << 10  # from here on, copying costs more than writing twice


class ReplyWriter:
    """Writes replies."""

    def __init__(self) -> None:
        self._starts: dict[tuple[int, bytes], bytes] = {}

    def write(self, reply: Reply, tail: bytes, *, is_head: bool) -> tuple[bytes, ...]:
        """Return a reply in one piece, or head and body apart if the body is large.

        `tail` is the header line about the connection; `is_head`: the body stays here.
        """
        body = reply.body
        start = self._starts.get((reply.status, reply.content_type)) or self._start(reply)
        lines = reply.lines + tail
        if reply.headers:
            lines = _lines(reply.headers) + lines
        if reply.status in _NO_BODY:
            return (b"%b%b\r\n" % (start, lines),)
        if is_head or len(body) > _LARGE_BYTES:
            head = b"%bcontent-length: %d\r\n%b\r\n" % (start, len(body), lines)
            return (head,) if is_head else (head, body)
        return (b"%bcontent-length: %d\r\n%b\r\n%b" % (start, len(body), lines, body),)

    def _start(self, reply: Reply) -> bytes:
        status, kind = reply.status, reply.content_type
        known = {one.value for one in HTTPStatus}
        phrase = HTTPStatus(status).phrase if status in known else "Status"
        start = f"HTTP/1.1 {status} {phrase}\r\n".encode()
        if status not in _NO_BODY:
            start += b"content-type: %b\r\n" % _BREAKS.sub(b" ", kind)
        if len(self._starts) >= _KEPT:
            self._starts.clear()
        self._starts[(status, kind)] = start
        return start


def clean(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return headers of which none can begin a line of its own."""
    return [(_BREAKS.sub(b"", name), _BREAKS.sub(b" ", value)) for name, value in headers]


def _lines(headers: Headers) -> bytes:
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    # One look at all of them: a value that came from a caller must not begin a line of its own.
    if lines.count(b"\n") == lines.count(b"\r") == len(headers) and b"\x00" not in lines:
        return lines
    return b"".join([b"%b: %b\r\n" % header for header in clean(headers)])
