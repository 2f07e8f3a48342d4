"""Uploads that die, whoever kills them: nothing half is kept, and nothing is left lying about."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.processes import wait_until
from tests.support.servers import Running, server

ROOT = "/api/2.0/mlflow-artifacts/artifacts/0/run1/artifacts"
SIZE = 12 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder on a disk of twelve megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    try:
        subprocess.run(["mount", *options], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small disk can be mounted by root only")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def client(running: Running) -> httpx.Client:
    headers = {"authorization": f"Bearer {running.token}"}
    return httpx.Client(base_url=running.url, headers=headers, timeout=60)


def half_an_upload(running: Running, name: str) -> socket.socket:
    """Begin an upload of four megabytes, send two of them, and stay connected."""
    address = urlsplit(running.url)
    connection = socket.create_connection((address.hostname, address.port))
    head = (
        f"PUT {ROOT}/{name} HTTP/1.1",
        f"host: {address.netloc}",
        f"authorization: Bearer {running.token}",
        f"content-length: {4 << 20}",
    )
    connection.sendall("\r\n".join((*head, "", "")).encode() + os.urandom(2 << 20))
    return connection


def incoming(blobs: Path) -> Callable[[], list[int]]:
    """Return a function that tells the sizes of what is on its way in."""
    return lambda: [path.stat().st_size for path in blobs.glob(".incoming/*")]


def contents(blobs: Path) -> list[Path]:
    return [path for path in blobs.rglob("*") if path.is_file()]


def test_a_client_that_dies_leaves_nothing_of_its_upload(tmp_path: Path) -> None:
    drafts = incoming(tmp_path / "blobs")
    with server(tmp_path) as running, client(running) as http:
        connection = half_an_upload(running, "half.bin")
        assert wait_until(lambda: sum(drafts()) > 0, within_s=10)
        connection.close()
        assert wait_until(lambda: drafts() == [], within_s=10)
        assert http.get(f"{ROOT}/half.bin").status_code == 404
        assert contents(tmp_path / "blobs") == []


def test_a_server_that_is_killed_keeps_what_it_acknowledged_and_nothing_half(
    tmp_path: Path,
) -> None:
    drafts = incoming(tmp_path / "blobs")
    whole = os.urandom(1 << 20)
    with server(tmp_path) as running:
        with client(running) as http:
            assert http.put(f"{ROOT}/whole.bin", content=whole).status_code == 200
        connection = half_an_upload(running, "half.bin")
        assert wait_until(lambda: sum(drafts()) > 0, within_s=10)
        os.kill(running.pid, signal.SIGKILL)
    connection.close()
    assert drafts() != []
    with server(tmp_path) as running, client(running) as http:
        assert drafts() == []
        assert http.get(f"{ROOT}/whole.bin").content == whole
        assert http.get(f"{ROOT}/half.bin").status_code == 404
        assert len(contents(tmp_path / "blobs")) == 1


def test_an_upload_to_a_full_disk_is_refused_clearly_and_works_with_room(
    disk: Path, tmp_path: Path
) -> None:
    blobs = disk / "blobs"
    large = os.urandom(SIZE)
    with (
        server(tmp_path / "home", blobs_url=f"file://{blobs}") as running,
        client(running) as http,
    ):
        assert http.put(f"{ROOT}/kept.bin", content=b"kept").status_code == 200
        refused = http.put(f"{ROOT}/large.bin", content=large)
        assert refused.status_code == 503
        assert refused.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
        assert "No space left on device" in refused.json()["message"]
        assert len(contents(blobs)) == 1
        assert http.get(f"{ROOT}/kept.bin").content == b"kept"
        assert http.put(f"{ROOT}/large.bin", content=large[: SIZE // 2]).status_code == 200
        assert http.get(f"{ROOT}/large.bin").content == large[: SIZE // 2]
