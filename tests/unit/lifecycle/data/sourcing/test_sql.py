"""Rows of a database are drawn once each, in their types, and whatever is wrong is told."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from bucle.base.errors import Conflict, Invalid, NotFound, NotInstalled, Refused, Unavailable
from bucle.drivers.db import extract
from bucle.governance.session import Session
from bucle.lifecycle import data
from bucle.lifecycle.data.sourcing import sql
from tests.unit.lifecycle.data.sourcing.shop import (
    Shop,
    declare,
    ids,
    plain,
    pull,
    report,
    rows,
    sqlite_shop,
)

ONE, TWO = "2026-03-01 10:00:00", "2026-03-01 11:00:00"


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    if request.param == "sqlite":
        opened = sqlite_shop(tmp_path)
    else:
        opened = Shop(str(request.getfixturevalue("postgresql_url")))
    yield opened
    opened.close()


def test_rows_of_the_last_watermark_are_neither_lost_nor_doubled(session: Session, shop: Shop):
    shop.add((1, ONE, 1.5, "a"), (2, TWO, 2.5, "b"))
    declare(session, shop.url, table="orders", watermark="at")
    assert pull(session).rows == 2
    assert pull(session).version is None
    shop.add((3, TWO, 3.5, "c"))
    assert pull(session).rows == 1
    assert (pull(session).rows, ids(session)) == (0, [1, 2, 3])
    assert rows(session)[0] == {
        "id": 1, "at": datetime(2026, 3, 1, 10), "price": Decimal("1.50"), "name": "a",  # noqa: DTZ001
    }  # fmt: skip


def test_equal_rows_without_a_key_are_counted(session: Session, shop: Shop):
    shop.run("CREATE TABLE clicks (at TIMESTAMP, page VARCHAR(9))")
    click = {"at": ONE, "page": "home"}
    into = "INSERT INTO clicks VALUES (:at, :page)"
    shop.run(into, click, click)
    declare(session, shop.url, table="clicks", watermark="at")
    assert [pull(session).rows, pull(session).rows] == [2, 0]
    shop.run(into, click)
    assert [pull(session).rows, len(rows(session))] == [1, 3]


def test_with_a_key_a_changed_row_takes_the_place_of_the_old_one(session: Session, shop: Shop):
    shop.add((1, ONE, 1.5, "a"), (2, ONE, 2.5, "b"))
    declare(session, shop.url, key=("id",), table="orders", watermark="at")
    pull(session)
    shop.run("UPDATE orders SET name = 'z', at = :at WHERE id = 1", {"at": TWO})
    assert pull(session).rows == 1
    assert {row["id"]: row["name"] for row in rows(session)} == {1: "z", 2: "b"}
    assert report(session).mode == "upsert"


def test_without_a_watermark_the_table_is_read_whole_and_the_same_rows_are_the_same_version(
    session: Session, shop: Shop
):
    shop.add((1, ONE, 1.5, "a"))
    declare(session, shop.url, query="SELECT id, name FROM orders WHERE name LIKE '%a' -- all")
    assert str(pull(session).version) == "dataset:orders@1"
    assert str(pull(session).version) == "dataset:orders@1"
    shop.run("DELETE FROM orders")
    shop.add((2, ONE, 1.5, "aa"))
    pull(session)
    assert ids(session) == [2]


def test_a_row_that_comes_up_late_within_the_lag_is_drawn_once(session: Session, shop: Shop):
    shop.add((1, ONE, 1.5, "a"), (2, TWO, 2.5, "b"))
    declare(session, shop.url, table="orders", watermark="at", lag="2h")
    pull(session)
    shop.add((3, "2026-03-01 10:30:00", 3.5, "late"), (4, "2026-03-01 08:00:00", 1, "too late"))
    assert pull(session).rows == 1
    shop.add((5, "2026-03-01 12:30:00", 3.5, "next"))
    assert [pull(session).rows, pull(session).rows] == [1, 0]
    assert ids(session) == [1, 2, 3, 5]


def test_rows_without_a_watermark_are_told(session: Session, shop: Shop):
    shop.add((1, ONE, 1.5, "a"))
    shop.run("INSERT INTO orders (id) VALUES (2)")
    declare(session, shop.url, table="orders", watermark="at")
    told = ("1 rows have no at: they are never drawn",)
    assert pull(session).notes == told
    assert (ids(session), report(session).notes) == ([1], told)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"table": "nowhere"}, "the table 'nowhere' can not be read"),
        ({"query": "SELECT nothing FROM orders"}, "the query can not be read"),
        ({"table": "orders", "watermark": "nothing"}, "no column 'nothing' for a watermark"),
    ],
)
def test_what_a_database_has_not_is_told(session: Session, shop: Shop, source: dict, said: str):
    shop.add((1, ONE, 1.5, "a"))
    declare(session, shop.url, **source)
    with pytest.raises(Invalid, match=said):
        pull(session)
    assert said in report(session).error


def test_a_type_that_changed_upstream_is_told_and_nothing_is_lost(session: Session, shop: Shop):
    shop.add((1, ONE, 1.5, "a"))
    declare(session, shop.url, table="orders", watermark="at")
    pull(session)
    shop.run("DROP TABLE orders")
    shop.run("CREATE TABLE orders (id VARCHAR(9), at TIMESTAMP, price NUMERIC(10, 2),"
             " name VARCHAR(20))")  # fmt: skip
    shop.run("INSERT INTO orders VALUES ('x', :at, 1, 'a')", {"at": TWO})
    with pytest.raises(Invalid, match=r"column 'id' of the table 'orders' .*is string, and int"):
        pull(session)
    shop.run("DROP TABLE orders")
    shop.run("CREATE TABLE orders (id INTEGER, at TIMESTAMP, name VARCHAR(20))")
    shop.run("INSERT INTO orders VALUES (2, :at, 'a')", {"at": TWO})
    with pytest.raises(Invalid, match="lacks column 'price'"):
        pull(session)
    assert (ids(session), report(session).failures) == ([1], 2)


def test_the_types_of_postgresql_arrive_as_they_are(session: Session, postgresql_url: str):
    declare(session, postgresql_url, query=(
        "SELECT 1::int2 AS a, 12345678901234567890.5::numeric AS b, true AS c, "
        "'2026-03-01 10:00+02'::timestamptz AS d, DATE '2026-03-01' AS e, "
        """'{"n": 12345678901234567890.50}'::json AS f, """
        "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS g, decode('00ff', 'hex') AS h, "
        "ARRAY[1, NULL] AS i, ARRAY['x'] AS j, NULL::int8 AS k, 7 % 4 AS l"
    ))  # fmt: skip
    pull(session)
    assert rows(session) == [{
        "a": 1, "b": Decimal("12345678901234567890.500000000"), "c": True,
        "d": datetime(2026, 3, 1, 8, tzinfo=UTC), "e": date(2026, 3, 1),
        "f": '{"n": 12345678901234567890.50}', "g": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "h": b"\x00\xff", "i": [1, None], "j": ["x"], "k": None, "l": 3,
    }]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT 'infinity'::timestamp AS a", "timestamp too large"),
        ("SELECT 1/0 AS a", "division by zero"),
        ("SELECT 'NaN'::numeric AS a", "row 1 holds"),
        ("SELECT interval '1 day' AS a", "is an interval"),
        ("SELECT 1 AS a, 2 AS a", "two columns called 'a'"),
        ("SELECT nextval('numbers') AS a", "read-only transaction"),
    ],
)
def test_what_is_no_value_of_a_column_is_told(
    session: Session, postgresql_url: str, query: str, said: str
):
    shop = Shop(postgresql_url)
    shop.run("CREATE SEQUENCE numbers")
    shop.close()
    declare(session, postgresql_url, query=query)
    with pytest.raises(Invalid, match=said):
        pull(session)


def test_a_value_that_is_not_of_its_column_is_told_with_its_row(session: Session, tmp_path: Path):
    shop = sqlite_shop(tmp_path)
    shop.add((1, ONE, 1.5, "a"))
    shop.run("INSERT INTO orders VALUES (2, 'yesterday', 1, 'b')")
    shop.close()
    declare(session, shop.url, table="orders")
    with pytest.raises(Invalid, match=r"'at' of the table 'orders' .*row 2 holds 'yesterday'"):
        pull(session)


@pytest.mark.parametrize(
    ("url", "kind", "said"),
    [
        ("sqlite:////nowhere/shop.db", NotFound, "is not there"),
        ("sqlite:///shop.db", Invalid, "no absolute path"),
        ("postgresql://ana:${SHOP_PASSWORD}@127.0.0.1:1/shop", Unavailable, "did not answer"),
        ("mysql://ana:${SHOP_PASSWORD}@db/shop", NotInstalled, "driver that is not installed"),
    ],
)
def test_a_database_that_is_not_there_is_told_without_its_password(
    session: Session, monkeypatch: pytest.MonkeyPatch, url: str, kind: type, said: str
):
    monkeypatch.setenv("SHOP_PASSWORD", "geheim")
    declare(session, url, table="orders")
    with pytest.raises(kind, match=said) as caught:
        pull(session)
    assert "geheim" not in f"{caught.value} {caught.value.hint} {plain(report(session))}"


def test_who_may_not_come_in_is_told_without_the_password(
    session: Session, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SHOP_PASSWORD", "geheim")
    host = postgresql_url.partition("@")[2]
    declare(session, f"postgresql://nobody_here:${{SHOP_PASSWORD}}@{host}", table="orders")
    with pytest.raises(Unavailable, match="nobody_here") as caught:
        pull(session)
    assert "geheim" not in f"{caught.value} {plain(report(session))}"


def test_a_connection_that_is_lost_between_two_batches_takes_nothing(
    session: Session, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
):
    shop = Shop(postgresql_url)
    shop.add(*((n, ONE, 1, "a") for n in range(30)))
    declare(session, postgresql_url, table="orders", watermark="at")
    made = extract.Ask
    monkeypatch.setattr(sql, "Ask", lambda **named: made(**named, batch_rows=10))
    made_batch = sql.batch_of

    def cut(*arguments, **named):
        shop.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                 " WHERE pid <> pg_backend_pid() AND datname = current_database()")  # fmt: skip
        return made_batch(*arguments, **named)

    monkeypatch.setattr(sql, "batch_of", cut)
    with pytest.raises(Unavailable, match="did not answer"):
        pull(session)
    monkeypatch.setattr(sql, "batch_of", made_batch)
    assert (report(session).total, pull(session).rows, len(ids(session))) == (0, 30, 30)
    shop.close()


def test_two_pulls_at_once_take_the_rows_once(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shop = sqlite_shop(tmp_path)
    shop.add((1, ONE, 1.5, "a"))
    declare(session, shop.url, table="orders", watermark="at")
    made_batch = sql.batch_of

    def overtaken(*arguments, **named):
        monkeypatch.setattr(sql, "batch_of", made_batch)
        pull(session)
        return made_batch(*arguments, **named)

    monkeypatch.setattr(sql, "batch_of", overtaken)
    with pytest.raises(Conflict, match="meanwhile"):
        pull(session)
    assert (ids(session), report(session).failures) == ([1], 0)
    shop.close()


def test_rows_are_never_held_all_at_once(session: Session, tmp_path: Path):
    file = tmp_path / "many.db"
    with sqlite3.connect(file) as opened:
        opened.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, at INTEGER, name TEXT)")
        opened.executemany(
            "INSERT INTO orders VALUES (?, ?, ?)", ((n, n, f"{n}" * 5) for n in range(150_000))
        )
    declare(session, f"sqlite:///{file}", table="orders", watermark="at")
    before = pa.total_allocated_bytes()
    pool = pa.default_memory_pool()
    assert pull(session).rows == 150_000
    # One Parquet file's rows, of 131,072, and one batch of 10,000; each twice while it is written.
    assert pool.max_memory() - before < 200_000_000
    assert pull(session).rows == 0


def test_a_dirty_row_goes_into_the_quarantine_and_the_others_go_on(
    session: Session, tmp_path: Path
):
    shop = sqlite_shop(tmp_path)
    shop.add((1, ONE, 1.5, "a"), (2, ONE, -1, "b"))
    expected = (data.Expectation(column="price", min=0, action="quarantine"),)
    source = data.SourceSpec(url=shop.url, table="orders", watermark="at")
    for key, name in (((), "appended"), (("id",), "upserted")):
        with session.begin() as scope:
            data.declare(scope, data.DatasetSpec(
                name=name, key=key, expectations=expected, source=source,
            ))  # fmt: skip
        first = pull(session, name)
        assert (first.rows, first.quarantined, ids(session, name)) == (2, 1, [1])
    shop.add((3, TWO, 1.5, "c"), (4, TWO, -2, "d"))
    for name in ("appended", "upserted"):
        later = pull(session, name)
        assert (later.rows, later.quarantined, ids(session, name)) == (2, 1, [1, 3])
    shop.close()


def test_rows_that_are_refused_are_drawn_again(session: Session, tmp_path: Path):
    shop = sqlite_shop(tmp_path)
    shop.add((1, ONE, -1.5, "a"))
    with session.begin() as scope:
        data.declare(scope, data.DatasetSpec(
            name="orders", expectations=(data.Expectation(column="price", min=0),),
            source=data.SourceSpec(url=shop.url, table="orders", watermark="at"),
        ))  # fmt: skip
    with pytest.raises(Refused, match="price"):
        pull(session)
    shop.run("UPDATE orders SET price = 1")
    assert (pull(session).rows, report(session).error) == (1, "")
    shop.close()
