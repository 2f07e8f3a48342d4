"""The protocol class without a network: however its bytes are cut, it answers the same."""

import asyncio
from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bucle.interfaces.predict.fronts.http1 import Http1Front
from bucle.interfaces.predict.requests import Done, Limits, Reply, Request, json_reply

HOST = b"host: localhost\r\n"
PIECES = (
    b"POST /a HTTP/1.1\r\n" + HOST + b"content-length: 5\r\n\r\nhello",
    b"GET /b?c=1 HTTP/1.1\r\n" + HOST + b"\r\n",
    b"\r\n",
    b"POST /d HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n"
    b"3;x=y\r\nabc\r\n02\r\nde\r\n0\r\nx-after: 1\r\n\r\n",
    b"HEAD /e HTTP/1.1\r\n" + HOST + b"\r\n",
    b"POST /f HTTP/1.0\r\n" + HOST + b"connection: keep-alive\r\ncontent-length: 0\r\n\r\n",
)
LAST = (
    b"",
    b"GET /end HTTP/1.1\r\n" + HOST + b"connection: close\r\n\r\n",
    b"GET /bad HTTP/1.1\r\n" + HOST + b"content-length: 1\r\ncontent-length: 2\r\n\r\n",
    b"nonsense\r\n\r\n",
)


class Wire(asyncio.Transport):
    """A connection that keeps what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_ended = False

    def write(self, data: object) -> None:
        self.written += bytes(data)  # type: ignore[call-overload]

    def set_write_buffer_limits(self, high: object = None, low: object = None) -> None:
        """It takes everything."""

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.is_ended = True

    def is_closing(self) -> bool:
        return False


class Echo:
    """A door that says what it was asked."""

    limits = Limits(body_bytes=1000, pipelined=1000)

    def answer(self, request: Request, done: Done) -> None:
        said = (request.method, request.path, request.query, request.body.decode())
        done(Reply(200, msgspec.json.encode(said)))

    def before_body(self, _: Request) -> Reply | None:
        return None

    def refuse(self, _: Request, error: Exception) -> Reply:
        return json_reply(400, {"error": str(error)})


def talk(parts: list[bytes]) -> tuple[bytes, bool]:
    async def run() -> tuple[bytes, bool]:
        connection, wire = Http1Front(Echo()).connect(), Wire()  # type: ignore[arg-type]
        connection.connection_made(wire)
        for part in parts:
            connection.data_received(part)
        await asyncio.sleep(0)
        return wire.written, wire.is_ended

    return asyncio.run(run())


@given(st.lists(st.sampled_from(PIECES), max_size=6), st.sampled_from(LAST), st.data())
def test_requests_are_read_alike_wherever_the_network_cuts_them(
    pieces: list[bytes], last: bytes, data: st.DataObject
) -> None:
    whole = b"".join(pieces) + last
    places = st.lists(st.integers(0, len(whole)), max_size=8)
    cuts = sorted({0, *data.draw(places), len(whole)})
    parts = [whole[start:end] for start, end in pairwise(cuts)]
    assert talk(parts) == talk([whole])


@given(st.binary(max_size=300))
def test_bytes_that_are_no_requests_break_nothing(noise: bytes) -> None:
    written, _ = talk([noise + b"\r\n\r\n"])
    assert written == b"" or written.startswith(b"HTTP/1.1 ")


def test_the_same_head_is_read_once() -> None:
    front = Http1Front(Echo())  # type: ignore[arg-type]
    head = PIECES[1]
    assert front.reader.read(head) is front.reader.read(head)
