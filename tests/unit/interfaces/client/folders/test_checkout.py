"""Versions of files as folders."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bucle.base.digest import digest_file
from bucle.base.errors import Invalid, NotFound, Refused
from bucle.drivers.blobs.content import content_key
from bucle.interfaces.client import Client


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): digest_file(path)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def target(client: Client, folder: Path, tmp_path: Path) -> Path:
    """Commit the folder, change it, commit again, and return where nothing is yet."""
    client.data.commit("photos", [folder])
    (folder / "a.txt").write_text("second")
    (folder / "cats" / "deep" / "b.bin").unlink()
    (folder / "cats" / "deep").rmdir()
    client.data.commit("photos", [folder])
    return tmp_path / "out"


def test_a_version_is_written_as_it_was_committed(
    client: Client, folder: Path, target: Path
) -> None:
    told = client.checkout("photos", target)
    assert (told.written, told.unchanged, told.removed) == (5, 0, 0)
    assert contents(target) == contents(folder)


def test_going_to_another_version_writes_and_removes_what_differs_only(
    client: Client, target: Path
) -> None:
    client.checkout("photos@1", target)
    large = (target / "large.bin").stat()
    told = client.checkout("photos@2", target)
    assert (told.written, told.unchanged, told.removed) == (1, 4, 1)
    assert (target / "large.bin").stat() == large
    assert not (target / "cats" / "deep").exists()
    back = client.checkout("photos@1", target)
    assert (back.written, back.unchanged, back.removed) == (2, 4, 0)


def test_a_file_with_somebodys_work_is_kept_and_nothing_else_is_touched(
    client: Client, target: Path
) -> None:
    client.checkout("photos@1", target)
    (target / "a.txt").write_text("my work")
    (target / "notes.md").write_text("mine, of no version")
    before = contents(target)
    with pytest.raises(Refused, match=r"a\.txt") as caught:
        client.checkout("photos@2", target)
    assert "--force" in caught.value.hint
    assert contents(target) == before
    client.checkout("photos@2", target, force=True)
    assert (target / "a.txt").read_text() == "second"
    assert (target / "notes.md").read_text() == "mine, of no version"


def test_a_changed_file_that_the_version_has_not_is_kept(client: Client, target: Path) -> None:
    client.checkout("photos@1", target)
    (target / "cats" / "deep" / "b.bin").write_text("my work")
    assert client.checkout("photos@2", target).removed == 0
    assert (target / "cats" / "deep" / "b.bin").read_text() == "my work"


def test_a_folder_that_was_committed_here_may_go_to_another_version(
    client: Client, folder: Path, target: Path
) -> None:
    assert not target.exists()
    client.checkout("photos@1", folder)
    assert (folder / "a.txt").read_text() == "a.txt"
    assert (folder / "cats" / "deep" / "b.bin").exists()


def test_files_that_are_there_already_are_not_written_though_nothing_is_known_of_them(
    client: Client, folder: Path, target: Path
) -> None:
    target.mkdir()
    (target / "large.bin").write_bytes((folder / "large.bin").read_bytes())
    (target / ".0123.part").write_text("what a killed checkout left")
    told = client.checkout("photos", target)
    assert (told.written, told.unchanged) == (4, 1)


def test_a_part_of_a_version_is_written_by_prefix_or_pattern(client: Client, target: Path) -> None:
    client.checkout("photos@1", target, prefix="cats/")
    assert set(contents(target)) == {"cats/ñandú 猫.txt", "cats/deep/b.bin"}
    client.checkout("photos@2", target, glob="*.txt")
    assert set(contents(target)) == {"a.txt", "cats/ñandú 猫.txt", "cats/deep/b.bin"}
    assert client.checkout("photos@2", target, prefix="cats/").removed == 1


def test_of_a_table_the_parquet_files_are_written(client: Client, tmp_path: Path) -> None:
    trips = client.dataset("trips")
    trips.commit([{"id": 1}])
    trips.commit([{"id": 2}], mode="append")
    client.checkout("trips", tmp_path / "out")
    files = sorted((tmp_path / "out").iterdir())
    assert [pq.read_table(file).to_pylist() for file in files] == [[{"id": 1}], [{"id": 2}]]
    assert client.checkout("trips@1", tmp_path / "out").removed == 1


def test_nothing_is_written_through_a_link(client: Client, target: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target.mkdir()
    (target / "cats").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Invalid, match="cats"):
        client.checkout("photos", target, force=True)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert not (target / "a.txt").exists()
    (target / "cats").unlink()
    (target / "a.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(Invalid, match=r"a\.txt"):
        client.checkout("photos", target, force=True)


def test_a_spoilt_content_writes_no_file(client: Client, target: Path, tmp_path: Path) -> None:
    (place,) = client.data.locate("photos@2", ["a.txt"])
    pack = tmp_path / "home" / "blobs" / content_key(place.parts[0].content)
    spoilt = bytearray(pack.read_bytes())
    spoilt[place.parts[0].start] ^= 1
    pack.write_bytes(spoilt)
    with pytest.raises(Refused):
        client.checkout("photos@2", target)
    assert not (target / "a.txt").exists()
    assert not list(target.rglob(".*.part"))


def test_what_is_no_folder_or_no_version_is_said(client: Client, target: Path) -> None:
    target.write_text("a file")
    with pytest.raises(Invalid, match="is a file"):
        client.checkout("photos", target)
    with pytest.raises(NotFound):
        client.checkout("photos@9", target)


def test_a_file_becomes_a_folder_and_a_folder_a_file(
    client: Client, folder: Path, target: Path
) -> None:
    for path in (folder / "cats").iterdir():
        path.unlink()
    (folder / "cats").rmdir()
    (folder / "cats").write_text("a file now")
    (folder / "a.txt").unlink()
    (folder / "a.txt").mkdir()
    (folder / "a.txt" / "inner").write_text("x")
    client.data.commit("photos", [folder])
    for ref in ("photos@1", "photos@3", "photos@1", "photos@3"):
        client.checkout(ref, target)
    assert contents(target) == contents(folder)
    (target / "cats").unlink()
    (target / "cats").mkdir()
    (target / "cats" / "mine").write_text("mine")
    with pytest.raises(Invalid, match="cats"):
        client.checkout("photos@3", target)
