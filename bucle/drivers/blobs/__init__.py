"""Blobs: bytes under keys, in a folder or in a cloud, chosen by URL."""

from pathlib import Path
from urllib.parse import urlsplit

from bucle.base.errors import Invalid
from bucle.drivers.blobs.file import FileBlobs
from bucle.drivers.blobs.protocol import BlobInfo, BlobStore

__all__ = ["BlobInfo", "BlobStore", "open_blobs"]

_KNOWN = "file:///absolute/folder, s3://bucket/folder, gs://bucket/folder or az://container/folder"


def open_blobs(url: str) -> BlobStore:
    """Open the blob store that a URL names.

    The environment gives clouds their credentials: `AWS_*` (with `AWS_ENDPOINT_URL` for other
    makes of S3), `GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_*`.

    Raises:
        Invalid: the URL is of no known kind, or incomplete.
    """
    scheme = url.partition("://")[0]
    if scheme == "file":
        root = Path(url.removeprefix("file://"))
        if not root.is_absolute():
            raise Invalid(f"{url!r} is not an absolute folder", hint="file:///absolute/folder")
        return FileBlobs(root)
    if scheme in {"s3", "gs", "az"} and urlsplit(url).netloc:
        # Imported here: obstore starts a thread pool that a laptop's files do not need.
        from bucle.drivers.blobs.object_store import ObjectBlobs

        return ObjectBlobs(url.rstrip("/"))
    raise Invalid(f"{url!r} is not the URL of a blob store", hint=f"one of {_KNOWN}")
