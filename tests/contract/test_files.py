"""Versions of files on PostgreSQL and in S3: committed, read, collected."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bucle.base.clock import ManualClock
from bucle.base.errors import Refused
from bucle.governance.session import House
from bucle.interfaces.client import Client
from bucle.interfaces.client.local import InProcess
from bucle.testing.houses import open_test_house


@pytest.fixture
def house(s3_url: str, postgresql_url: str, tmp_path: Path) -> Iterator[House]:
    house = open_test_house(tmp_path / "home", blobs_url=s3_url, database_url=postgresql_url)
    yield house
    house.close()


def test_files_are_committed_to_s3_and_postgresql_and_read_from_there(
    house: House, tmp_path: Path
) -> None:
    client = Client(InProcess(house.session()))
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(50):
        (folder / f"{number}.txt").write_text(f"{number}" * 100)
    (folder / "large").write_bytes(os.urandom(3 << 20))
    assert client.data.commit("photos", [folder]).rows == 51
    (folder / "7.txt").write_text("changed")
    client.data.commit("photos", [folder])
    assert len(list(house.drivers.blobs.list("content"))) == 2 * 3  # pack, page and manifest
    client.checkout("photos@1", tmp_path / "out")
    assert (tmp_path / "out" / "large").read_bytes() == (folder / "large").read_bytes()
    assert (tmp_path / "out" / "7.txt").read_text() == "7" * 100
    with client.open_file("photos", "7.txt") as file:
        assert file.read() == b"changed"

    client.data.declare("others", expectations=[{"column": "size_bytes", "min": 1e9}])
    (folder / "8.txt").write_text("of no version")
    with pytest.raises(Refused):
        client.data.commit("others", [folder])
    clock = house.drivers.clock
    assert isinstance(clock, ManualClock)
    clock.advance(timedelta(days=9))
    report = client.data.gc(delete=True)
    assert (report.objects, report.young_objects) == (0, 2)  # S3's own clock says what is old
    assert client.data.read("photos").total == 51
