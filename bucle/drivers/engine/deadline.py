"""How long statements may run: said around a call, and kept by the engine that runs it.

It is no parameter of the engine's calls, because those who bound a statement (a question of a
person at a server) are not those who write it.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from bucle.base.errors import Refused

_SECONDS: ContextVar[float | None] = ContextVar("bucle_engine_seconds", default=None)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Let every statement that is run within this block take at most so long.

    Raises:
        Refused: one took longer; it was stopped, and left nothing.
    """
    token = _SECONDS.set(seconds)
    try:
        yield
    finally:
        _SECONDS.reset(token)


@contextmanager
def kept(interrupt: Callable[[], None]) -> Iterator[None]:
    """Interrupt what runs in this block when its time is over; engines call this."""
    seconds = _SECONDS.get()
    if seconds is None:
        yield
        return
    over = threading.Event()

    def stop() -> None:
        over.set()
        interrupt()

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception as error:
        if over.is_set():
            raise Refused(
                f"the statement ran longer than {seconds:g} s and was stopped",
                hint="ask for fewer rows or columns, or allow it more time",
            ) from error
        raise
    finally:
        timer.cancel()
