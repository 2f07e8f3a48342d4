"""Keep tuning away from what is to confirm it: under a seal, a split dataset is read by parts.

A search that sees the confirming rows picks what fits them by chance, and they confirm nothing
any more.  The seal is of a thread or task, as the run that goes on there is.  It can not reach
rows that were in memory before, nor a process that an objective starts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from bucle.base.errors import Refused
from bucle.base.refs import Ref
from bucle.governance.scope import Scope
from bucle.lifecycle.data import store

_SEALED: ContextVar[str] = ContextVar("bucle_data_sealed", default="")


@contextmanager
def sealed(why: str) -> Iterator[None]:
    """Let the block read no confirming part, nor a whole version of a dataset that is split."""
    token = _SEALED.set(why)
    try:
        yield
    finally:
        _SEALED.reset(token)


def require_unsealed(ref: Ref) -> None:
    """Go on only outside of a seal.

    Raises:
        Refused: something here is being tuned.
    """
    if why := _SEALED.get():
        raise Refused(
            f"the confirming part of {ref} can not be read: {why}",
            hint="tune on the parts fit and select; the gates look at the confirming part",
        )


def require_whole(scope: Scope, ref: Ref) -> None:
    """Go on only if whole versions of a dataset may be read here.

    Raises:
        Refused: something here is being tuned, and the dataset has a split.
    """
    why = _SEALED.get()
    if not why:
        return
    split = store.find_split_of(scope.tx, scope.project, ref.name)
    if split is not None:
        raise Refused(
            f"{ref} can not be read whole, as {split.ref} holds rows back to confirm: {why}",
            hint=f"read a part: bucle.dataset({ref.name!r}).part({split.ref.name!r}, 'fit')",
        )
