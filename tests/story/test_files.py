"""A folder of images has versions, here and at a server, and another person gets it back."""

import os
from pathlib import Path

import pytest

from bucle.base.errors import Refused
from bucle.interfaces.client import Client


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_folder_is_committed_changed_compared_and_written_back(
    client: Client, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    for number in range(300):
        path = folder / f"{number % 7}" / f"ñ{number:03d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(number * 10))
    (folder / "large.bin").write_bytes(os.urandom(5 << 20))
    first = contents(folder)
    made = client.data.commit("photos", [folder], message="first")
    assert (made.rows, made.size_bytes) == (301, sum(map(len, first.values())))
    client.data.tag("photos", "first")

    large = bytearray(first["large.bin"])
    large[3 << 20 : 3 << 20] = b"put in"
    (folder / "large.bin").write_bytes(large)
    (folder / "0" / "ñ000.jpg").unlink()
    client.data.commit("photos", [folder], message="second")
    diff = client.data.diff("photos@first", "photos")
    assert (diff.rows_added, diff.rows_removed, diff.rows_changed) == (0, 1, 1)

    out = tmp_path / "out"
    assert client.checkout("photos@first", out).written == 301
    assert contents(out) == first
    assert client.checkout("photos", out).written == 1
    assert contents(out) == contents(folder)
    (out / "large.bin").write_bytes(b"my work")
    with pytest.raises(Refused, match=r"large\.bin"):
        client.checkout("photos@first", out)
    with client.open_file("photos", "large.bin") as file:
        file.seek(3 << 20)
        assert file.read(6) == b"put in"
    assert client.data.gc().objects == 0
