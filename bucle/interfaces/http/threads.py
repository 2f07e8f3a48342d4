"""Verbs block; the event loop must not.  Quick ones and long ones have threads of their own."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

# Together not more than the connections that a database's pool opens (10, and 5 in a rush).
_QUICK = 10
_LONG = 4


class Threads:
    """Where a server's blocking work runs: a training does not keep a page waiting."""

    def __init__(self) -> None:
        self._quick = ThreadPoolExecutor(_QUICK, thread_name_prefix="quick")
        self.stopping = threading.Event()  # set once the server is asked to stop: wait no more
        self._long = ThreadPoolExecutor(_LONG, thread_name_prefix="long")

    async def quick(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run what takes milliseconds."""
        return await self._run(self._quick, lambda: function(*args, **kwargs))

    async def long(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run what may take minutes."""
        return await self._run(self._long, lambda: function(*args, **kwargs))

    def close(self) -> None:
        """Take no more work; what waits is dropped, what runs ends."""
        self._quick.shutdown(wait=False, cancel_futures=True)
        self._long.shutdown(wait=False, cancel_futures=True)

    @staticmethod
    async def _run(pool: ThreadPoolExecutor, function: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(pool, function)
