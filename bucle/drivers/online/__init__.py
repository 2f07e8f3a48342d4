"""Online stores: the latest row of a key, chosen by URL."""

from pathlib import Path

from bucle.base.errors import Invalid
from bucle.drivers.online.memory import MemoryOnline
from bucle.drivers.online.protocol import OnlineStore

__all__ = ["OnlineStore", "open_online"]


def open_online(url: str) -> OnlineStore:
    """Open the online store that a URL names.

    Raises:
        Invalid: the URL is of no known kind, or incomplete.
        NotInstalled: the kind needs a package that is not there.
    """
    scheme = url.partition(":")[0]
    if url == "memory:":
        return MemoryOnline()
    if scheme == "lmdb":
        folder = Path(url.removeprefix("lmdb://"))
        if not folder.is_absolute():
            raise Invalid(f"{url!r} is not an absolute folder", hint="lmdb:///absolute/folder")
        # Imported here: each store's library only where that store is used.
        from bucle.drivers.online.lmdb import LmdbOnline

        return LmdbOnline(folder)
    if scheme in {"redis", "rediss"}:
        from bucle.drivers.online.redis import RedisOnline

        return RedisOnline(url)
    raise Invalid(
        f"{url!r} is not the URL of an online store",
        hint="lmdb:///absolute/folder, redis://host:6379/0 or memory:",
    )
