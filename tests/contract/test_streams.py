from pathlib import Path

import pytest

from bucle.base.errors import Invalid, Unavailable
from bucle.drivers.streams import open_streams
from bucle.testing.contracts.streams import StreamContract
from tests.support.processes import free_port


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


@pytest.mark.parametrize("scheme", ["redis", "nats"])
def test_a_server_that_is_not_there_is_unavailable_and_its_password_is_not_told(
    scheme: str,
) -> None:
    if scheme == "nats":
        pytest.importorskip("nats", reason="no nats-py: pip install 'bucle[nats]'")
    stream = open_streams(f"{scheme}://somebody:secret@127.0.0.1:{free_port()}")
    try:
        for call in (
            lambda: stream.append("t", [b"a"]),
            lambda: stream.read("t", "", 1),
            lambda: stream.count("t"),
        ):
            with pytest.raises(Unavailable, match=r"127\.0\.0\.1") as told:
                call()
            assert "secret" not in str(told.value)
    finally:
        stream.close()
