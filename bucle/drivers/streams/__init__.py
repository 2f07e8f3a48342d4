"""Stream stores: what came, in its order, chosen by URL."""

from pathlib import Path

from bucle.base.errors import Invalid
from bucle.drivers.streams.protocol import LONGEST_BYTES, Record, Stream

__all__ = ["LONGEST_BYTES", "Record", "Stream", "open_streams"]


def open_streams(url: str) -> Stream:
    """Open the stream store that a URL names.

    Raises:
        Invalid: the URL is of no known kind, or incomplete.
        NotInstalled: the kind needs a package that is not there.
    """
    scheme = url.partition(":")[0]
    if scheme == "local":
        folder = Path(url.removeprefix("local://"))
        if not folder.is_absolute():
            raise Invalid(f"{url!r} is not an absolute folder", hint="local:///absolute/folder")
        # Imported here: each store's library only where that store is used.
        from bucle.drivers.streams.local import LocalStream

        return LocalStream(folder)
    if scheme in {"redis", "rediss"}:
        from bucle.drivers.streams.redis import RedisStream

        return RedisStream(url)
    if scheme in {"nats", "tls"}:
        from bucle.drivers.streams.nats import NatsStream

        return NatsStream(url)
    raise Invalid(
        f"{url!r} is not the URL of a stream store",
        hint="local:///absolute/folder, redis://host:6379/0 or nats://host:4222",
    )
