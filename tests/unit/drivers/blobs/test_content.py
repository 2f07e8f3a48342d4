"""What the contract cannot see: the cache of a remote store."""

from pathlib import Path

import pytest

from bucle.base.errors import Invalid
from bucle.drivers.blobs import open_blobs
from bucle.drivers.blobs.content import content_key, content_path, store_bytes, store_file
from bucle.drivers.blobs.file import FileBlobs


class Remote(FileBlobs):
    """A store whose blobs must be downloaded, as S3's must."""

    def local_path(self, key: str) -> Path | None:  # noqa: ARG002 - the protocol's
        return None


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    return Remote(tmp_path / "blobs")


def test_remote_content_is_downloaded_once(remote: Remote, tmp_path: Path) -> None:
    digest = store_bytes(remote, b"weights")
    first = content_path(remote, digest, tmp_path / "cache")
    remote.delete(content_key(digest))
    assert content_path(remote, digest, tmp_path / "cache") == first
    assert first.read_bytes() == b"weights"


def test_a_spoilt_cache_heals_itself(remote: Remote, tmp_path: Path) -> None:
    digest = store_bytes(remote, b"weights")
    content_path(remote, digest, tmp_path / "cache").write_bytes(b"weightz")
    assert content_path(remote, digest, tmp_path / "cache").read_bytes() == b"weights"


def test_local_content_is_read_in_place(tmp_path: Path) -> None:
    blobs = open_blobs(f"file://{tmp_path / 'blobs'}")
    digest = store_bytes(blobs, b"weights")
    path = content_path(blobs, digest, tmp_path / "cache")
    assert path == tmp_path / "blobs" / content_key(digest)
    assert not (tmp_path / "cache").exists()


def test_an_empty_file_has_a_digest_too(remote: Remote, tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    assert store_file(remote, tmp_path / "empty") == store_bytes(remote, b"")


def test_a_folder_is_not_content(remote: Remote, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="is not a file"):
        store_file(remote, tmp_path)
