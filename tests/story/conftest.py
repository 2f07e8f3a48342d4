"""A story is told twice: with the client in this process, and with one at a server."""

from collections.abc import Iterator

import pytest

from bucle.interfaces.client import Client, connect
from tests.support.servers import server


@pytest.fixture(params=["in_process", "http"])
def client(request, tmp_path, monkeypatch) -> Iterator[Client]:
    """Yield the owner's client of an empty installation."""
    monkeypatch.setenv("BUCLE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BUCLE_PROJECT", "story")
    if request.param == "in_process":
        with connect() as here:
            yield here
        return
    with server(tmp_path / "server") as running:
        monkeypatch.setenv("BUCLE_SERVER_URL", running.url)
        monkeypatch.setenv("BUCLE_TOKEN", running.token)
        with connect() as there:
            yield there
