"""An S3 to test against: moto's server, in this process, on a port that is free."""

import urllib.request
from collections.abc import Iterator
from itertools import count

import pytest
from moto.server import ThreadedMotoServer

_BUCKETS = count(1)


@pytest.fixture(scope="session")
def _s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_url(_s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the URL of a folder in a new bucket; the environment has its credentials."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", _s3_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    bucket = f"bucle-{next(_BUCKETS)}"
    request = urllib.request.Request(f"{_s3_endpoint}/{bucket}", method="PUT")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        assert answer.status == 200
    return f"s3://{bucket}/some/folder"
