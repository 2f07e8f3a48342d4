"""The law of online stores: subclass, give a `store`, and every test here runs against it."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from bucle.base.errors import Invalid
from bucle.drivers.online import OnlineStore

ODD_KEYS = (
    b"",
    b"\0",
    b"\1",
    b"\xff\xfe",
    b"k" * 500,
    b"k" * 501,
    b"k" * 5_000,
    "ñ".encode(),
    b"a b",
)
BAD_TABLES = ("", "a\nb", "a\0b", "t" * 201)


class OnlineStoreContract:
    """What every `OnlineStore` keeps."""

    @pytest.fixture
    def store(self) -> OnlineStore:
        raise NotImplementedError("give a fixture `store` that yields an empty store")

    def test_what_is_written_is_read_in_the_order_asked(self, store: OnlineStore) -> None:
        store.write("spend", {b"ada": b"1", b"bob": b"2"})
        assert store.read("spend", [b"bob", b"nobody", b"ada", b"bob"]) == [b"2", None, b"1", b"2"]

    def test_a_table_that_was_never_written_is_empty(self, store: OnlineStore) -> None:
        assert store.read("none", [b"a", b"b"]) == [None, None]
        assert store.count("none") == 0
        store.delete("none", [b"a"])
        store.clear("none")

    def test_a_write_is_over_what_was_there(self, store: OnlineStore) -> None:
        store.write("t", {b"a": b"a long value", b"b": b"kept"})
        store.write("t", {b"a": b"2"})
        assert store.read("t", [b"a", b"b"]) == [b"2", b"kept"]
        assert store.count("t") == 2

    def test_nothing_is_a_write_and_a_read_and_a_delete(self, store: OnlineStore) -> None:
        store.write("t", {})
        store.delete("t", [])
        assert store.read("t", []) == []
        assert store.count("t") == 0

    @pytest.mark.parametrize("key", ODD_KEYS)
    def test_a_key_is_any_bytes(self, store: OnlineStore, key: bytes) -> None:
        store.write("t", {key: b"x", b"other": b"y"})
        assert store.read("t", [key, key + b"!"]) == [b"x", None]
        store.delete("t", [key])
        assert store.read("t", [key, b"other"]) == [None, b"y"]

    def test_keys_that_look_alike_are_apart(self, store: OnlineStore) -> None:
        rows = {key: str(number).encode() for number, key in enumerate(ODD_KEYS)}
        store.write("t", rows)
        assert store.count("t") == len(rows)
        assert store.read("t", list(rows)) == list(rows.values())

    def test_a_value_is_any_bytes(self, store: OnlineStore) -> None:
        values = [b"", b"\0\xff", b"v" * 3_000_000]
        store.write("t", {str(number).encode(): value for number, value in enumerate(values)})
        assert store.read("t", [b"0", b"1", b"2"]) == values

    def test_tables_are_apart(self, store: OnlineStore) -> None:
        store.write("one", {b"a": b"1"})
        store.write("one/two ñ", {b"a": b"2"})
        store.clear("one")
        assert store.read("one", [b"a"]) == [None]
        assert store.read("one/two ñ", [b"a"]) == [b"2"]

    @pytest.mark.parametrize("table", BAD_TABLES)
    def test_a_table_without_a_proper_name_is_invalid(self, store: OnlineStore, table: str) -> None:
        with pytest.raises(Invalid, match="name of an online table"):
            store.write(table, {b"a": b"1"})
        with pytest.raises(Invalid, match="name of an online table"):
            store.read(table, [b"a"])

    def test_a_cleared_table_is_used_again(self, store: OnlineStore) -> None:
        store.write("t", {b"a": b"1", b"b": b"2"})
        store.clear("t")
        assert store.count("t") == 0
        store.write("t", {b"b": b"3"})
        assert store.read("t", [b"a", b"b"]) == [None, b"3"]

    def test_a_hundred_thousand_rows_are_one_write(self, store: OnlineStore) -> None:
        rows = {b"%d" % number: b"v" * 100 for number in range(100_000)}
        store.write("t", rows)
        assert store.count("t") == 100_000
        assert store.read("t", [b"0", b"99999", b"100000"]) == [b"v" * 100, b"v" * 100, None]
        store.delete("t", list(rows)[:99_999])
        assert store.count("t") == 1

    def test_a_reader_sees_a_write_as_a_whole(self, store: OnlineStore) -> None:
        keys = [b"%d" % number for number in range(200)]
        store.write("t", dict.fromkeys(keys, b"0"))
        with ThreadPoolExecutor(1) as threads:
            writing = [
                threads.submit(store.write, "t", dict.fromkeys(keys, b"%d" % turn))
                for turn in range(1, 30)
            ]
            while not writing[-1].done():
                assert len(set(store.read("t", keys))) == 1
        assert store.read("t", keys) == [b"29"] * 200

    def test_threads_write_beside_each_other(self, store: OnlineStore) -> None:
        def write(writer: int) -> None:
            for number in range(20):
                store.write("t", {b"%d-%d" % (writer, number): b"x"})

        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(write, range(4))) == [None] * 4
        assert store.count("t") == 80

    def test_it_answers_like_a_dictionary(self, store: OnlineStore) -> None:
        rng = random.Random(7)  # noqa: S311 - a seeded sequence of acts
        model: dict[bytes, bytes] = {}
        keys = [b"%d" % number for number in range(30)]
        for _ in range(200):
            chosen = rng.sample(keys, 5)
            if rng.random() < 0.6:
                rows = {key: rng.randbytes(rng.randrange(40)) for key in chosen}
                store.write("t", rows)
                model.update(rows)
            else:
                store.delete("t", chosen)
                model = {key: value for key, value in model.items() if key not in chosen}
            assert store.read("t", keys) == [model.get(key) for key in keys]
            assert store.count("t") == len(model)
