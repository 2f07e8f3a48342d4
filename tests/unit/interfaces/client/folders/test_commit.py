"""Folders as versions of files."""

import os
from pathlib import Path

import pytest

from bucle.base.digest import digest_bytes, digest_file
from bucle.base.errors import Conflict, Invalid, NotFound, Refused
from bucle.drivers.blobs.content import content_key
from bucle.interfaces.client import Client
from bucle.interfaces.client.local import InProcess
from bucle.interfaces.operations.fields import Upload
from bucle.lifecycle.data import Sender, TreeFile, pages_of, restore_datasets
from bucle.testing.houses import open_test_house
from tests.unit.interfaces.client.folders.conftest import PATHS, settle


def stored_bytes(tmp_path: Path) -> int:
    blobs = tmp_path / "home" / "blobs" / "content"
    return sum(path.stat().st_size for path in blobs.rglob("*") if path.is_file())


def tree(client: Client, ref: str) -> dict[str, str]:
    return {file.path: file.digest for file in client.list_files(ref)}


def test_a_folder_is_a_version_of_its_files_by_their_paths(client: Client, folder: Path) -> None:
    made = client.data.commit("photos", [folder], message="first")
    assert (made.kind, made.rows, made.message) == ("files", 6, "first")
    assert made.size_bytes == sum(path.stat().st_size for path in folder.rglob("*.*"))
    assert tree(client, "photos") == {
        path: digest_file(folder / path) for path in (*PATHS, "large.bin")
    }


def test_the_same_files_again_are_no_version_and_store_nothing(
    client: Client, folder: Path, tmp_path: Path
) -> None:
    first = client.data.commit("photos", [folder])
    before = stored_bytes(tmp_path)
    (folder / "run.sh").chmod(0o644)
    assert client.data.commit("photos", [folder]) == first
    assert stored_bytes(tmp_path) == before


def test_one_content_is_stored_once_under_whatever_path(
    client: Client, folder: Path, tmp_path: Path
) -> None:
    client.data.commit("photos", [folder])
    before = stored_bytes(tmp_path)
    (folder / "again.bin").write_bytes((folder / "large.bin").read_bytes())
    client.data.commit("photos", [folder])
    client.data.commit("others", [folder / "large.bin"], kind="files")
    assert stored_bytes(tmp_path) - before < 20_000


def test_an_edit_in_a_large_file_stores_the_chunks_that_changed(
    client: Client, folder: Path, tmp_path: Path
) -> None:
    large = folder / "large.bin"
    large.write_bytes(os.urandom(8 << 20))
    client.data.commit("photos", [folder])
    before = stored_bytes(tmp_path)
    content = bytearray(large.read_bytes())
    content[4 << 20] ^= 1
    large.write_bytes(content)
    client.data.commit("photos", [folder])
    assert stored_bytes(tmp_path) - before < 1_000_000
    with client.open_file("photos@2", "large.bin") as file:
        assert file.read() == content


