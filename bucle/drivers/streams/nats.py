"""Topics in NATS JetStream (nats-py is imported here only).

A topic is a stream of JetStream with one subject, `bucle.stream.<topic>`, kept on disk; positions
are its sequence numbers.  Each read is a consumer of its own that is gone afterwards: where a
reader stands is kept with what it counted.  nats-py speaks asyncio, so one thread runs its loop.
"""

import asyncio
import secrets
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from bucle.base.errors import NotInstalled, Unavailable
from bucle.base.urls import without_password
from bucle.drivers.streams.names import (
    check_topic,
    check_values,
    number_of_position,
    plain_name,
    position_of_number,
)
from bucle.drivers.streams.protocol import Record

try:
    import nats
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.errors import Error as NatsError
    from nats.js import JetStreamContext
    from nats.js.api import (
        AckPolicy,
        ConsumerConfig,
        DeliverPolicy,
        StorageType,
        StreamConfig,
        StreamInfo,
    )
    from nats.js.errors import NotFoundError
except ImportError as error:
    raise NotInstalled(
        "a stream store in NATS needs a package that is not installed (nats-py)",
        hint="pip install 'bucle[nats]'",
    ) from error

T = TypeVar("T")

_CONNECT_TIMEOUT_S = 2
_ANSWER_TIMEOUT_S = 10.0
_PER_BATCH = 1_000
_LOOK_AGAIN_S = 0.05
_FORGOTTEN_AFTER_S = 30.0  # a consumer whose reader died


class NatsStream:
    """`nats://user:password@host:4222`, or `tls://...`."""

    def __init__(self, url: str) -> None:
        self.url = without_password(url)
        self._secret_url = url
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._client: Client | None = None
        self._topics: set[str] = set()  # that have their stream

    def append(self, topic: str, values: Sequence[bytes]) -> str:
        """Publish values; return when the server has each of them."""
        name = plain_name(check_topic(topic))
        check_values(values)
        if not values:
            return ""
        return position_of_number(self._ask("write", lambda jet: self._append(jet, name, values)))

    def read(self, topic: str, after: str, limit: int, wait_s: float = 0) -> list[Record]:
        """Return messages after a position."""
        name = plain_name(check_topic(topic))
        number = number_of_position(after)
        return self._ask("read", lambda jet: _read(jet, name, number, limit, wait_s))

    def trim(self, topic: str, upto: str) -> None:
        """Forget messages up to a position."""
        name = plain_name(check_topic(topic))
        if number := number_of_position(upto):
            self._ask("write", lambda jet: _trim(jet, name, number))

    def count(self, topic: str) -> int:
        """Return how many messages a topic holds."""
        name = plain_name(check_topic(topic))
        info = self._ask("read", lambda jet: _info(jet, name))
        return info.state.messages if info else 0

    def close(self) -> None:
        """Close the connection and end the thread."""
        with self._lock:
            loop, thread, client = self._loop, self._thread, self._client
            self._loop = self._thread = self._client = None
        if loop is None or thread is None:
            return
        if client is not None:
            asyncio.run_coroutine_threadsafe(client.close(), loop).result(_ANSWER_TIMEOUT_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    async def _append(self, jet: JetStreamContext, name: str, values: Sequence[bytes]) -> int:
        if name not in self._topics:
            await _create(jet, name)
            self._topics.add(name)
        last = 0
        for start in range(0, len(values), _PER_BATCH):
            # One after the other on one connection: the server numbers them in this order.
            answers = [
                await jet.publish_async(_subject(name), value, wait_stall=_ANSWER_TIMEOUT_S)
                for value in values[start : start + _PER_BATCH]
            ]
            done = await asyncio.wait_for(asyncio.gather(*answers), _ANSWER_TIMEOUT_S)
            last = done[-1].seq
        return last

    def _ask(self, act: str, question: Callable[[JetStreamContext], Coroutine[Any, Any, T]]) -> T:
        async def asked() -> T:
            return await question(await self._connected())

        try:
            return asyncio.run_coroutine_threadsafe(asked(), self._running()).result()
        except (NatsError, OSError, TimeoutError) as error:
            raise Unavailable(
                f"the stream store {self.url} cannot {act}: {error or type(error).__name__}",
                hint="is NATS running with JetStream (nats-server -js), and BUCLE_STREAMS_URL "
                "right?",
            ) from error

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="nats", daemon=True
                )
                self._thread.start()
            return self._loop

    async def _connected(self) -> JetStreamContext:
        if self._client is None or self._client.is_closed:
            self._client = await nats.connect(
                self._secret_url,
                connect_timeout=_CONNECT_TIMEOUT_S,
                allow_reconnect=True,
                max_reconnect_attempts=2,
                reconnect_time_wait=1,
                error_cb=_told_by_the_call,
            )
            self._topics.clear()
        return self._client.jetstream(timeout=_ANSWER_TIMEOUT_S)


async def _told_by_the_call(_: Exception) -> None:
    """Say nothing: the call that waits fails and says it."""


def _subject(name: str) -> str:
    return f"bucle.stream.{name}"


def _stream(name: str) -> str:
    return f"bucle_stream_{name}"


async def _create(jet: JetStreamContext, name: str) -> None:
    if await _info(jet, name) is None:
        config = StreamConfig(
            name=_stream(name), subjects=[_subject(name)], storage=StorageType.FILE
        )
        await jet.add_stream(config)


async def _info(jet: JetStreamContext, name: str) -> StreamInfo | None:
    try:
        return await jet.stream_info(_stream(name))
    except NotFoundError:
        return None


async def _trim(jet: JetStreamContext, name: str, number: int) -> None:
    info = await _info(jet, name)
    if info and info.state.messages:
        await jet.purge_stream(_stream(name), seq=min(number, info.state.last_seq) + 1)


async def _read(
    jet: JetStreamContext, name: str, after: int, limit: int, wait_s: float
) -> list[Record]:
    until = time.monotonic() + wait_s
    while True:
        info = await _info(jet, name)
        if info and info.state.messages and info.state.last_seq > after:
            begin = max(after + 1, info.state.first_seq)
            wanted = min(limit, _PER_BATCH, info.state.last_seq - begin + 1)
            if found := await _fetch(jet, name, begin, wanted):
                return found
        left = until - time.monotonic()
        if left <= 0:
            return []
        await asyncio.sleep(min(_LOOK_AGAIN_S, left))


async def _fetch(jet: JetStreamContext, name: str, begin: int, wanted: int) -> list[Record]:
    consumer = f"read-{secrets.token_hex(12)}"
    await jet.add_consumer(
        _stream(name),
        ConsumerConfig(
            name=consumer,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=begin,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=_FORGOTTEN_AFTER_S,
            mem_storage=True,
        ),
    )
    subscription = await jet.pull_subscribe_bind(consumer=consumer, stream=_stream(name))
    try:
        messages = await subscription.fetch(wanted, timeout=_ANSWER_TIMEOUT_S)
    finally:
        await subscription.unsubscribe()
        await jet.delete_consumer(_stream(name), consumer)
    return _records(messages)


def _records(messages: Sequence[Msg]) -> list[Record]:
    """Return messages up to the first gap: one that the client dropped is read next time."""
    found: list[Record] = []
    for message in messages:
        sequence = message.metadata.sequence
        if sequence.consumer != len(found) + 1:
            break
        found.append(Record(position_of_number(sequence.stream), message.data))
    return found
