"""Find and fetch what other programs put into a folder or a bucket; nothing is written there.

Apart from the blob stores: these files are somebody else's, of any name, and come and go.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bucle.base.errors import Invalid, NotFound, Unavailable
from bucle.drivers.blobs.drafts import Draft

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_CHUNK_BYTES = 1 << 20
_WILD = frozenset("*?[")


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is there now."""

    name: str  # its whole address
    size_bytes: int
    mark: str  # what changes when the file does
    modified_at: datetime


def find_arrivals(url: str) -> Iterator[Found]:
    """Yield the files that a folder's address or pattern means: `file:///in/*.csv`, `s3://b/in/`.

    An address that ends in `/` means the files in that folder; `*` and `?` stand for letters of a
    name, `**` for folders too.

    Raises:
        Invalid: no absolute folder, or no bucket.
        NotFound: there is no such folder.
        Unavailable: it can not be read.
    """
    if url.startswith("file://"):
        return _of_folder(url)
    return _of_bucket(url)


def fetch_arrival(found: Found, draft: Draft, *, most_bytes: int) -> None:
    """Copy a file as it is now.

    Raises:
        Invalid: it is larger than allowed.
        NotFound: it is gone, or changed since it was found.
        Unavailable: it can not be read.
    """
    if found.size_bytes > most_bytes:
        raise Invalid(
            f"{found.name} has {found.size_bytes} bytes, more than {most_bytes}",
            hint="allow more: most_bytes: 10 GB",
        )
    if found.name.startswith("file://"):
        with _told(found.name), Path(found.name.removeprefix("file://")).open("rb") as file:
            while part := file.read(_CHUNK_BYTES):
                draft.write(part)
            _require_same(found, _mark(os.fstat(file.fileno())))
        return
    with _told(found.name):
        import obstore

        bucket, _, key = found.name.partition("://")[2].partition("/")
        store = _bucket(f"{found.name.partition('://')[0]}://{bucket}")
        got = obstore.get(store, key)
        etag = got.meta["e_tag"]
        _require_same(found, etag or found.mark)
        for chunk in got.stream(min_chunk_size=_CHUNK_BYTES):
            draft.write(bytes(chunk))


def _mark(seen: os.stat_result) -> str:
    return f"{seen.st_size}-{seen.st_mtime_ns}-{seen.st_ino}"


def _require_same(found: Found, mark: str) -> None:
    if mark != found.mark:
        raise NotFound(
            f"{found.name} changed while it was read", hint="it is looked at again at the next pull"
        )


def _of_folder(url: str) -> Iterator[Found]:
    folder, pattern = _split(url.removeprefix("file://"))
    root = Path(folder)
    if not root.is_absolute():
        raise Invalid(f"{url!r} is no absolute folder", hint="file:///absolute/folder/*.csv")
    if not root.is_dir():
        raise NotFound(f"{folder} is no folder", hint="make it, or check the source's address")
    with _told(folder):
        walked = os.walk(root) if "/" in pattern or "**" in pattern else [next(os.walk(root))]
        for place, _, names in sorted(walked):
            for name in sorted(names):
                path = Path(place) / name
                if not _fits(str(path.relative_to(root)), pattern):
                    continue
                try:
                    seen = path.stat()
                except FileNotFoundError:  # it was taken away meanwhile
                    continue
                yield Found(
                    name=f"file://{path}",
                    size_bytes=seen.st_size,
                    mark=_mark(seen),
                    modified_at=datetime.fromtimestamp(seen.st_mtime, UTC),
                )


def _of_bucket(url: str) -> Iterator[Found]:
    import obstore

    scheme, _, rest = url.partition("://")
    bucket, _, path = rest.partition("/")
    if not bucket:
        raise Invalid(f"{url!r} names no bucket", hint=f"{scheme}://bucket/folder/*.csv")
    folder, pattern = _split(path)
    with _told(url):
        store = _bucket(f"{scheme}://{bucket}")
        for page in obstore.list(store, prefix=folder.rstrip("/") or None):
            for one in page:
                key = one["path"]
                if not _fits(key.removeprefix(folder), pattern):
                    continue
                at = one["last_modified"]
                yield Found(
                    name=f"{scheme}://{bucket}/{key}",
                    size_bytes=one["size"],
                    mark=one["e_tag"] or f"{one['size']}-{at.isoformat()}",
                    modified_at=at,
                )


def _bucket(url: str) -> "ObjectStore":
    from obstore.store import from_url

    return from_url(
        url,
        client_options={"allow_http": True, "connect_timeout": timedelta(seconds=5)},
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=30)},
    )


def _split(path: str) -> tuple[str, str]:
    """Return the folder before the first wild card, and the pattern of names in it."""
    parts = path.split("/")
    place = next((n for n, part in enumerate(parts) if _WILD & set(part)), len(parts) - 1)
    folder = "/".join(parts[:place])
    return (f"{folder}/" if folder or place else ""), "/".join(parts[place:]) or "*"


def _fits(name: str, pattern: str) -> bool:
    """Compare by folders: `*` stands for no `/`, and `**` for any folders, none too."""
    return _parts_fit(name.split("/"), pattern.split("/"))


def _parts_fit(names: list[str], patterns: list[str]) -> bool:
    if not patterns:
        return not names
    if patterns[0] == "**":
        rest = patterns[1:] or ["*"]
        return any(_parts_fit(names[start:], rest) for start in range(len(names) + 1))
    return bool(
        names and fnmatchcase(names[0], patterns[0]) and _parts_fit(names[1:], patterns[1:])
    )


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn refusals of a file system or a cloud into errors that say what to do."""
    from obstore.exceptions import BaseError

    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(f"{what} is not there", hint="check the source's address") from error
    except OSError as error:
        raise Unavailable(f"{what} can not be read: {error.strerror or error}") from error
    except BaseError as error:
        reason = str(error).partition("\n")[0]
        raise Unavailable(
            f"{what} can not be read: {reason}",
            hint="check the address and the cloud's variables, such as AWS_ACCESS_KEY_ID",
        ) from error
