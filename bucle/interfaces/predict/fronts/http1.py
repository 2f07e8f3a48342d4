"""HTTP/1.1 read and written by a protocol class: the fast front of the door.

A connection costs no task, no future and no timer: a request is a call of the door, an answer
is a call of its turn, and one scan a second looks for who takes too long.  What may not happen
with it, and how that was tested: docs/decisions/0039.
"""

import asyncio
import logging
import re
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import cast

from bucle.interfaces.predict.door import Door
from bucle.interfaces.predict.fronts.chunks import ChunkReader
from bucle.interfaces.predict.fronts.parse import Head, HeadReader, look_at
from bucle.interfaces.predict.fronts.replies import ReplyWriter
from bucle.interfaces.predict.fronts.sockets import in_kernel
from bucle.interfaces.predict.requests import (
    RefusedRequest,
    Reply,
    Request,
    TooLargeError,
    TooSlowError,
)

_LOG = logging.getLogger("bucle.predict")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_CLOSE = b"connection: close\r\n"
_DRAIN_IDLE_S = 0.5  # a caller that is busy asks again within it, and is told to go
_SPARE = 64  # connections beyond the limit that are told so, before others are only cut
_WRITE_BYTES = 256 << 10  # from here on, a caller that does not read is not read from
_DISCARDED_BYTES = 64 << 20  # of what still comes after a last answer
_READ_BYTES = 1024  # fewer between two scans: the caller does not read
_BARE_LF = re.compile(rb"(?<!\r)\n")

# What a connection does.
_HEAD, _BODY, _LAST, _LINGERS = range(4)


class Http1Front:
    """What the connections of one process share."""

    def __init__(self, door: Door, clock: Callable[[], float] = monotonic) -> None:
        self.door = door
        self.clock = clock
        self.limits = door.limits
        self.reader = HeadReader(door.limits)
        self.writer = ReplyWriter()
        self.connections: set[Connection] = set()
        self.most = door.limits.connections
        self.held_bytes = 0  # of bodies that are not complete
        self.now = clock()  # as of the last scan: a clock that costs nothing to read
        self.is_draining = False
        self._draining_since = 0.0

    def connect(self) -> "Connection":
        """Return the protocol of a new connection."""
        return Connection(self)

    def scan(self, now: float) -> None:
        """Look at every connection: called once a second."""
        self.now = now
        for talk in list(self.connections):
            talk.look(now)

    def drain(self) -> None:
        """Let each connection end after what it is doing; the next scans see to idle ones."""
        self.is_draining, self._draining_since = True, self.clock()

    def is_drained_for(self, seconds: float) -> bool:
        """Tell whether connections have been ending for longer than this."""
        return self.is_draining and self.now - self._draining_since > seconds

    def cut(self) -> None:
        """End every connection now."""
        for talk in list(self.connections):
            talk.abort()


class Turn:
    """One request's turn to be answered: what the door calls with the reply."""

    __slots__ = ("_connection", "asked", "asked_at", "head", "reply")

    def __init__(self, connection: "Connection", head: Head | None, asked_at: float) -> None:
        self._connection = connection
        self.head = head  # None: it could not be read; the answer is the last
        self.asked_at = asked_at
        self.asked: Request | None = None  # None: nothing was
        self.reply: Reply | None = None  # None: not answered yet

    def __call__(self, reply: Reply) -> None:
        """Answer; only the first answer counts."""
        if self.reply is None:
            self.reply = reply
            self._connection.answered()


