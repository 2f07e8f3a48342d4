"""Blobs in S3, Google Cloud Storage and Azure, by way of obstore (imported here only)."""

import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotSupportedError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import from_url

from bucle.base.errors import Invalid, NotFound, Unavailable
from bucle.drivers.blobs.keys import check_key, check_prefix
from bucle.drivers.blobs.protocol import BlobInfo

_CHUNK_BYTES = 8 << 20
_YOUNG = timedelta(hours=1)
_HINTS = {
    "s3": "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL",
    "gs": "check GOOGLE_APPLICATION_CREDENTIALS",
    "az": "check AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}


class ObjectBlobs:
    """A bucket, or a folder of one: `s3://bucket/folder`, `gs://...`, `az://...`.

    Credentials and the endpoint come from each cloud's usual environment variables.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._hint = _HINTS[url.partition(":")[0]]
        try:
            self._store = from_url(
                url,
                client_options={"allow_http": True, "connect_timeout": timedelta(seconds=5)},
                retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=30)},
            )
        except (BaseError, ValueError) as error:
            raise Invalid(f"cannot open {url!r}: {_first_line(error)}", hint=self._hint) from error

    @property
    def incoming_path(self) -> Path | None:
        """Return `None`: every folder is as far from a cloud."""
        return None

    def put(self, key: str, content: bytes | Path) -> None:
        """Upload in parts; the store shows the object when the last part is in."""
        check_key(key)
        with self._translated(f"cannot write {key}"):
            obstore.put(self._store, key, _checked(content), chunk_size=_CHUNK_BYTES)

    def create(self, key: str, content: bytes | Path) -> bool:
        """Upload on the condition that nothing is there (`If-None-Match: *`)."""
        check_key(key)
        with self._translated(f"cannot write {key}"):
            try:
                obstore.put(self._store, key, _checked(content), mode="create")
            except AlreadyExistsError:
                return False
        return True

    def take(self, key: str, path: Path) -> None:
        """Upload, then remove the file."""
        self.put(key, path)
        path.unlink(missing_ok=True)

    def get(self, key: str) -> bytes:
        """Fetch a whole object."""
        check_key(key)
        with self._translated(f"cannot read {key}"):
            return bytes(obstore.get(self._store, key).bytes())

    def get_range(self, key: str, start: int, end: int) -> bytes:
        """Fetch a part of an object, asking for its size first: a range past it is an error."""
        if not 0 <= start <= end:
            raise Invalid(f"{start}..{end} is not a range of bytes", hint="0 <= start <= end")
        end = min(end, self.size(key))
        if start >= end:
            return b""
        with self._translated(f"cannot read {key}"):
            return bytes(obstore.get_range(self._store, key, start=start, end=end))

    def download(self, key: str, path: Path) -> None:
        """Stream an object into a file beside its place, then rename."""
        check_key(key)
        part = path.parent / f".{uuid.uuid4().hex}.part"
        try:
            with self._translated(f"cannot download {key} to {path}"):
                chunks = obstore.get(self._store, key).stream(min_chunk_size=_CHUNK_BYTES)
                _save(chunks, part, path)
        finally:
            part.unlink(missing_ok=True)

    def exists(self, key: str) -> bool:
        """Tell whether the object is there."""
        return self.version(key) is not None

    def size(self, key: str) -> int:
        """Return the object's size."""
        check_key(key)
        with self._translated(f"cannot read {key}"):
            return obstore.head(self._store, key)["size"]

    def list(self, prefix: str = "") -> Iterator[BlobInfo]:
        """List a folder, page by page."""
        folder = check_prefix(prefix)
        with self._translated(f"cannot list {prefix!r}"):
            for page in obstore.list(self._store, prefix=folder or None):
                for found in page:
                    yield BlobInfo(
                        key=found["path"],
                        size_bytes=found["size"],
                        modified_at=found["last_modified"],
                    )

    def delete(self, key: str) -> None:
        """Remove the object."""
        check_key(key)
        with self._translated(f"cannot delete {key}"):
            try:
                obstore.delete(self._store, key)
            except FileNotFoundError:
                return

    def refresh(self, key: str) -> bool:
        """Write the object over itself, unless it is young."""
        check_key(key)
        with self._translated(f"cannot read {key}"):
            try:
                dated = obstore.head(self._store, key)["last_modified"]
                if datetime.now(UTC) - dated < _YOUNG:
                    return True
                content = obstore.get(self._store, key).bytes()
            except FileNotFoundError:
                return False
        with self._translated(f"cannot write {key}"):
            obstore.put(self._store, key, content, chunk_size=_CHUNK_BYTES)
        return True

    def delete_before(self, key: str, moment: datetime) -> bool:
        """Look at the object's date, and remove it."""
        check_key(key)
        with self._translated(f"cannot delete {key}"):
            try:
                if obstore.head(self._store, key)["last_modified"] >= moment:
                    return False
                obstore.delete(self._store, key)
            except FileNotFoundError:
                return False
        return True

    def version(self, key: str) -> str | None:
        """Return the object's ETag."""
        check_key(key)
        with self._translated(f"cannot read {key}"):
            try:
                found = obstore.head(self._store, key)
            except FileNotFoundError:
                return None
        return found["e_tag"] or f"{found['last_modified'].isoformat()}-{found['size']}"

    def local_path(self, key: str) -> Path | None:
        """Return `None`: nothing of this lies on this machine."""
        check_key(key)
        return None

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        """Turn the cloud's refusals into errors that say what to do."""
        what = f"{what} in {self.url}"
        try:
            yield
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error) or what.startswith("cannot write"):
                raise Unavailable(f"{what}: there is no such bucket", hint=self._hint) from error
            raise NotFound(f"{what}: there is no such blob") from error
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise Unavailable(f"{what}: {_first_line(error)}", hint=self._hint) from error
        except NotSupportedError as error:
            raise Invalid(f"{what}: {_first_line(error)}") from error
        except BaseError as error:
            raise Unavailable(f"{what}: {_first_line(error)}", hint=self._hint) from error
        except OSError as error:  # of the file that is downloaded
            raise Unavailable(f"{what}: {error.strerror or error}") from error


def _save(chunks: Iterable[bytes | obstore.Bytes], part: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with part.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _checked(content: bytes | Path) -> bytes | Path:
    if isinstance(content, Path) and not content.is_file():
        raise NotFound(f"cannot store {content}: there is no such file")
    return content


def _first_line(error: Exception) -> str:
    """Leave out obstore's dump of its own state."""
    return str(error).partition("\n")[0]
