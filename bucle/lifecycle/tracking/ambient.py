"""The run in whose name code runs, so that a function deep below need not be handed it.

A pipeline step and the SDK's `with bucle.run(...)` set it; `bucle.log_metric` and a
registration read it.  Each thread and each task of asyncio has its own.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from bucle.base.refs import Ref
from bucle.governance.session import Session


@dataclass(frozen=True, kw_only=True)
class Ambient:
    """A run that is going on here.

    What is put into `closing` is called at the end of the block, before the run is ended:
    points that are still on their way arrive first.
    """

    run: Ref
    closing: ExitStack
    session: Session | None = None  # None: it is known to a server only


_AMBIENT: ContextVar[Ambient | None] = ContextVar("bucle_ambient_run", default=None)


def ambient_run() -> Ambient | None:
    """Return the run that is going on here, or None."""
    return _AMBIENT.get()


@contextmanager
def within(run: Ref, session: Session | None = None) -> Iterator[None]:
    """Let the block run in the name of a run."""
    with ExitStack() as closing:
        token = _AMBIENT.set(Ambient(run=run, session=session, closing=closing))
        closing.callback(_AMBIENT.reset, token)
        yield
