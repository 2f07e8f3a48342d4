"""What the protocol-class front does with callers that are slow, greedy, rude or gone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bucle.interfaces.predict.requests import Limits, Reply
from tests.integration.test_http_fronts import HOST, get, post
from tests.support.fronts import Caller, Room, Served, http1, make_door
from tests.support.processes import wait_until

LIMITS = Limits(
    body_bytes=100_000, head_bytes=4000, headers=20, connections=5, bodies_bytes=150_000
)


@pytest.fixture(params=[True, False], ids=["uvloop", "asyncio"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    room = Room()
    with http1(make_door(tmp_path, room, LIMITS), room, uv=request.param) as running:
        yield running


def came(served: Served, count: int = 1) -> None:
    for _ in range(count):
        assert served.room.came.acquire(timeout=20)


def connected(served: Served, count: int) -> None:
    assert wait_until(lambda: len(served.front.connections) == count, within_s=20)


def received(served: Served) -> None:
    """Wait until the only connection has read something and waits for the rest."""
    assert wait_until(lambda: any(one.is_waiting for one in served.front.connections), within_s=20)


def test_a_head_that_does_not_end_is_refused_after_a_while(served: Served) -> None:
    with served.caller() as caller:
        caller.send(b"GET /small HTTP/1.1\r\nhost: a\r\nx-slow: ")
        received(served)
        served.pass_time(4)
        caller.send(b"a")
        served.pass_time(4)
        answer = caller.answer()
        assert (answer.status, answer.message) == (408, "the head did not come within 10 s")
        assert caller.is_ended()


def test_a_body_that_does_not_end_is_refused_after_a_while(served: Served) -> None:
    with served.caller() as caller:
        caller.send(post(b"/echo", b"abc")[:-1])
        received(served)
        served.pass_time(11)
        answer = caller.answer()
        assert (answer.status, answer.message) == (408, "the body did not come within 20 s")
        assert caller.is_ended()
    assert served.front.held_bytes == 0


def test_a_connection_that_nobody_uses_is_closed_without_a_word(served: Served) -> None:
    with served.caller() as caller:
        caller.send(get(b"/small")).answer()
        served.pass_time(30)
        assert caller.send(get(b"/small")).answer().body == b"small"
        served.pass_time(38)
        assert caller.is_ended()


def test_a_handler_that_never_answers_does_not_hold_its_caller_for_ever(served: Served) -> None:
    with served.caller() as caller:
        caller.send(post(b"/later", b"a"))
        came(served)
        served.pass_time(46)
        assert caller.answer().status == 504
        assert caller.is_ended()
        served.let_go()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /" + b"a" * 5000, 414),
        (b"GET / HTTP/1.1\r\nx: " + b"a" * 5000, 431),
        (
            b"GET / HTTP/1.1\r\n" + HOST + b"".join(b"x%d: a\r\n" % n for n in range(30)) + b"\r\n",
            431,
        ),
    ],
    ids=["line", "head", "headers"],
)
def test_a_head_that_is_too_much_is_refused(served: Served, sent: bytes, status: int) -> None:
    with served.caller() as caller:
        assert caller.send(sent).answer().status == status
        assert caller.is_ended()


@pytest.mark.parametrize(
    "chunks",
    [
        b"x\r\n",
        b"-1\r\n",
        b"+1\r\na\r\n",
        b"0x1\r\na\r\n",
        b"1 \r\na\r\n",
        b" 1\r\na\r\n",
        b"1\na\r\n",
        b"1\r\nab\r\n",
        b"1\r\na\n0\r\n\r\n",
        b"123456789\r\n",
        b"1;" + b"a" * 2000,
        b"0\r\nno trailer\r\n\r\n",
        b"0\r\n\n",
    ],
)
def test_chunks_that_are_none_are_refused(served: Served, chunks: bytes) -> None:
    head = b"POST /echo HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n"
    with served.caller() as caller:
        assert caller.send(head + chunks).answer().status == 400
        assert caller.is_ended()
    assert served.room.asked == []


@pytest.mark.parametrize(
    "line",
    [
        b"GET  /small HTTP/1.1\r\n",
        b"GET /small  HTTP/1.1\r\n",
        b"GET /small\r\n",
        b"PRI * HTTP/2.0\r\n",
        b" GET /small HTTP/1.1\r\n",
    ],
)
def test_a_request_line_is_read_strictly(served: Served, line: bytes) -> None:
    with served.caller() as caller:
        assert caller.send(line + HOST + b"\r\n").answer().status in {400, 505}


def test_what_follows_a_refused_head_is_never_a_request(served: Served) -> None:
    with served.caller() as caller:
        first = b"POST /echo HTTP/1.1\r\n" + HOST + b"content-length: +5\r\n\r\n"
        assert caller.send(first + get(b"/small")).answer().status == 400
        assert caller.is_ended()
    assert served.room.asked == []


def test_answers_wait_for_those_before_them(served: Served) -> None:
    with served.caller() as caller:
        caller.send(post(b"/later", b"first") + get(b"/small") + post(b"/later", b"third"))
        came(served, 3)
        served.call(lambda: served.room.held[1][1](Reply(200, b"third")))
        served.let_go()
        assert [caller.answer().body for _ in range(3)] == [b"first", b"small", b"third"]


def test_a_refusal_waits_for_the_answers_before_it(served: Served) -> None:
    with served.caller() as caller:
        caller.send(post(b"/later", b"first") + b"nonsense\r\n\r\n" + get(b"/small"))
        came(served)
        served.let_go()
        assert caller.answer().body == b"first"
        assert caller.answer().status == 400
        assert caller.is_ended()
    assert served.room.asked == ["POST /later"]


def test_the_word_to_go_on_waits_for_the_answers_before_it(served: Served) -> None:
    head = b"POST /echo HTTP/1.1\r\n" + HOST + b"content-length: 2\r\nexpect: 100-continue\r\n\r\n"
    with served.caller() as caller:
        caller.send(post(b"/later", b"first") + head)
        came(served)
        served.let_go()
        assert caller.answer().body == b"first"
        assert caller.socket.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert caller.send(b"ok").answer().body == b"ok"


def test_only_so_many_requests_of_a_connection_are_answered_at_once(served: Served) -> None:
    with served.caller() as caller:
        caller.send(post(b"/later", b"a") * 40)
        came(served, LIMITS.pipelined)
        served.call(lambda: None)
        assert len(served.room.held) == LIMITS.pipelined
        answered = 0
        while answered < 40:
            count = len(served.room.held)
            served.let_go()
            for _ in range(count):
                assert caller.answer().body == b"a"
            answered += count
            if answered < 40:
                came(served, min(LIMITS.pipelined, 40 - answered))


def test_a_caller_that_does_not_read_is_not_read_from_and_then_cut(served: Served) -> None:
    caller = Caller(served.port, buffer_bytes=4096)
    with caller:
        caller.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            caller.send(get(b"/large/300000") * 200_000)
        connection = next(iter(served.front.connections))
        asked = len(served.room.asked)
        assert asked < LIMITS.pipelined + 50
        assert connection.unsent_bytes < (asked + 1) * 310_000 < 64_000_000
        served.pass_time(31)
        connected(served, 0)


def test_a_caller_that_reads_slowly_is_not_cut(served: Served) -> None:
    caller = Caller(served.port, buffer_bytes=4096)
    with caller:
        caller.send(get(b"/large/8000000", b"connection: close"))
        came(served)
        for _ in range(6):
            taken = 0
            while taken < 20_000:
                taken += len(caller.socket.recv(20_000))
            served.pass_time(14)
        assert len(served.front.connections) == 1


def test_connections_beyond_the_limit_are_told_so(served: Served) -> None:
    callers = [served.caller() for _ in range(LIMITS.connections)]
    connected(served, LIMITS.connections)
    with served.caller() as late:
        answer = late.answer()
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert late.is_ended()
    for caller in callers:
        assert caller.send(get(b"/small")).answer().body == b"small"
        caller.socket.close()
    connected(served, 0)


def test_bodies_that_wait_together_have_a_limit(served: Served) -> None:
    part = post(b"/echo", b"x" * 90_000)[:-1]
    with served.caller() as one, served.caller() as two:
        one.send(part)
        assert wait_until(lambda: served.front.held_bytes > 80_000, within_s=20)
        answer = two.send(part).answer()
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert one.send(b"x").answer().status == 200
    assert wait_until(lambda: served.front.held_bytes == 0, within_s=20)


def test_who_stops_sending_still_gets_its_answers(served: Served) -> None:
    with served.caller() as caller:
        caller.send(post(b"/later", b"a") + get(b"/small"))
        came(served, 2)
        caller.socket.shutdown(1)
        served.let_go()
        assert [caller.answer().body for _ in range(2)] == [b"a", b"small"]
        assert caller.is_ended()


@pytest.mark.parametrize("sent", [b"", b"GET /sm", post(b"/echo", b"abc")[:-1]])
def test_who_goes_in_the_middle_leaves_nothing_behind(served: Served, sent: bytes) -> None:
    with served.caller() as caller:
        caller.send(sent)
        connected(served, 1)
    connected(served, 0)
    assert served.front.held_bytes == 0


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_has_none(served: Served, status: int) -> None:
    with served.caller() as caller:
        answer = caller.send(get(b"/nothing/%d" % status)).answer()
        assert (answer.status, answer.body) == (status, b"")
        assert "content-length" not in answer.headers
        assert caller.send(get(b"/small")).answer().body == b"small"


def test_http_1_0_may_keep_its_connection(served: Served) -> None:
    with served.caller() as caller:
        for _ in range(2):
            answer = caller.send(get(b"/small", b"connection: keep-alive", version=b"1.0")).answer()
            assert (answer.body, answer.headers["connection"]) == (b"small", "keep-alive")


def test_a_method_that_nobody_knows_is_told_those_that_are(served: Served) -> None:
    with served.caller() as caller:
        answer = caller.send(get(b"/small", method=b"BREW")).answer()
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
        assert caller.send(get(b"/small", method=b"CONNECT")).answer().status in {400, 404, 405}


def test_the_host_of_a_whole_address_counts_and_not_the_header(served: Served) -> None:
    with served.caller() as caller:
        caller.send(post(b"http://elsewhere.example/later", b""))
        came(served)
        assert served.room.held[0][0].caller.host == "elsewhere.example"
        served.let_go()


def test_while_it_drains_answers_end_their_connections(served: Served) -> None:
    with served.caller() as busy, served.caller() as idle, served.caller() as late:
        busy.send(post(b"/later", b"a"))
        idle.send(get(b"/small")).answer()
        came(served, 2)
        served.call(served.front.drain)
        served.let_go()
        answer = busy.answer()
        assert (answer.body, answer.headers["connection"]) == (b"a", "close")
        answer = late.send(get(b"/small")).answer()
        assert (answer.body, answer.headers["connection"]) == (b"small", "close")
        served.pass_time(1)
        assert idle.is_ended()
