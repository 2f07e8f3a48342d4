"""What a request's head may say (RFC 9110, RFC 9112), for every front.

Two programs that read one head in two ways are how requests are smuggled.  So whatever may be
read in two ways is refused, also where the standard lets a server repair it.
"""

import re
from collections.abc import Mapping, Sequence

import msgspec

from bucle.interfaces.predict.requests import RefusedRequest

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
_TARGET = re.compile(rb"[\x21-\x7e]+")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_HOST = re.compile(rb"[A-Za-z0-9._~%!$&'()*+,;=:\[\]-]*")
# Headers of which a second one would be a second opinion; others are lists (RFC 9110, 5.3).
_ONCE = frozenset({
    b"authorization", b"content-encoding", b"content-length", b"content-type", b"expect", b"host",
    b"inference-header-content-length", b"origin", b"transfer-encoding",
})  # fmt: skip


class Target(msgspec.Struct, frozen=True):
    """What a request line asks for."""

    path: str
    query: str
    authority: bytes  # b"": not in the request line, as usual


def read_target(target: bytes) -> Target:
    """Read a request's target: a path, or a whole address as proxies are sent.

    Raises:
        RefusedRequest: characters that no address has, or an escape that is none.
    """
    if not _TARGET.fullmatch(target):
        raise RefusedRequest(400, f"the address {_shown(target)} has characters that must be "
                             "escaped", hint="write them as %XX")  # fmt: skip
    authority = b""
    if target[:1] != b"/" and target != b"*":
        scheme, mark, rest = target.partition(b"://")
        if not mark or scheme.lower() not in {b"http", b"https"}:
            raise RefusedRequest(400, f"the address {_shown(target)} does not begin with '/'")
        authority, slash, path = rest.partition(b"/")
        target = slash + path or b"/"
        if not authority or b"?" in authority or b"@" in authority:
            raise RefusedRequest(400, f"the address names no host that can be: {_shown(rest)}")
    path_text, _, query = target.decode("ascii").partition("?")
    if "%" in path_text and (wrong := _BAD_ESCAPE.search(path_text)):
        cut = path_text[wrong.start() : wrong.start() + 3]
        raise RefusedRequest(400, f"{cut!r} in the address is not an escaped character",
                             hint="write a percent sign itself as %25")  # fmt: skip
    return Target(path_text, query, authority)


def read_headers(
    pairs: Sequence[tuple[bytes, bytes]], *, needs_host: bool, limit: int
) -> dict[bytes, bytes]:
    """Return headers by their names in lower case; repeated lists are joined.

    Raises:
        RefusedRequest: too many, no host, or several of what there may be one of.
    """
    headers = {name.lower(): value for name, value in pairs}
    if len(pairs) > limit:
        raise RefusedRequest(431, f"{len(pairs)} headers; {limit} are allowed")
    if len(headers) < len(pairs):
        headers = _joined(pairs)
    host = headers.get(b"host")
    if host is None and needs_host:
        raise RefusedRequest(400, "the header 'host' is missing")
    if host and not _HOST.fullmatch(host):
        raise RefusedRequest(400, f"the header 'host' names no host: {_shown(host)}")
    return headers


def _joined(pairs: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    for given, value in pairs:
        name = given.lower()
        if name not in headers:
            headers[name] = value
        elif name in _ONCE:
            raise RefusedRequest(400, f"the header {name.decode()!r} is there more than once")
        else:
            headers[name] = headers[name] + b", " + value
    return headers


def read_length(headers: Mapping[bytes, bytes], *, is_http10: bool) -> int:
    """Return how long the body is; -1: it comes in chunks.

    Raises:
        RefusedRequest: it is said in two ways, or in a way that is not understood.
    """
    length, coding = headers.get(b"content-length"), headers.get(b"transfer-encoding")
    if coding is not None:
        if length is not None:
            raise RefusedRequest(400, "both 'content-length' and 'transfer-encoding' are there")
        if is_http10:
            raise RefusedRequest(400, "HTTP/1.0 has no 'transfer-encoding'")
        if coding.lower() != b"chunked":
            raise RefusedRequest(501, f"the transfer coding {_shown(coding)} is not understood",
                                 hint="send 'transfer-encoding: chunked'")  # fmt: skip
        return -1
    if length is None:
        return 0
    if not _LENGTH.fullmatch(length):
        raise RefusedRequest(400, f"the header 'content-length' is no number: {_shown(length)}")
    return int(length)


def expects_continue(headers: Mapping[bytes, bytes], *, is_http10: bool) -> bool:
    """Tell whether the caller waits for a word before it sends the body.

    Raises:
        RefusedRequest: it expects something else.
    """
    expected = headers.get(b"expect")
    if expected is None or is_http10:
        return False
    if expected.lower() != b"100-continue":
        raise RefusedRequest(417, f"{_shown(expected)} can not be expected here",
                             hint="expect '100-continue' or nothing")  # fmt: skip
    return True


def _shown(value: bytes) -> str:
    text = value[:80].decode("latin-1")
    return repr(text if len(value) <= 80 else f"{text}...")  # noqa: PLR2004 - a line of a message
