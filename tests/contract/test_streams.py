from pathlib import Path

import pytest

from bucle.base.errors import Invalid
from bucle.drivers.streams import open_streams
from bucle.testing.contracts.streams import StreamContract


class TestLocalStream(StreamContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"local://{tmp_path / 'streams'}"


@pytest.mark.service
class TestRedisStream(StreamContract):
    @pytest.fixture
    def url(self, redis_url: str) -> str:
        return redis_url


@pytest.mark.service
class TestNatsStream(StreamContract):
    @pytest.fixture
    def url(self, nats_url: str) -> str:
        return nats_url


@pytest.mark.parametrize("url", ["local://here", "kafka://host", "", "local:"])
def test_a_url_of_no_stream_store_is_invalid(url: str) -> None:
    with pytest.raises(Invalid):
        open_streams(url)
