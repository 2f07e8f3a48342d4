"""The law of blob stores: subclass, give a `store`, and every test here runs against it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bucle.base.digest import digest_bytes
from bucle.base.errors import Invalid, NotFound, Refused
from bucle.drivers.blobs import BlobStore, open_blobs
from bucle.drivers.blobs.content import (
    content_key,
    content_path,
    has_content,
    read_content,
    store_bytes,
    store_file,
)

BAD_KEYS = ("", "/etc/passwd", "..", "../up", "a/../../up", "a/./b", "a//b", "a/", "a\\b", "a\0b",
            "a\nb", ".incoming/a", "x" * 256, "/".join(["x" * 200] * 6))  # fmt: skip
ODD_KEYS = ("plain", "a/b/c/d", "with space", "ñandú/日本", "100%", "a%2Fb", "a#b?c&d=e+f", "~",
            "..a", "a..b", ".hidden", "x" * 255, "quote'\"", "[*]{}^`|<>")  # fmt: skip


def keys(store: BlobStore, prefix: str = "") -> Sequence[str]:
    """Return the keys in a folder, sorted."""
    return sorted(found.key for found in store.list(prefix))


class BlobStoreContract:
    """What every `BlobStore` keeps."""

    @pytest.fixture
    def store(self) -> BlobStore:
        raise NotImplementedError("give a fixture `store` that yields an empty store")

    def test_what_is_put_is_got(self, store: BlobStore) -> None:
        store.put("a/b", b"one")
        assert store.get("a/b") == b"one"
        assert store.size("a/b") == 3
        assert store.exists("a/b")

    def test_put_overwrites(self, store: BlobStore) -> None:
        store.put("a", b"a long one")
        store.put("a", b"two")
        assert store.get("a") == b"two"

    def test_a_blob_may_be_empty(self, store: BlobStore) -> None:
        store.put("empty", b"")
        assert store.get("empty") == b""
        assert store.size("empty") == 0
        assert store.exists("empty")

    def test_a_missing_key_is_not_found(self, store: BlobStore, tmp_path: Path) -> None:
        assert not store.exists("no/such")
        assert store.version("no/such") is None
        for ask in (store.get, store.size):
            with pytest.raises(NotFound, match="no/such"):
                ask("no/such")
        with pytest.raises(NotFound, match="no/such"):
            store.get_range("no/such", 0, 1)
        with pytest.raises(NotFound, match="no/such"):
            store.download("no/such", tmp_path / "out")
        assert list(tmp_path.iterdir()) == []

    def test_a_blob_is_deleted_if_it_is_older_than_a_moment(self, store: BlobStore) -> None:
        store.put("a", b"one")
        now = datetime.now(UTC)
        assert not store.delete_before("a", now - timedelta(hours=1))
        assert store.get("a") == b"one"
        assert store.delete_before("a", now + timedelta(hours=1))
        assert not store.exists("a")
        assert not store.delete_before("a", now + timedelta(hours=1))

    def test_a_refreshed_blob_stays_and_what_is_not_there_is_not_refreshed(
        self, store: BlobStore
    ) -> None:
        store.put("a/b", b"one")
        assert store.refresh("a/b")
        assert store.get("a/b") == b"one"
        assert not store.refresh("a/c")
        assert not store.refresh("a")

    def test_a_folder_is_not_a_blob(self, store: BlobStore) -> None:
        store.put("folder/blob", b"x")
        assert not store.exists("folder")
        with pytest.raises(NotFound):
            store.get("folder")

    def test_a_file_that_is_taken_is_a_blob_and_gone(
        self, store: BlobStore, tmp_path: Path
    ) -> None:
        folder = store.incoming_path or tmp_path
        folder.mkdir(parents=True, exist_ok=True)
        for path, key in ((folder / "near.draft", "a/near"), (tmp_path / "far", "far")):
            store.put(key, b"what was there")
            path.write_bytes(b"taken")
            store.take(key, path)
            assert store.get(key) == b"taken"
            assert not path.exists()
        assert keys(store) == ["a/near", "far"]
        with pytest.raises(NotFound, match="no such file"):
            store.take("none", tmp_path / "missing")

    def test_create_refuses_what_is_there(self, store: BlobStore) -> None:
        assert store.create("lock", b"mine") is True
        assert store.create("lock", b"yours") is False
        assert store.get("lock") == b"mine"

    def test_create_takes_a_file(self, store: BlobStore, tmp_path: Path) -> None:
        source = tmp_path / "source"
        source.write_bytes(b"from a file")
        assert store.create("made", source) is True
        assert store.get("made") == b"from a file"

    def test_of_many_creators_one_wins(self, store: BlobStore) -> None:
        contents = [f"writer {number}".encode() for number in range(8)]
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda content: store.create("race", content), contents))
        assert answers.count(True) == 1
        assert store.get("race") == contents[answers.index(True)]

    def test_readers_see_whole_blobs_while_writers_overwrite(self, store: BlobStore) -> None:
        versions = [bytes([number]) * 300_000 for number in range(4)]
        store.put("busy", versions[0])
        with ThreadPoolExecutor(2) as threads:
            writing = threads.map(lambda content: store.put("busy", content), versions * 3)
            reads = [store.get("busy") for _ in range(10)]
            assert list(writing) == [None] * 12
        assert all(read in versions for read in reads)

    def test_a_range_is_from_its_start_to_before_its_end(self, store: BlobStore) -> None:
        store.put("digits", b"0123456789")
        assert store.get_range("digits", 2, 5) == b"234"
        assert store.get_range("digits", 0, 10) == b"0123456789"

    def test_a_range_past_the_end_is_cut(self, store: BlobStore) -> None:
        store.put("digits", b"0123456789")
        assert store.get_range("digits", 8, 100) == b"89"
        assert store.get_range("digits", 50, 100) == b""
        assert store.get_range("digits", 3, 3) == b""

    @pytest.mark.parametrize(("start", "end"), [(-1, 3), (3, 2)])
    def test_a_range_that_is_none_is_invalid(self, store: BlobStore, start: int, end: int) -> None:
        store.put("digits", b"0123456789")
        with pytest.raises(Invalid):
            store.get_range("digits", start, end)

    def test_a_large_file_goes_in_and_comes_out(self, store: BlobStore, tmp_path: Path) -> None:
        source, target = tmp_path / "in", tmp_path / "new folder" / "out"
        source.write_bytes(bytes(range(256)) * 80_000)  # 20 MB: several parts
        store.put("large", source)
        assert store.size("large") == source.stat().st_size
        store.download("large", target)
        assert target.read_bytes() == source.read_bytes()
        assert [path.name for path in target.parent.iterdir()] == ["out"]

    def test_a_download_overwrites(self, store: BlobStore, tmp_path: Path) -> None:
        (tmp_path / "out").write_bytes(b"old and longer")
        store.put("a", b"new")
        store.download("a", tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == b"new"

    def test_a_file_that_is_not_there_is_not_put(self, store: BlobStore, tmp_path: Path) -> None:
        with pytest.raises(NotFound, match="nothing"):
            store.put("a", tmp_path / "nothing")
        with pytest.raises(NotFound, match="nothing"):
            store.create("a", tmp_path / "nothing")
        assert not store.exists("a")

    def test_a_prefix_is_a_folder(self, store: BlobStore) -> None:
        for key in ("a/1", "a/b/2", "ab/3", "c"):
            store.put(key, b"x")
        assert keys(store) == ["a/1", "a/b/2", "ab/3", "c"]
        assert keys(store, "a") == ["a/1", "a/b/2"]
        assert keys(store, "a/") == ["a/1", "a/b/2"]
        assert keys(store, "a/b") == ["a/b/2"]
        assert keys(store, "none") == []

    def test_a_listing_tells_size_and_time(self, store: BlobStore) -> None:
        store.put("a", b"12345")
        (found,) = store.list()
        assert found.size_bytes == 5
        assert abs(found.modified_at - datetime.now(UTC)) < timedelta(hours=1)

    def test_an_empty_store_lists_nothing(self, store: BlobStore) -> None:
        assert keys(store) == []

    def test_what_is_deleted_is_gone(self, store: BlobStore) -> None:
        store.put("a/b", b"x")
        store.delete("a/b")
        assert not store.exists("a/b")
        assert keys(store) == []

    def test_deleting_what_is_not_there_is_no_error(self, store: BlobStore) -> None:
        store.delete("no/such")
        store.put("folder/blob", b"x")
        store.delete("folder")
        assert keys(store) == ["folder/blob"]

    def test_a_version_changes_when_the_blob_does(self, store: BlobStore) -> None:
        store.put("a", b"one")
        first = store.version("a")
        assert first is not None
        assert store.version("a") == first
        store.put("a", b"two")
        assert store.version("a") != first

    def test_a_local_path_is_the_blob_itself(self, store: BlobStore) -> None:
        store.put("a/b", b"in place")
        path = store.local_path("a/b")
        assert path is None or path.read_bytes() == b"in place"

    @pytest.mark.parametrize("key", BAD_KEYS)
    def test_a_key_that_climbs_out_or_is_malformed_is_invalid(
        self, store: BlobStore, key: str, tmp_path: Path
    ) -> None:
        with pytest.raises(Invalid):
            store.put(key, b"x")
        with pytest.raises(Invalid):
            store.create(key, b"x")
        for ask in (store.get, store.exists, store.size, store.delete, store.version,
                    store.local_path):  # fmt: skip
            with pytest.raises(Invalid):
                ask(key)
        with pytest.raises(Invalid):
            store.get_range(key, 0, 1)
        with pytest.raises(Invalid):
            store.download(key, tmp_path / "out")
        assert keys(store) == []

    @pytest.mark.parametrize("key", ODD_KEYS)
    def test_an_odd_key_is_kept_as_it_is(self, store: BlobStore, key: str) -> None:
        store.put(key, b"odd")
        assert store.get(key) == b"odd"
        assert keys(store) == [key]
        store.delete(key)
        assert keys(store) == []

    def test_the_url_opens_the_same_store(self, store: BlobStore) -> None:
        store.put("a", b"x")
        assert open_blobs(store.url).get("a") == b"x"

    def test_content_is_stored_once_under_its_digest(
        self, store: BlobStore, tmp_path: Path
    ) -> None:
        source = tmp_path / "source"
        source.write_bytes(b"weights")
        digest = store_bytes(store, b"weights")
        version = store.version(content_key(digest))
        assert store_file(store, source) == store_bytes(store, b"weights") == digest
        assert store.version(content_key(digest)) == version
        assert digest == digest_bytes(b"weights")
        assert keys(store) == [f"content/{digest[:2]}/{digest[2:4]}/{digest}"]

    def test_content_comes_back_as_bytes_and_as_a_file(
        self, store: BlobStore, tmp_path: Path
    ) -> None:
        digest = store_bytes(store, b"weights")
        assert has_content(store, digest)
        assert read_content(store, digest) == b"weights"
        assert content_path(store, digest, tmp_path).read_bytes() == b"weights"
        assert content_path(store, digest, tmp_path).read_bytes() == b"weights"

    def test_tampered_content_is_refused_by_name(self, store: BlobStore, tmp_path: Path) -> None:
        digest = store_bytes(store, b"weights")
        store.put(content_key(digest), b"weightz")
        with pytest.raises(Refused, match=digest):
            read_content(store, digest)
        with pytest.raises(Refused, match=digest):
            content_path(store, digest, tmp_path)

    def test_content_that_was_never_stored_is_not_found(
        self, store: BlobStore, tmp_path: Path
    ) -> None:
        digest = digest_bytes(b"never")
        assert not has_content(store, digest)
        with pytest.raises(NotFound, match=digest):
            read_content(store, digest)
        with pytest.raises(NotFound, match=digest):
            content_path(store, digest, tmp_path)

    @pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "a" * 63])
    def test_what_is_no_digest_is_invalid(self, store: BlobStore, digest: str) -> None:
        with pytest.raises(Invalid, match="is not a digest"):
            read_content(store, digest)
