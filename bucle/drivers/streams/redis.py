"""Topics in Redis's own streams (redis-py is imported here only).

A topic is the key `bucle:stream:<topic>`, a value the field `event` of an entry, so that any
program can write one: `XADD bucle:stream:shop/payments * event '{"card": 1}'`.  No consumer group
is used: where a reader stands is kept with what it counted.  How durable an append is follows
from the server: `appendonly yes` with `appendfsync always` for a power cut.
"""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bucle.base.errors import Invalid, NotInstalled, Unavailable
from bucle.base.urls import without_password
from bucle.drivers.streams.names import (
    DIGITS,
    check_topic,
    check_values,
    wrong_position,
)
from bucle.drivers.streams.protocol import Record

try:
    import redis
    from redis.exceptions import RedisError
except ImportError as error:
    raise NotInstalled(
        "a stream store in Redis needs a package that is not installed (redis)",
        hint="pip install 'bucle[redis]'",
    ) from error

_FIELD = b"event"
_PER_TRANSACTION = 2_000
_CONNECT_TIMEOUT_S = 2.0
_ANSWER_TIMEOUT_S = 10.0
_LONGEST_WAIT_S = 5.0  # of one command: shorter than the answer's time-out
_POSITION = re.compile(rf"([0-9]{{{DIGITS}}})-([0-9]{{{DIGITS}}})")
_LAST_NUMBER = 2**64 - 1


class RedisStream:
    """`redis://user:password@host:port/db`, or `rediss://...` for TLS."""

    def __init__(self, url: str) -> None:
        self.url = without_password(url)
        try:
            self._client: redis.Redis = redis.Redis.from_url(
                url,
                socket_connect_timeout=_CONNECT_TIMEOUT_S,
                socket_timeout=_ANSWER_TIMEOUT_S,
            )
        except ValueError as error:
            raise Invalid(f"{self.url!r}: {error}", hint="redis://host:6379/0") from error

    def append(self, topic: str, values: Sequence[bytes]) -> str:
        """Write values in transactions of two thousand."""
        name = _key(topic)
        check_values(values)
        last = ""
        for start in range(0, len(values), _PER_TRANSACTION):
            with self._translated("write"), self._client.pipeline(transaction=True) as pipeline:
                for value in values[start : start + _PER_TRANSACTION]:
                    pipeline.xadd(name, {_FIELD: value})
                last = _position(pipeline.execute()[-1])
        return last

    def read(self, topic: str, after: str, limit: int, wait_s: float = 0) -> list[Record]:
        """Return entries after a position; those without the field `event` are empty values."""
        name, place = _key(topic), _entry_id(after)
        until = time.monotonic() + wait_s
        while True:
            left = min(until - time.monotonic(), _LONGEST_WAIT_S)
            block = max(1, round(left * 1000)) if left > 0 else None  # None: at once
            with self._translated("read"):
                answer = self._client.xread({name: place}, count=limit, block=block)
            if found := _records(answer):
                return found
            if time.monotonic() >= until:
                return []

    def trim(self, topic: str, upto: str) -> None:
        """Forget entries up to a position."""
        name = _key(topic)
        if not upto:
            return
        with self._translated("write"):
            self._client.xtrim(name, minid=_following(upto), approximate=False)

    def count(self, topic: str) -> int:
        """Return how many entries a topic holds."""
        name = _key(topic)
        with self._translated("read"):
            return int(self._client.xlen(name))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @contextmanager
    def _translated(self, act: str) -> Iterator[None]:
        try:
            yield
        except RedisError as error:
            raise Unavailable(
                f"the stream store {self.url} cannot {act}: {error}",
                hint="is Redis running, and BUCLE_STREAMS_URL right?",
            ) from error


def _key(topic: str) -> str:
    return f"bucle:stream:{check_topic(topic)}"


def _records(answer: Any) -> list[Record]:  # noqa: ANN401 - a list or, in RESP3, a mapping
    streams = answer.values() if isinstance(answer, dict) else [entries for _, entries in answer]
    found: list[Record] = []
    for entries in streams:
        # RESP3 wraps the entries of a stream in one more list.
        flat = entries[0] if entries and isinstance(entries[0], list) else entries
        found += [Record(_position(id_), (fields or {}).get(_FIELD, b"")) for id_, fields in flat]
    return found


def _position(entry_id: bytes) -> str:
    """Return an entry's id, milliseconds and number, with as many digits for all."""
    milliseconds, _, number = entry_id.decode().partition("-")
    return f"{int(milliseconds):0{DIGITS}d}-{int(number):0{DIGITS}d}"


def _numbers(position: str) -> tuple[int, int]:
    found = _POSITION.fullmatch(position)
    if not found:
        raise wrong_position(position)
    return int(found[1]), int(found[2])


def _entry_id(position: str) -> str:
    if not position:
        return "0-0"
    milliseconds, number = _numbers(position)
    return f"{milliseconds}-{number}"


def _following(position: str) -> str:
    milliseconds, number = _numbers(position)
    if number == _LAST_NUMBER:
        return f"{milliseconds + 1}-0"
    return f"{milliseconds}-{number + 1}"
