"""Rows in Redis, for model servers on several machines (redis-py is imported here only).

A table is one hash: reading many keys is one round trip, counting and clearing are one
command, and a write of many rows is one transaction.  The price: a table lives on one node.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import cast

from bucle.base.errors import Invalid, NotInstalled, Unavailable
from bucle.base.urls import without_password
from bucle.drivers.online.names import check_table

try:
    import redis
    from redis.exceptions import RedisError
except ImportError as error:
    raise NotInstalled(
        "an online store in Redis needs a package that is not installed (redis)",
        hint="pip install 'bucle[redis]'",
    ) from error

_ROWS_PER_COMMAND = 5_000  # one command blocks the server while it runs
_CONNECT_TIMEOUT_S = 2.0
_ANSWER_TIMEOUT_S = 10.0


class RedisOnline:
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

    def write(self, table: str, rows: Mapping[bytes, bytes]) -> None:
        """Write rows in one transaction."""
        name = _hash_name(table)
        items = iter(rows.items())
        with self._translated("write"), self._client.pipeline(transaction=True) as pipeline:
            while part := list(islice(items, _ROWS_PER_COMMAND)):
                pipeline.hset(name, items=[field for row in part for field in row])
            pipeline.execute()

    def read(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the row of each key, in one round trip."""
        name = _hash_name(table)
        if not keys:
            return []
        with self._translated("read"):
            found = self._client.hmget(name, list(keys))
        return cast("list[bytes | None]", found)  # text only with decode_responses

    def delete(self, table: str, keys: Sequence[bytes]) -> None:
        """Remove rows in one transaction."""
        name = _hash_name(table)
        with self._translated("write"), self._client.pipeline(transaction=True) as pipeline:
            for start in range(0, len(keys), _ROWS_PER_COMMAND):
                pipeline.hdel(name, *keys[start : start + _ROWS_PER_COMMAND])
            pipeline.execute()

    def clear(self, table: str) -> None:
        """Remove a table; the server frees its memory in the background."""
        name = _hash_name(table)
        with self._translated("write"):
            self._client.unlink(name)

    def count(self, table: str) -> int:
        """Return the number of rows."""
        name = _hash_name(table)
        with self._translated("read"):
            return int(self._client.hlen(name))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @contextmanager
    def _translated(self, act: str) -> Iterator[None]:
        try:
            yield
        except RedisError as error:
            raise Unavailable(
                f"the online store {self.url} cannot {act}: {error}",
                hint="is Redis running, and BUCLE_ONLINE_URL right?",
            ) from error


def _hash_name(table: str) -> str:
    return f"bucle:online:{check_table(table)}"
