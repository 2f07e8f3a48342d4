"""A Redis to test against: one that was named, one of our own, or one that runs here.

`BUCLE_TEST_REDIS_URL` names a database that may be emptied.  Otherwise a server of our own is
started, because a server that runs here holds somebody's keys; only an empty database of such
a server is used.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis, RedisError

from tests.support.absent import missing
from tests.support.processes import free_port, stop, wait_until

_NAMED = os.environ.get("BUCLE_TEST_REDIS_URL", "")


@contextmanager
def server() -> Iterator[str]:
    """Yield the URL of a database that belongs to this test session."""
    if _NAMED:
        yield _NAMED
        return
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program:
        with _own_server(program) as url:
            yield url
        return
    yield _empty_database()


def empty(url: str) -> None:
    """Forget every key of the database."""
    with Redis.from_url(url) as client:
        client.flushdb()


@contextmanager
def _own_server(program: str) -> Iterator[str]:
    url = f"redis://127.0.0.1:{(port := free_port())}/0"
    with tempfile.TemporaryDirectory(prefix="bucle-redis-") as folder:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder,
                   "--save", "", "--appendonly", "no"]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            if not wait_until(lambda: _answers(url), within_s=20):
                missing(f"{program} was started and did not answer")
            yield url
        finally:
            stop(process)


def _empty_database() -> str:
    url = next((url for url in _databases() if _answers(url) and _is_empty(url)), None)
    return url or missing("no Redis: set BUCLE_TEST_REDIS_URL, or apt-get install redis-server")


def _databases() -> list[str]:
    return [f"redis://127.0.0.1:6379/{number}" for number in range(15, 0, -1)]


def _is_empty(url: str) -> bool:
    with Redis.from_url(url) as client:
        return client.dbsize() == 0


def _answers(url: str) -> bool:
    try:
        with Redis.from_url(url, socket_connect_timeout=1) as client:
            return bool(client.ping())
    except RedisError:
        return False
