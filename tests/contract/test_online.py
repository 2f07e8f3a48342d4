from collections.abc import Iterator
from pathlib import Path

import pytest

from bucle.drivers.online import OnlineStore, open_online
from bucle.testing.contracts.online import OnlineStoreContract


class TestMemoryOnline(OnlineStoreContract):
    @pytest.fixture
    def store(self) -> OnlineStore:
        return open_online("memory:")


class TestLmdbOnline(OnlineStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[OnlineStore]:
        store = open_online(f"lmdb://{tmp_path / 'online'}")
        yield store
        store.close()


@pytest.mark.service
class TestRedisOnline(OnlineStoreContract):
    @pytest.fixture
    def store(self, redis_url: str) -> Iterator[OnlineStore]:
        store = open_online(redis_url)
        yield store
        store.close()
