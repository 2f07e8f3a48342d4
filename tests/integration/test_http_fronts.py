"""What both fronts of the model server do with requests, over real sockets."""

import gzip
import zlib
from collections.abc import Iterator

import pytest

from bucle.interfaces.predict.requests import Limits
from tests.support.fronts import Room, Served, asgi, http1, make_door
from tests.support.processes import wait_until

LIMITS = Limits(body_bytes=100_000)
HOST = b"host: localhost\r\n"


@pytest.fixture(scope="module", params=["http1", "http1 on asyncio", "asgi"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    room = Room()
    door = make_door(tmp_path_factory.mktemp("door"), room, LIMITS)
    if request.param == "asgi":
        with asgi(door, room) as running:
            yield running
    else:
        with http1(door, room, uv=request.param == "http1") as running:
            yield running


def post(path: bytes, body: bytes, *lines: bytes) -> bytes:
    said = b"".join(line + b"\r\n" for line in lines)
    return b"POST %b HTTP/1.1\r\n%b%bcontent-length: %d\r\n\r\n%b" % (
        path, HOST, said, len(body), body)  # fmt: skip


def get(path: bytes, *lines: bytes, version: bytes = b"1.1", method: bytes = b"GET") -> bytes:
    said = b"".join(line + b"\r\n" for line in lines)
    return b"%b %b HTTP/%b\r\n%b%b\r\n" % (method, path, version, HOST, said)


def test_a_connection_is_kept_for_the_next_request(served: Served) -> None:
    with served.caller() as caller:
        for body in (b"one", b"two", b"", b"x" * 70_000):
            answer = caller.send(post(b"/echo", body)).answer()
            assert (answer.status, answer.body) == (200, body)


def test_answers_come_in_the_order_of_the_requests(served: Served) -> None:
    with served.caller() as caller:
        caller.send(b"".join(post(b"/echo", b"%d" % number) for number in range(100)))
        assert [caller.answer().body for _ in range(100)] == [b"%d" % n for n in range(100)]


def test_a_body_may_come_in_chunks(served: Served) -> None:
    chunks = b"3\r\nabc\r\n1;name=value\r\nd\r\n0\r\n\r\n"
    head = b"POST /echo HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n"
    with served.caller() as caller:
        assert caller.send(head + chunks).answer().body == b"abcd"
        assert caller.send(post(b"/echo", b"next")).answer().body == b"next"


def test_a_request_may_come_byte_by_byte(served: Served) -> None:
    with served.caller() as caller:
        for byte in post(b"/echo", b"slowly"):
            caller.send(bytes([byte]))
        assert caller.answer().body == b"slowly"


def test_head_has_the_length_of_the_body_and_no_body(served: Served) -> None:
    with served.caller() as caller:
        answer = caller.send(get(b"/small", method=b"HEAD")).answer("HEAD")
        assert (answer.status, answer.headers["content-length"], answer.body) == (200, "5", b"")
        assert caller.send(get(b"/small")).answer().body == b"small"


def test_who_asks_for_the_end_of_the_connection_gets_it(served: Served) -> None:
    with served.caller() as caller:
        answer = caller.send(get(b"/small", b"connection: close")).answer()
        assert (answer.body, answer.headers["connection"]) == (b"small", "close")
        assert caller.is_ended()


def test_http_1_0_ends_after_its_answer(served: Served) -> None:
    with served.caller() as caller:
        assert caller.send(get(b"/small", version=b"1.0")).answer().body == b"small"
        assert caller.is_ended()


def test_who_waits_for_the_word_to_go_on_gets_it(served: Served) -> None:
    head = b"POST /echo HTTP/1.1\r\n" + HOST + b"content-length: 2\r\nexpect: 100-continue\r\n\r\n"
    with served.caller() as caller:
        caller.send(head)
        assert caller.socket.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert caller.send(b"ok").answer().body == b"ok"


def test_another_expectation_is_refused(served: Served) -> None:
    with served.caller() as caller:
        answer = caller.send(post(b"/echo", b"", b"expect: a-miracle")).answer()
        assert answer.status == 417


def test_an_offer_to_speak_another_protocol_is_not_taken_up(served: Served) -> None:
    with served.caller() as caller:
        lines = (b"connection: upgrade", b"upgrade: websocket")
        assert caller.send(get(b"/small", *lines)).answer().body == b"small"


def test_a_method_that_is_not_answered_here_is_told_with_those_that_are(served: Served) -> None:
    with served.caller() as caller:
        answer = caller.send(get(b"/small", method=b"DELETE")).answer()
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
        assert answer.message == "DELETE is not answered at /small"


def test_a_bug_is_answered_with_an_id_and_the_connection_goes_on(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with served.caller() as caller:
        answer = caller.send(get(b"/bug")).answer()
        assert answer.status == 500
        number = answer.message.rpartition(" ")[2]
        assert any(number in record.getMessage() and record.exc_info for record in caplog.records)
        assert caller.send(get(b"/small")).answer().body == b"small"


def test_a_value_with_line_breaks_does_not_become_a_header(served: Served) -> None:
    with served.caller() as caller:
        answer = caller.send(get(b"/say?a%0d%0aset-cookie:b")).answer()
        assert "set-cookie" not in answer.headers
        assert answer.headers["x-said"].split() == ["a", "set-cookie:b"]


SMUGGLED = {
    "both lengths": b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"content-length: 3\r\ncontent-length: 4\r\n\r\nabc",
    "the same length twice": b"content-length: 3\r\ncontent-length: 3\r\n\r\nabc",
    "a list of lengths": b"content-length: 3, 3\r\n\r\nabc",
    "a sign": b"content-length: +3\r\n\r\nabc",
    "a negative length": b"content-length: -3\r\n\r\nabc",
    "a length in hexadecimal": b"content-length: 0x3\r\n\r\nabc",
    "a length with a space": b"content-length: 1 2\r\n\r\nabc",
    "a length beyond all numbers": b"content-length: 99999999999999999999999999\r\n\r\nabc",
    "a space before the colon": b"content-length : 3\r\n\r\nabc",
    "a folded line": b"x: a\r\n content-length: 3\r\n\r\nabc",
    "a line that ends in LF": b"x: a\ncontent-length: 3\r\n\r\nabc",
    "a CR inside": b"x: a\rb\r\n\r\n",
    "a NUL inside": b"x: a\x00b\r\n\r\n",
    "no name": b": a\r\n\r\n",
    "no colon": b"content-length\r\n\r\n",
    "a coding after chunked": b"transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "a coding with a sign before it": b"transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunked twice": b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked by another name": b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two hosts": b"host: other\r\ncontent-length: 0\r\n\r\n",
}


@pytest.mark.parametrize("case", SMUGGLED)
def test_a_head_that_could_be_read_in_two_ways_is_refused(served: Served, case: str) -> None:
    before = len(served.room.asked)
    with served.caller() as caller:
        sent = b"POST /echo HTTP/1.1\r\n" + HOST + SMUGGLED[case]
        answer = caller.send(sent).answer()
        assert answer.status in {400, 501}
    assert served.room.asked[before:] == []


@pytest.mark.parametrize(
    "line",
    [
        b"GET /small HTTP/1.1\n",
        b"GET /small HTTP/1.1 \r\n",
        b"GET /sm\x00all HTTP/1.1\r\n",
        b"GET /sm\xffall HTTP/1.1\r\n",
        b"GET small HTTP/1.1\r\n",
        b"GET /sm%zzall HTTP/1.1\r\n",
        b"GET /sm%00all HTTP/1.1\r\n",
        b"GET /small HTTP/9.9\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n",
    ],
)
def test_a_request_line_that_is_none_is_refused(served: Served, line: bytes) -> None:
    with served.caller() as caller:
        assert caller.send(line + HOST + b"\r\n").answer().status in {400, 404, 505}


def test_an_address_may_be_whole_as_proxies_send_it(served: Served) -> None:
    with served.caller() as caller:
        assert caller.send(get(b"http://localhost/small")).answer().body == b"small"


def test_a_request_without_a_host_is_refused(served: Served) -> None:
    with served.caller() as caller:
        assert caller.send(b"GET /small HTTP/1.1\r\n\r\n").answer().status == 400


def test_a_body_that_is_too_long_is_refused_at_its_head(served: Served) -> None:
    head = b"POST /echo HTTP/1.1\r\n" + HOST + b"content-length: 1073741824\r\n\r\n"
    with served.caller() as caller:
        assert caller.send(head).answer().status == 413


def test_chunks_that_are_too_much_are_refused(served: Served) -> None:
    head = b"POST /echo HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n"
    with served.caller() as caller:
        caller.send(head + (b"8000\r\n" + b"x" * 0x8000 + b"\r\n") * 4)
        assert caller.answer().status == 413


@pytest.mark.parametrize("wbits", [31, 15, -15])
def test_a_body_may_be_compressed(served: Served, wbits: int) -> None:
    writer = zlib.compressobj(wbits=wbits)
    packed = writer.compress(b"abc" * 1000) + writer.flush()
    coding = b"content-encoding: " + (b"gzip" if wbits == 31 else b"deflate")
    with served.caller() as caller:
        assert caller.send(post(b"/echo", packed, coding)).answer().body == b"abc" * 1000


def test_a_body_that_expands_beyond_the_limit_is_refused(served: Served) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    assert len(bomb) < LIMITS.body_bytes
    with served.caller() as caller:
        assert caller.send(post(b"/echo", bomb, b"content-encoding: gzip")).answer().status == 413
        assert caller.send(post(b"/echo", b"next")).answer().body == b"next"


@pytest.mark.parametrize(
    "body", [b"not gzip", gzip.compress(b"abc")[:-4], b""], ids=["other", "cut", "empty"]
)
def test_a_body_that_is_not_what_its_coding_says_is_refused(served: Served, body: bytes) -> None:
    with served.caller() as caller:
        assert caller.send(post(b"/echo", body, b"content-encoding: gzip")).answer().status == 400


def test_an_unknown_content_coding_is_refused_with_those_that_are_known(served: Served) -> None:
    with served.caller() as caller:
        answer = caller.send(post(b"/echo", b"", b"content-encoding: br")).answer()
        assert (answer.status, answer.headers["accept-encoding"]) == (415, "gzip, deflate")


@pytest.mark.parametrize("count", [20_000, 300_000])
def test_a_large_answer_is_compressed_for_who_takes_it_so(served: Served, count: int) -> None:
    with served.caller() as caller:
        caller.send(get(b"/large/%d" % count, b"accept-encoding: br, gzip;q=0.5"))
        answer = caller.answer()
        assert answer.headers["content-encoding"] == "gzip"
        assert gzip.decompress(answer.body) == b"x" * count
        assert len(answer.body) < count / 50


def test_an_answer_is_left_as_it_is_for_others(served: Served) -> None:
    with served.caller() as caller:
        for lines in ((), (b"accept-encoding: identity",), (b"accept-encoding: gzip;q=0",)):
            answer = caller.send(get(b"/large/20000", *lines)).answer()
            assert answer.body == b"x" * 20_000


def test_a_caller_that_vanishes_hurts_nobody(served: Served) -> None:
    with served.caller() as caller:
        caller.send(post(b"/later", b"gone"))
        assert wait_until(lambda: bool(served.room.held), within_s=20)
    served.let_go()
    with served.caller() as caller:
        assert caller.send(get(b"/small")).answer().body == b"small"
