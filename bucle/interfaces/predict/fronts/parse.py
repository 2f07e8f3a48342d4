"""Read the heads of HTTP/1 requests from bytes: strictly, and each distinct one only once.

A client that keeps its connection sends the same head again and again, so heads that were
read are kept by their bytes.  What the same bytes mean does not change: nothing about the
caller is decided here.  A head that is new is read by a grammar of one expression, and by
httptools' parser (llhttp, as Node has it) as a second opinion: both have to accept it.
"""

import re
from collections.abc import Mapping

import msgspec

from bucle.interfaces.predict.fronts.heads import (
    expects_continue,
    read_headers,
    read_length,
    read_target,
)
from bucle.interfaces.predict.gate import Caller
from bucle.interfaces.predict.requests import Limits, RefusedRequest, Request

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_LINE = re.compile(rb"(" + _TOKEN + rb") ([^\x00-\x20\x7f]+) HTTP/1\.([01])\r\n")
_ANY_LINE = re.compile(rb"(" + _TOKEN + rb") (/[\x21-\x7e]*) ")
_HEADERS = re.compile(rb"(?:" + _TOKEN + rb":[\t\x20-\x7e\x80-\xff]*+\r\n)*+\r\n")
_HEADER = re.compile(rb"(" + _TOKEN + rb"):[\t ]*+([^\r]*+)\r\n")
_METHODS = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH"})
_KEPT_BYTES = 2048  # a longer head is hardly ever the same again
_KEPT = 1024


class Head(msgspec.Struct, kw_only=True):
    """A request without its body, and how the body comes."""

    method: str
    path: str
    query: str
    headers: Mapping[bytes, bytes]
    length: int  # -1: in chunks
    expects: bool  # whether the caller waits for "100 Continue"
    tail: bytes  # what the answer says of the connection
    keeps: bool  # whether the connection stays after the answer
    is_new: bool = True
    # What the first request with this head found out; None: nothing.
    segments: tuple[str, ...] | None = None
    caller: Caller | None = None

    def request(self, body: bytes) -> Request:
        """Return the request with its body."""
        return Request(
            self.method, self.path, self.query, self.headers, body, self.segments, self.caller
        )

    def learn(self, request: Request) -> None:
        """Keep what a request has found out about itself: it holds for the next ones."""
        self.is_new = False
        self.segments, self.caller = request.found


class HeadReader:
    """Reads heads, and keeps those that will come again."""

    def __init__(self, limits: Limits) -> None:
        import httptools  # an extra: the other front does without

        self._llhttp = httptools
        self._limits = limits
        self.kept: dict[bytes, Head] = {}  # by their bytes, with the empty line at the end

    def read(self, head: bytes) -> Head:
        """Read a complete head, its empty line included.

        Raises:
            RefusedRequest: it is not one, or asks for what HTTP lets a server refuse.
        """
        if (known := self.kept.get(head)) is not None:
            return known
        read = self._read(head)
        usual = len(head) <= _KEPT_BYTES and not read.expects and read.length >= 0
        if usual and read.length <= self._limits.body_bytes:
            if len(self.kept) >= _KEPT:
                self.kept.clear()
            self.kept[head] = read
        return read

    def _read(self, head: bytes) -> Head:
        line = _LINE.match(head)
        if line is None:
            raise _wrong_line(head)
        method, target_bytes, minor = line.groups()
        if not _HEADERS.fullmatch(head, line.end()):
            raise _wrong_header(head[line.end() :])
        is_http10 = minor == b"0"
        target = read_target(target_bytes) if method != b"CONNECT" else read_target(b"/")
        pairs = _HEADER.findall(head, line.end())
        if b" \r" in head or b"\t\r" in head:
            pairs = [(name, value.rstrip(b"\t ")) for name, value in pairs]
        headers = read_headers(pairs, needs_host=not is_http10, limit=self._limits.headers)
        length = read_length(headers, is_http10=is_http10)
        if target.authority:
            headers[b"host"] = target.authority  # RFC 9112, 3.2.2
        if method in _METHODS:  # of other methods the door says which there are
            self._second_opinion(head)
        keeps = _keeps(headers, is_http10=is_http10)
        return Head(
            method=method.decode(),
            path=target.path,
            query=target.query,
            headers=headers,
            length=length,
            expects=expects_continue(headers, is_http10=is_http10),
            tail=_tail(keeps, is_http10),
            keeps=keeps,
        )

    def _second_opinion(self, head: bytes) -> None:
        try:
            self._llhttp.HttpRequestParser(_Nothing()).feed_data(head)
        except self._llhttp.HttpParserUpgrade:
            pass  # the offer to speak another protocol is not taken up
        except self._llhttp.HttpParserError as error:
            raise RefusedRequest(400, f"this is not HTTP: {error}") from error


def look_at(head: bytes) -> Request:
    """Return what can be said of a request whose head is refused: its method and its path."""
    seen = _ANY_LINE.match(head)
    if seen is None:
        return Request("?", "/")
    return Request(seen[1].decode(), seen[2].decode().partition("?")[0])


def _keeps(headers: Mapping[bytes, bytes], *, is_http10: bool) -> bool:
    said = headers.get(b"connection")
    if said is None:
        return not is_http10
    wishes = {wish.strip() for wish in said.lower().split(b",")}
    return b"keep-alive" in wishes if is_http10 else b"close" not in wishes


def _tail(keeps: bool, is_http10: bool) -> bytes:  # noqa: FBT001 - two facts
    if not keeps:
        return b"connection: close\r\n"
    return b"connection: keep-alive\r\n" if is_http10 else b""


class _Nothing:
    """What the second reader reports to: only its refusal counts."""


def _wrong_line(head: bytes) -> RefusedRequest:
    line = head.partition(b"\n")[0].rstrip(b"\r")
    shown = line[:80].decode("latin-1")
    *_, version = line.rpartition(b" ")
    if re.fullmatch(rb"HTTP/[0-9]\.[0-9]", version) and version[5:6] != b"1":
        return RefusedRequest(505, f"{version.decode()} is not spoken here",
                              hint="send HTTP/1.1")  # fmt: skip
    return RefusedRequest(400, f"this is not a request line of HTTP/1.1: {shown!r}")


def _wrong_header(lines: bytes) -> RefusedRequest:
    for line in lines.split(b"\r\n"):
        if not _HEADER.fullmatch(line + b"\r\n") or not _HEADERS.fullmatch(line + b"\r\n\r\n"):
            shown = line[:80].decode("latin-1")
            return RefusedRequest(400, f"this is not a header: {shown!r}")
    return RefusedRequest(400, "the head is not one of HTTP/1.1")
