"""A shop's database, on SQLite and on PostgreSQL, and what a test does with its dataset."""

from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Engine, create_engine, text

from bucle.governance.session import Session
from bucle.lifecycle import data


class Shop:
    """Orders in somebody else's database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine: Engine = create_engine(url)
        self.run(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, at TIMESTAMP, price NUMERIC(10, 2),"
            " name VARCHAR(20))"
        )

    def run(self, statement: str, *rows: dict[str, Any]) -> None:
        with self._engine.begin() as connection:
            connection.execute(text(statement), list(rows) or None)

    def add(self, *orders: tuple[int, str, float, str]) -> None:
        names = ("id", "at", "price", "name")
        rows = [dict(zip(names, order, strict=True)) for order in orders]
        self.run("INSERT INTO orders VALUES (:id, :at, :price, :name)", *rows)

    def close(self) -> None:
        self._engine.dispose()


def sqlite_shop(folder: Path) -> Shop:
    return Shop(f"sqlite:///{folder / 'shop.db'}")


def declare(
    session: Session, url: str, *, name: str = "orders", key: tuple[str, ...] = (), **source: Any
) -> None:
    with session.begin() as scope:
        data.declare(
            scope,
            data.DatasetSpec(name=name, key=key, source=data.SourceSpec(url=url, **source)),
        )


def pull(session: Session, name: str = "orders", *, again: bool = False) -> data.Pulled:
    return data.pull(session, name, again=again)


def rows(session: Session, name: str = "orders") -> list[dict[str, Any]]:
    with session.begin(write=False) as scope:
        version = data.get_version(scope, name)
    return data.read_table(session, version).to_pylist()


def ids(session: Session, name: str = "orders") -> list[int]:
    return sorted(row["id"] for row in rows(session, name))


def report(session: Session, name: str = "orders") -> data.SourceReport:
    with session.begin(write=False) as scope:
        return data.get_source(scope, name)


def plain(record: msgspec.Struct) -> str:
    return msgspec.json.encode(record, enc_hook=str).decode()
