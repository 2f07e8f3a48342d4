"""Where artifacts lie: folders of this machine and buckets; what lies elsewhere is told."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from bucle.base.errors import BucleError, Invalid, NotFound
from bucle.drivers.blobs import BlobStore, open_blobs
from bucle.interfaces.client.importing.records import FoundFile
from bucle.interfaces.client.importing.source import Files, Unreadable

_CLOUDS = {"s3": "s3", "s3a": "s3", "gs": "gs"}
_PROXIED = "mlflow-artifacts"
SPANS = "traces.json"


class Places:
    """Opens artifact roots by their URIs.

    `base` is what relative paths of the store are relative to; `proxied` is where a server with
    proxied artifacts keeps them (its `--artifacts-destination`), if it is known.
    """

    def __init__(self, base: Path, proxied: str = "") -> None:
        self._base = base
        self._proxied = proxied.rstrip("/")

    def open(self, uri: str, *, instead: Path | None = None) -> Files:
        """Open an artifact root; one that can not be read from here says so when it is listed.

        `instead` is looked at where a local folder is gone: a store that was moved.
        """
        scheme = urlsplit(uri).scheme if "://" in uri or uri.startswith(f"{_PROXIED}:") else ""
        if scheme == _PROXIED:
            if not self._proxied:
                return NoFiles(
                    f"{uri} is kept by a server of MLflow; import from the server's URL, or say "
                    "with --artifacts-from where it keeps artifacts"
                )
            return self.open(f"{self._proxied}/{urlsplit(uri).path.lstrip('/')}")
        if scheme in {"", "file"} or (len(scheme) == 1 and os.name == "nt"):
            root = _local(uri, self._base)
            return LocalFiles(root if root.exists() or instead is None else instead)
        if scheme in _CLOUDS:
            return _in_cloud(_CLOUDS[scheme] + uri.removeprefix(scheme))
        return NoFiles(f"{uri}: artifacts of {scheme}: can not be read")

    def spans_at(self, uri: str) -> list[dict[str, Any]]:
        """Return the spans that lie in a trace's artifacts.

        Raises:
            Unreadable: they do not, or can not be read.
        """
        if not uri:
            raise Unreadable("the store does not say where its spans are")
        files = self.open(uri)
        return spans_of(files)


def spans_of(files: Files) -> list[dict[str, Any]]:
    """Return the spans of a trace whose artifacts are given.

    Raises:
        Unreadable: there are none, or they are not what MLflow writes.
    """
    found = next((file for file in files.list() if file.path == SPANS), None)
    if found is None:
        raise Unreadable(f"there is no {SPANS}")
    try:
        return spans_in(files.fetch(found, Path()).read_bytes())
    except OSError as error:
        raise Unreadable(f"{SPANS} can not be read: {error}") from error


def spans_in(content: bytes) -> list[dict[str, Any]]:
    """Return the spans that `traces.json` holds.

    Raises:
        Unreadable: it is not what MLflow writes.
    """
    try:
        return [dict(one) for one in json.loads(content)["spans"]]
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"{SPANS} is not what MLflow writes") from error


class NoFiles:
    """Files that can not be read from here, and why."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def list(self) -> Iterator[FoundFile]:
        """Say why there is nothing to list."""
        raise Unreadable(self._reason)

    def fetch(self, file: FoundFile, folder: Path) -> Path:  # noqa: ARG002 - as the protocol has it
        """Say why there is nothing to fetch."""
        raise Unreadable(self._reason)


class LocalFiles:
    """The files below a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def list(self) -> Iterator[FoundFile]:
        """Yield every file, by path."""
        try:
            for path in sorted(one for one in self._root.rglob("*") if one.is_file()):
                known = path.stat()
                yield FoundFile(
                    path=path.relative_to(self._root).as_posix(),
                    size_bytes=known.st_size,
                    mark=str(known.st_mtime_ns),
                )
        except OSError as error:
            raise Unreadable(f"{self._root} can not be read: {error.strerror}") from error

    def fetch(self, file: FoundFile, folder: Path) -> Path:  # noqa: ARG002 - the file itself is given
        """Return the file itself."""
        path = self._root / file.path
        if not os.access(path, os.R_OK):
            raise Unreadable(f"{path} can not be read: permission denied, or it is gone")
        return path


class BucketFiles:
    """The files below a folder of a bucket."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def list(self) -> Iterator[FoundFile]:
        """Yield every file, by path."""
        try:
            found = sorted(self._blobs.list(), key=lambda info: info.key)
        except BucleError as error:
            raise Unreadable(error.message, hint=error.hint) from error
        for info in found:
            yield FoundFile(
                path=info.key, size_bytes=info.size_bytes, mark=info.modified_at.isoformat()
            )

    def fetch(self, file: FoundFile, folder: Path) -> Path:
        """Download the file into the folder."""
        to = folder / "download"
        try:
            self._blobs.download(file.path, to)
        except (Invalid, NotFound) as error:
            raise Unreadable(f"{self._blobs.url}/{file.path}: {error.message}") from error
        return to


def _in_cloud(url: str) -> Files:
    try:
        return BucketFiles(open_blobs(url))
    except BucleError as error:
        return NoFiles(f"{url}: {error.message}")
    except ModuleNotFoundError as error:
        return NoFiles(f"{url} needs a package that is not installed ({error.name})")


def _local(uri: str, base: Path) -> Path:
    """Return the path of a `file:` URI, or of a plain path, that the store may have written."""
    path = unquote(urlsplit(uri).path) if uri.startswith("file:") else uri
    return base / path