class Connection(asyncio.Protocol):
    """One caller."""

    def __init__(self, front: Http1Front) -> None:
        self._front = front
        self._door = front.door
        self._kept = front.reader.kept
        self._transport: asyncio.Transport
        self._step = _HEAD
        self._since = front.now  # when this step began
        self._unsent = 0  # what the caller had not taken at the last scan
        self._discarded = 0
        self._held = 0  # bytes that count in the front's `held_bytes`
        self._turns: deque[Turn] = deque()
        self._received = b""  # and not read yet
        self._head: Head | None = None  # whose body is awaited
        self._body = bytearray()
        self._chunks: ChunkReader | None = None  # None: the body has a length
        self._out: list[bytes] = []  # to be written at the end of this step of the loop
        self._out_bytes = 0  # of it, while requests are read
        self._is_reading = False
        self._is_paused = False  # nothing more is taken from the network
        self._is_choked = False  # the caller does not read
        self._is_half = False  # the caller sends no more, and waits for answers
        self._is_gone = False

    @property
    def is_waiting(self) -> bool:
        """Whether a request has begun to come and is not complete."""
        return bool(self._received) or self._head is not None

    @property
    def unsent_bytes(self) -> int:
        """What the caller has not taken yet: here, and from when there is any, in the kernel."""
        here = self._transport.get_write_buffer_size()
        return here and here + in_kernel(self._transport)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, or say that there are too many."""
        front = self._front
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self._transport.set_write_buffer_limits(high=_WRITE_BYTES)
        known = len(front.connections)
        front.connections.add(self)
        if known >= front.most + _SPARE:
            self.abort()
        elif known >= front.most:
            full = RefusedRequest(503, f"{front.most} connections are open, and no more may be",
                                  headers=((b"retry-after", b"1"),))  # fmt: skip
            self._refuse(full, Request("?", "/"))

    def connection_lost(self, _: Exception | None) -> None:
        """Forget the connection; answers that come later are dropped."""
        self._is_gone = True
        self._front.connections.discard(self)
        self._release()
        self._received = b""
        self._out.clear()
        self._forget()

    def data_received(self, sent: bytes) -> None:
        """Read what came: most often one whole request, with a head that was seen before."""
        if self._step == _HEAD and not self._received and not self._turns:
            end = sent.find(b"\r\n\r\n") + 4
            head = self._kept.get(sent[:end])
            if head is not None and len(sent) == end + head.length:
                self._ask(head, sent[end:])
                return
        if self._step >= _LAST:
            self._discard(len(sent))
            return
        if self._received:
            self._received += sent
        else:
            self._received = sent
            if self._step == _HEAD:
                self._since = self._front.clock()
        self._go_on()

    def eof_received(self) -> bool:
        """Keep the way back open if answers are due; tell so."""
        self._is_half = True
        self._flush()
        return bool(self._turns) and self._step != _LINGERS

    def pause_writing(self) -> None:
        """Stop reading: the caller does not take its answers."""
        self._is_choked = True
        self._pause()

    def resume_writing(self) -> None:
        """Go on reading."""
        self._is_choked = False
        self._go_on()

    # What the front calls.

    def look(self, now: float) -> None:
        """End what takes too long."""
        limits = self._front.limits
        unsent = self.unsent_bytes
        if unsent and not 0 < self._unsent < unsent + _READ_BYTES:
            self._since = now  # it is reading
        self._unsent = unsent
        waited = now - self._since
        if unsent or self._step == _LINGERS:
            if waited > (limits.write_s if unsent else limits.linger_s):
                self.abort()
        elif self._turns:
            if now - self._turns[0].asked_at > limits.answer_s:
                self._give_up()
        else:
            self._look_at_reading(waited)

    def _look_at_reading(self, waited: float) -> None:
        limits = self._front.limits
        if self._step == _BODY:
            if waited > limits.receive_s:
                self._refuse(TooSlowError(), self._asked())
        elif self._received:
            if waited > limits.head_s:
                slow = RefusedRequest(408, f"the head did not come within {limits.head_s:g} s")
                self._refuse(slow, look_at(self._received))
        elif waited > limits.idle_s or (
            waited > _DRAIN_IDLE_S and self._front.is_drained_for(_DRAIN_IDLE_S)
        ):
            self._transport.close()

    def abort(self) -> None:
        """End the connection without another word."""
        self._transport.abort()

    # Reading.

    def _go_on(self) -> None:
        """Read requests as far as they came, and as far as the caller takes its answers."""
        if self._is_reading or self._is_gone:
            return
        self._is_reading = True
        at, received = 0, self._received
        try:
            while at < len(received) and self._step < _LAST and not self._is_full():
                reached = self._read_head(at) if self._step == _HEAD else self._read_body(at)
                if reached == at:
                    break
                at = reached
        except (RefusedRequest, TooLargeError) as error:
            self._refuse(error, self._asked() if self._head else look_at(received[at:]))
        finally:
            self._is_reading = False
        self._received = received[at:] if self._step < _LAST else b""
        if self._out_bytes >= _WRITE_BYTES:
            # Whether the caller takes so much is known after this step of the loop.
            asyncio.get_running_loop().call_soon(self._go_on)
        self._flush()
        if self._received and (self._is_full() or len(self._received) > _WRITE_BYTES):
            self._pause()
        elif self._is_paused and not self._is_choked:
            self._resume()
        if self._is_half and not self._turns and self._step < _LAST:
            self._end()  # what has come is all that will

    def _is_full(self) -> bool:
        if self._is_choked or self._out_bytes >= _WRITE_BYTES:
            return True
        return len(self._turns) >= self._front.limits.pipelined

    def _pause(self) -> None:
        if not self._is_paused and not self._is_half and not self._transport.is_closing():
            self._is_paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._is_paused and not self._is_half and not self._transport.is_closing():
            self._is_paused = False
            self._transport.resume_reading()

    def _read_head(self, at: int) -> int:
        limits, received = self._front.limits, self._received
        while received.startswith(b"\r\n", at):  # RFC 9112, 2.2: empty lines before a request
            at += 2
        end = received.find(b"\r\n\r\n", at, at + limits.head_bytes) + 4
        if end < 4:  # noqa: PLR2004 - not found
            return self._await_head(at)
        head = self._front.reader.read(received[at:end])
        if head.expects and self._turns:
            return at  # the word to go on has its turn too
        asked = head.request(b"")
        if refusal := self._door.before_body(asked):
            self._last(refusal)
            return end
        self._head, self._step, self._since = head, _BODY, self._front.now
        self._chunks = ChunkReader(limits) if head.length < 0 else None
        if not head.length:
            return self._read_body(end)
        if head.expects and len(received) == end:
            self._put(_CONTINUE)
        return end

    def _await_head(self, at: int) -> int:
        received, limit = self._received, self._front.limits.head_bytes
        if len(received) - at >= limit:
            if received.find(b"\r\n", at, at + limit) < 0:
                raise RefusedRequest(414, f"the request line is longer than {limit} bytes")
            raise RefusedRequest(431, f"the head is longer than {limit} bytes")
        if _BARE_LF.search(received, at):
            raise RefusedRequest(400, "a line ends in LF here, and not in CR LF")
        return at

    def _read_body(self, at: int) -> int:
        """Take the body's bytes; ask the door when they are complete."""
        head, received = self._head, self._received
        assert head is not None
        if self._chunks is not None:
            known = len(self._chunks.body)
            at = self._chunks.feed(received, at)
            self._hold(len(self._chunks.body) - known)
            if self._chunks.is_complete:
                self._asked_whole(head, bytes(self._chunks.body))
            return at
        missing = head.length - len(self._body)
        part = received[at : at + missing]
        if len(part) == missing:
            self._asked_whole(head, bytes(self._body) + part if self._body else part)
        else:
            self._body += part
            self._hold(len(part))
        return at + len(part)

    def _hold(self, count: int) -> None:
        self._held += count
        self._front.held_bytes += count
        if self._front.held_bytes > self._front.limits.bodies_bytes:
            raise RefusedRequest(503, "too many bodies are on their way here",
                                 headers=((b"retry-after", b"1"),))  # fmt: skip

    def _release(self) -> None:
        self._front.held_bytes -= self._held
        self._held, self._head, self._chunks = 0, None, None
        if self._body:
            self._body = bytearray()

    def _asked_whole(self, head: Head, body: bytes) -> None:
        self._release()
        self._step, self._since = _HEAD, self._front.now
        self._ask(head, body)

    def _asked(self) -> Request:
        return self._head.request(b"") if self._head else Request("?", "/")

    def _ask(self, head: Head, body: bytes) -> None:
        turn = Turn(self, head, self._front.now)
        self._turns.append(turn)
        if not head.keeps:
            self._step = _LAST
        turn.asked = asked = head.request(body)
        self._door.answer(asked, turn)
        if head.is_new:
            head.learn(asked)

    def _discard(self, count: int) -> None:
        """Throw away what comes after the last request, up to a limit."""
        self._discarded += count
        if self._discarded > _DISCARDED_BYTES:
            self.abort()

    # Writing.

    def _refuse(self, error: Exception, asked: Request) -> None:
        self._last(self._door.refuse(asked, error))

    def _last(self, reply: Reply) -> None:
        """Say a last word, in its turn."""
        self._step = _LAST
        self._release()
        turn = Turn(self, None, self._front.now)
        self._turns.append(turn)
        turn(reply)

    def _give_up(self) -> None:
        turn = self._turns[0]
        asked = turn.head.request(b"") if turn.head else Request("?", "/")
        _LOG.error("%s %s was never answered", asked.method, asked.path)
        turn.head = None
        turn(self._door.refuse(asked, TimeoutError()))

    def answered(self) -> None:
        """Write what is answered, in the order of the requests."""
        turns = self._turns
        if self._is_gone or self._step == _LINGERS:
            return
        while turns and (reply := turns[0].reply) is not None:
            head = turns.popleft().head
            ends = head is None or not head.keeps or (self._front.is_draining and not turns)
            tail = _CLOSE if ends or head is None else head.tail
            is_head = head is not None and head.method == "HEAD"
            for part in self._front.writer.write(reply, tail, is_head=is_head):
                self._put(part)
            if ends:
                self._end()
                return
        self._since = self._front.now
        if self._received or self._is_paused:
            self._go_on()
        elif self._is_half and not turns:
            self._end()

    def _put(self, piece: bytes) -> None:
        """Write; with other answers of this step of the loop if there are any."""
        if self._is_reading:
            self._out.append(piece)
            self._out_bytes += len(piece)
        elif self._turns or self._out:
            if not self._out:
                asyncio.get_running_loop().call_soon(self._flush)
            self._out.append(piece)
        else:
            self._transport.write(piece)

    def _forget(self) -> None:
        """Let nobody work for answers that nobody takes."""
        for turn in self._turns:
            if turn.asked is not None and turn.asked.forget is not None:
                turn.asked.forget()
        self._turns.clear()

    def _flush(self) -> None:
        if self._out and not self._is_gone:
            pieces, self._out, self._out_bytes = self._out, [], 0
            self._transport.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def _end(self) -> None:
        """Write no more; wait a moment for the caller to read, then close.

        A socket that is closed while bytes lie unread takes its last answer with it.
        """
        self._forget()
        self._step, self._since = _LINGERS, self._front.now
        self._flush()
        self._resume()
        if self._is_half:
            self._transport.close()
        elif self._transport.can_write_eof():
            self._transport.write_eof()
