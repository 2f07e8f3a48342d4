"""Bodies that were compressed on their way: `gzip` and `deflate`, both ways, within limits."""

import asyncio
import zlib
from collections.abc import Mapping

import msgspec

from bucle.interfaces.predict.requests import (
    Done,
    RefusedRequest,
    Reply,
    Request,
    TooLargeError,
)

_GZIP, _DEFLATE, _RAW_DEFLATE = 31, 15, -15  # zlib's words for them
_CODINGS = {b"gzip": _GZIP, b"x-gzip": _GZIP, b"deflate": _DEFLATE}
_FAST = 1
_WORTH_BYTES = 16 << 10  # a smaller answer is sent sooner than it is compressed
_LONG_BYTES = 256 << 10  # what takes longer to compress than others should wait


def unpack(request: Request, limit: int) -> None:
    """Give a request the body that it had before it was compressed.

    Raises:
        RefusedRequest: the coding is not known, or the body is not in it.
        TooLargeError: it expands to more than the limit.
    """
    coding = request.headers.get(b"content-encoding", b"").strip().lower()
    if coding in {b"", b"identity"}:
        return
    if coding not in _CODINGS:
        shown = coding[:80].decode("latin-1")
        raise RefusedRequest(
            415,
            f"the content coding {shown!r} is not understood",
            hint="send 'content-encoding: gzip'",
            headers=((b"accept-encoding", b"gzip, deflate"),),
        )
    headers = {**request.headers}
    del headers[b"content-encoding"]
    body = _expanded(request.body, coding, limit)
    headers[b"content-length"] = str(len(body)).encode()
    request.body, request.headers = body, headers


def packing(request: Request, done: Done) -> Done:
    """Return what gives a large reply compressed, if the caller takes it so."""
    coding = _accepted(request.headers)
    if coding is None:
        return done

    def give(reply: Reply) -> None:
        known = any(name == b"content-encoding" for name, _ in reply.all_headers)
        if len(reply.body) < _WORTH_BYTES or known:
            done(reply)
        elif len(reply.body) < _LONG_BYTES:
            done(_packed(reply, coding))
        else:
            # zlib lets other threads run meanwhile.
            work = asyncio.get_running_loop().run_in_executor(None, _packed, reply, coding)
            work.add_done_callback(lambda packed: done(packed.result()))

    return give


def _expanded(body: bytes, coding: bytes, limit: int) -> bytes:
    parts: list[bytes] = []
    room, rest = limit, body
    wbits = _CODINGS[coding]
    if wbits == _DEFLATE and not _has_zlib_header(body):
        wbits = _RAW_DEFLATE  # what some clients mean by the word
    try:
        while rest or not parts:  # a file of gzip may have several members
            reader = zlib.decompressobj(wbits)
            parts.append(reader.decompress(rest, room + 1))
            room -= len(parts[-1])
            if room < 0 or reader.unconsumed_tail:
                raise TooLargeError
            if not reader.eof:
                raise RefusedRequest(400, f"the body ends before its {coding.decode()} does")
            rest = reader.unused_data
    except zlib.error as error:
        told = f"the body is not {coding.decode()}, as its 'content-encoding' says: {error}"
        raise RefusedRequest(400, told) from error
    return b"".join(parts)


def _has_zlib_header(body: bytes) -> bool:
    return len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0  # noqa: PLR2004 - RFC 1950, 2.2


def _accepted(headers: Mapping[bytes, bytes]) -> bytes | None:
    """Return the coding that the caller likes best of ours, or None."""
    best, most = None, 0.0
    for item in headers.get(b"accept-encoding", b"").lower().split(b","):
        name, _, weight = item.partition(b";")
        name = name.strip()
        share = _weight(weight)
        if name in {b"gzip", b"deflate", b"*"} and share > most:
            best, most = (b"gzip" if name == b"*" else name), share
    return best


def _weight(text: bytes) -> float:
    name, _, value = text.strip().partition(b"=")
    if name.strip() != b"q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def _packed(reply: Reply, coding: bytes) -> Reply:
    writer = zlib.compressobj(_FAST, wbits=_CODINGS[coding])
    body = writer.compress(reply.body) + writer.flush()
    headers = (*reply.headers, (b"content-encoding", coding), (b"vary", b"accept-encoding"))
    return msgspec.structs.replace(reply, body=body, headers=headers)
