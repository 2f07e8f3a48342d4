import sqlite3
from pathlib import Path

import pytest

from bucle.base.errors import Invalid, NotFound
from bucle.drivers.db.foreign import open_foreign


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "their #1?.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table things (id integer, name text)")
        connection.executemany("insert into things values (?, ?)", [(2, "b"), (1, "a"), (3, "b")])
    connection.close()
    return path


def test_rows_come_by_conditions_and_in_order(file):
    with open_foreign(file) as tables:
        assert [row["id"] for row in tables.rows("things", order_by=("id",))] == [1, 2, 3]
        assert [row["id"] for row in tables.rows("things", {"name": "b"}, ("id",))] == [2, 3]
        assert tables.rows("things", {"id": [1, 9]}) == [{"id": 1, "name": "a"}]


def test_rows_are_counted_by_a_column(file):
    with open_foreign(file) as tables:
        assert tables.counts("things", "name") == {"a": 1, "b": 2}
        assert tables.counts("things", "name", {"id": [1, 2]}) == {"a": 1, "b": 1}


def test_a_table_that_is_not_there_is_empty(file):
    with open_foreign(file) as tables:
        assert tables.columns("others") == ()
        assert tables.rows("others") == []
        assert tables.counts("others", "name") == {}


def test_nothing_is_written_not_even_a_file(file):
    before = file.read_bytes(), sorted(file.parent.iterdir())
    with open_foreign(file) as tables:
        tables.rows("things")
    assert (file.read_bytes(), sorted(file.parent.iterdir())) == before


@pytest.mark.parametrize(
    ("url", "error"),
    [
        (Path("/nowhere/at/all.db"), NotFound),
        ("mysql://root@host/mlflow", Invalid),
        ("no url", Invalid),
    ],
)
def test_what_can_not_be_opened_is_told(url, error):
    with pytest.raises(error):
        open_foreign(url)


def test_a_file_that_is_no_database_is_told(tmp_path):
    (tmp_path / "notes.txt").write_text("hello " * 1000)
    with open_foreign(tmp_path / "notes.txt") as tables, pytest.raises(Invalid):
        tables.columns("runs")


def test_tables_are_named_and_their_rows_counted(file):
    with open_foreign(file) as tables:
        names = tables.names()
        assert list(names) == sorted(names)
        assert names
        assert {name: tables.count(name) for name in names} == {
            name: len(tables.rows(name)) for name in names
        }
