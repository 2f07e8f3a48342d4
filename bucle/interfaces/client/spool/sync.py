"""Deliver what earlier processes left in their spools."""

from collections.abc import Callable
from functools import partial

import msgspec

from bucle.base.errors import BucleError, Denied, Unavailable
from bucle.base.refs import Ref
from bucle.interfaces.client.captures import CONSOLE_PATH, read_console
from bucle.interfaces.client.client import Client
from bucle.interfaces.client.spool.courier import Courier
from bucle.interfaces.client.spool.folder import Spool, list_refused, take_spools
from bucle.interfaces.client.spool.points import count_rows

_DIED = "its process died, and its spool was delivered without an end"


class Synced(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the spools of this project at this server."""

    delivered: tuple[Ref, ...]  # runs whose spool was delivered whole
    busy: int  # spools that another process is delivering
    refused: tuple[str, ...]  # folders of what the server did not want, and why
    left: tuple[str, ...] = ()  # spools that could not be delivered now
    error: str = ""  # why


def sync(client: Client, *, told: Callable[[Ref], None] = lambda _: None) -> Synced:
    """Deliver every spool that nobody is delivering, oldest run first; end those of the dead.

    Two at once do not get in each other's way: each spool has a lock.
    """
    place = client.transport.spool_path
    delivered: list[Ref] = []
    left: list[str] = []
    busy, error = 0, ""
    for spool in take_spools(place):
        if spool is None:
            busy += 1
            continue
        try:
            _deliver(client, spool)
        except (Unavailable, Denied) as problem:
            left.append(str(spool.path))
            error = f"{problem}"
            spool.close()
        except BaseException:
            spool.close()
            raise
        else:
            delivered.append(Ref("run", spool.run))
            told(delivered[-1])
            spool.remove()
    return Synced(
        delivered=tuple(delivered),
        busy=busy,
        left=tuple(left),
        error=error,
        refused=tuple(str(path) for path in list_refused(place)),
    )


def _deliver(client: Client, spool: Spool) -> None:
    """Deliver a spool whose process is gone; if it began the run, nobody else will end it."""
    courier = Courier(client, spool, partial(count_rows, spool.path))
    courier.deliver()
    if courier.started and not courier.finished:
        try:
            if output := read_console(spool.path):
                courier.log_file(CONSOLE_PATH, output)
            courier.finish_dead(_DIED)
        except (Unavailable, Denied):
            raise
        except BucleError:  # it ended in another way meanwhile; that stands
            return