def test_what_did_not_change_is_not_read_again(
    client: Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.data.commit("photos", [folder])
    (folder / "new.txt").write_text("new")
    (folder / "run.sh").write_text("RUN.sh")
    read: list[str] = []
    send = Sender.send

    def noted(self: Sender, path: str | Path) -> tuple[str, os.stat_result]:
        read.append(Path(path).name)
        return send(self, path)

    monkeypatch.setattr(Sender, "send", noted)
    assert client.data.commit("photos", [folder]).rows == 7
    assert sorted(read) == ["new.txt", "run.sh"]


def test_a_file_that_was_written_within_a_tick_is_read_again(client: Client, folder: Path) -> None:
    one = folder / "a.txt"
    one.write_text("one")
    client.data.commit("photos", [folder])
    said = one.stat()
    with one.open("r+") as file:  # as long, and with the same times: a second writing in one tick
        file.write("two")
    os.utime(one, ns=(said.st_atime_ns, said.st_mtime_ns))
    client.data.commit("photos", [folder])
    with client.open_file("photos", "a.txt") as file:
        assert file.read() == b"two"


def test_appended_files_lie_beside_and_over_those_that_are_there(
    client: Client, folder: Path, tmp_path: Path
) -> None:
    client.data.commit("photos", [folder])
    more = tmp_path / "more"
    (more / "cats").mkdir(parents=True)
    (more / "a.txt").write_text("changed")
    (more / "cats" / "new.txt").write_text("new")
    made = client.data.commit("photos", [more], mode="append")
    assert made.rows == 7
    diff = client.data.diff("photos@1", "photos@2")
    assert (diff.rows_added, diff.rows_changed, diff.rows_removed) == (1, 1, 0)
    assert [(each.what, (each.after or {})["path"]) for each in diff.samples] == [
        ("changed", "a.txt"), ("added", "cats/new.txt"),
    ]  # fmt: skip
    assert diff.bytes_added == len("changed") + len("new")


def test_files_that_are_gone_are_gone_from_the_next_version_only(
    client: Client, folder: Path
) -> None:
    client.data.commit("photos", [folder])
    client.data.tag("photos", "all")
    (folder / "a.txt").unlink()
    client.data.commit("photos", [folder])
    assert "a.txt" not in tree(client, "photos")
    assert "a.txt" in tree(client, "photos@all")
    (change,) = client.data.diff("photos@all", "photos").samples
    assert (change.what, change.after) == ("removed", None)


def test_branches_of_files_are_merged_by_path_and_conflicts_named(
    client: Client, folder: Path
) -> None:
    client.data.commit("photos", [folder])
    client.data.branch("photos", "clean")
    (folder / "a.txt").write_text("clean")
    (folder / "b.txt").write_text("b")
    client.data.commit("photos", [folder], branch="clean")
    (folder / "a.txt").write_text("a.txt")
    (folder / "b.txt").unlink()
    (folder / "c.txt").write_text("c")
    client.data.commit("photos", [folder])
    merged = client.data.merge("photos", "clean")
    assert merged.rows == 8
    assert tree(client, "photos")["a.txt"] == digest_bytes(b"clean")
    (folder / "a.txt").write_text("ours")
    client.data.commit("photos", [folder], mode="append")
    (folder / "a.txt").write_text("theirs")
    client.data.commit("photos", [folder], mode="append", branch="clean")
    with pytest.raises(Conflict, match=r"a\.txt"):
        client.data.merge("photos", "clean")


def test_files_are_deleted_by_their_paths(client: Client, folder: Path, tmp_path: Path) -> None:
    client.data.commit("photos", [folder])
    (tmp_path / "gone.csv").write_text("path\na.txt\nno/such\n")
    assert client.data.delete("photos", [tmp_path / "gone.csv"]).rows == 5
    assert "a.txt" not in tree(client, "photos")


def test_the_files_of_a_version_are_a_table_to_read_and_to_judge(
    client: Client, folder: Path
) -> None:
    client.data.declare("photos", expectations=[{"column": "size_bytes", "max": 1_000_000}])
    with pytest.raises(Refused, match="size_bytes"):
        client.data.commit("photos", [folder])
    (folder / "large.bin").unlink()
    client.data.commit("photos", [folder])
    rows = client.data.read("photos", columns=["path"], where="size_bytes = 0").rows
    assert rows == [{"path": "empty"}]


def test_a_dataset_is_of_tables_or_of_files(client: Client, folder: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("id\n1\n")
    client.data.commit("trips", [rows])
    client.data.commit("photos", [folder])
    with pytest.raises(Invalid, match="table"):
        client.data.commit("trips", [folder])
    with pytest.raises(Invalid, match="files") as caught:
        client.data.commit("photos", [rows])
    assert "--kind files" in caught.value.hint
    assert client.data.commit("photos", [rows], kind="files", mode="append").rows == 7


def test_a_link_to_a_file_is_the_file_and_other_links_are_refused(
    client: Client, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "far.txt").write_text("far")
    (folder / "link.txt").symlink_to(tmp_path / "far.txt")
    client.data.commit("photos", [folder])
    assert tree(client, "photos")["link.txt"] == digest_bytes(b"far")
    (folder / "up").symlink_to(tmp_path)
    with pytest.raises(Invalid, match="circle"):
        client.data.commit("photos", [folder])
    (folder / "up").unlink()
    (folder / "up").symlink_to(tmp_path / "nowhere")
    with pytest.raises(Invalid, match="nowhere"):
        client.data.commit("photos", [folder])


@pytest.mark.parametrize("name", ["a\\b", "line\nbreak", b"latin-\xe9"])
def test_a_name_that_not_every_system_has_is_refused_and_named(
    client: Client, folder: Path, name: str | bytes
) -> None:
    (folder / os.fsdecode(name)).write_text("x")
    with pytest.raises(Invalid, match="path of a file"):
        client.data.commit("photos", [folder])


@pytest.mark.parametrize("path", ["../up", "/etc/passwd", "a/../../b", "/", "c:/x", "a//b"])
def test_a_path_that_climbs_out_is_refused_by_whoever_it_comes(client: Client, path: str) -> None:
    upload = Upload(digest=client.put_content(b"x"), name=path)
    with pytest.raises(Invalid, match="path of a file"):
        client.data.commit("photos", [upload], kind="files")
    with pytest.raises(NotFound):
        client.data.get("photos")


def test_a_file_and_a_folder_of_one_name_are_refused(
    client: Client, folder: Path, tmp_path: Path
) -> None:
    client.data.commit("photos", [folder])
    other = tmp_path / "other"
    (other / "a.txt").mkdir(parents=True)
    (other / "a.txt" / "inner").write_text("x")
    with pytest.raises(Invalid, match=r"a\.txt"):
        client.data.commit("photos", [other], mode="append")


def test_of_two_who_commit_upon_one_version_the_second_is_told(
    client: Client, folder: Path
) -> None:
    client.data.commit("photos", [folder], if_head="0")
    (folder / "a.txt").write_text("changed")
    with pytest.raises(Conflict, match="photos@1"):
        client.data.commit("photos", [folder], if_head="0")
    assert client.data.commit("photos", [folder], if_head="1").number == 2


def test_what_speaks_of_a_table_is_refused_of_files(client: Client, folder: Path) -> None:
    with pytest.raises(Invalid, match="'evolve' speaks of a table"):
        client.data.commit("photos", [folder], evolve=True)


def test_a_house_that_the_datasets_are_restored_into_finds_the_files(
    client: Client, folder: Path, tmp_path: Path
) -> None:
    client.data.commit("photos", [folder])
    assert isinstance(client.transport, InProcess)
    source = client.transport.session
    blobs = source.house.settings.blobs_url
    house = open_test_house(tmp_path / "other", blobs_url=blobs)
    with source.begin(write=False) as old, house.session().begin() as new:
        restore_datasets(old, new, until=old.now)
    with Client(InProcess(house.session())).open_file("photos", "a.txt") as file:
        assert file.read() == b"a.txt"
    house.close()


def test_nothing_to_commit_is_said(client: Client, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(Invalid, match="no files"):
        client.data.commit("photos", [tmp_path / "none"])
    with pytest.raises(Invalid, match="nowhere"):
        client.data.commit("photos", [tmp_path / "nowhere"], kind="files")
    with pytest.raises(Invalid, match="no files"):
        client.data.commit("photos", [])
    (tmp_path / "cat.jpg").write_bytes(b"x")
    with pytest.raises(Invalid, match=r"cat\.jpg") as caught:
        client.data.commit("photos", [tmp_path / "cat.jpg"])
    assert "--kind files" in caught.value.hint


def test_pages_that_are_not_there_or_list_what_is_not_stored_are_refused(client: Client) -> None:
    with pytest.raises(NotFound):
        client.data.commit("photos", tree=["0" * 64], kind="files")
    lost = TreeFile(path="a", size_bytes=1, digest="0" * 64)
    (page,) = pages_of({"a": lost})
    with pytest.raises(NotFound, match="not in the store"):
        client.data.commit("photos", tree=[client.put_content(page.content)], kind="files")
    (page,) = pages_of({"a": TreeFile(path="a", size_bytes=0, digest="0" * 64)})
    with pytest.raises(Invalid, match="is empty"):
        client.data.commit("photos", tree=[client.put_content(page.content)], kind="files")
    with pytest.raises(Invalid, match="no list of files"):
        client.data.commit("photos", tree=[client.put_content(b"x")], kind="files")


def test_files_that_were_uploaded_one_by_one_are_packed(client: Client) -> None:
    several = [
        Upload(digest=client.put_content(content), name=path)
        for path, content in {"a/b.txt": b"x", "large": bytes(2 << 20)}.items()
    ]
    made = client.data.commit("photos", several, kind="files")
    assert (made.rows, made.size_bytes) == (2, 1 + (2 << 20))
    with client.open_file("photos", "a/b.txt") as file:
        assert file.read() == b"x"


def test_what_was_lost_from_the_store_is_sent_again_although_it_is_known(
    client: Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.data.commit("photos", [folder])
    made = client.data.commit("others", [folder])  # known here, and in no page of the other's head
    assert made.rows == 6
    monkeypatch.setenv("BUCLE_PROJECT", "second")
    client.transport.session.project = "second"  # type: ignore[attr-defined]
    assert client.data.commit("photos", [folder]).rows == 6
    with client.open_file("photos", "a.txt") as file:
        assert file.read() == b"a.txt"


def test_a_content_that_was_spoilt_is_not_handed_out(
    client: Client, folder: Path, tmp_path: Path
) -> None:
    client.data.commit("photos", [folder])
    (place,) = client.data.locate("photos", ["a.txt"])
    (part,) = place.parts
    pack = tmp_path / "home" / "blobs" / content_key(part.content)
    spoilt = bytearray(pack.read_bytes())
    spoilt[part.start] ^= 1
    pack.write_bytes(spoilt)
    with pytest.raises(Refused, match=part.content), client.open_file("photos", "a.txt") as file:
        file.read()


def test_a_large_file_is_read_from_any_place(client: Client, folder: Path) -> None:
    large = folder / "large.bin"
    large.write_bytes(os.urandom(3 << 20))
    settle(folder)
    client.data.commit("photos", [folder])
    content = large.read_bytes()
    with client.open_file("photos", "large.bin") as file:
        file.seek(2_000_000)
        assert file.read(1000) == content[2_000_000:2_001_000]
        file.seek(-10, os.SEEK_END)
        assert file.read() == content[-10:]
