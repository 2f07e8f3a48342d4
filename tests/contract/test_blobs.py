from pathlib import Path

import pytest

from bucle.drivers.blobs import BlobStore, open_blobs
from bucle.testing.contracts.blobs import BlobStoreContract


class TestFileBlobs(BlobStoreContract):
    @pytest.fixture
    def store(self, tmp_path_factory: pytest.TempPathFactory) -> BlobStore:
        folder: Path = tmp_path_factory.mktemp("blobs") / "not made yet"
        return open_blobs(f"file://{folder}")


@pytest.mark.service
class TestS3Blobs(BlobStoreContract):
    @pytest.fixture
    def store(self, s3_url: str) -> BlobStore:
        return open_blobs(s3_url)
