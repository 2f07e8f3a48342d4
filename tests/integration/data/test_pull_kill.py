"""kill -9 in the middle of a pull: the next one goes on, and no row is lost or doubled."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from bucle.governance.session import Session
from bucle.lifecycle.data import (
    DatasetSpec,
    SourceSpec,
    declare,
    get_version,
    list_arrivals,
    pull,
    read_table,
)
from bucle.testing.houses import open_test_house

ROOT = Path(__file__).resolve().parents[3]
# Pulls, and stops for ever at the place that it was told.
PULLER = """
import sys, time
import bucle.lifecycle.data.sourcing.land, bucle.lifecycle.data.commit
from bucle.base.settings import load_settings
from bucle.governance.session import House
from bucle.lifecycle.data import pull

home, module, name = sys.argv[1:]
def stops(*arguments, **named):
    print("there", flush=True)
    time.sleep(600)
setattr(sys.modules[module], name, stops)
pull(House(load_settings({"BUCLE_HOME": home})).session(), "orders")
"""
PLACES = {
    "the rows were read and are not committed": ("bucle.lifecycle.data.commit", "_written"),
    "the version is written and the position is not": (
        "bucle.lifecycle.data.sourcing.store", "move",
    ),
    "the position is written and nothing is committed": (
        "bucle.lifecycle.data.sourcing.store", "keep_files",
    ),
}  # fmt: skip

LAST = tuple(PLACES)[-1]


def killed(home: Path, module: str, name: str) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", PULLER, str(home), module, name],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert program.stdout is not None
    assert program.stdout.readline() == "there\n"
    program.send_signal(signal.SIGKILL)
    program.wait()


def sources(folder: Path) -> dict[str, SourceSpec]:
    with sqlite3.connect(folder / "shop.db") as shop:
        shop.execute("CREATE TABLE orders (id INTEGER, at INTEGER)")
        shop.executemany("INSERT INTO orders VALUES (?, ?)", [(n, n // 2) for n in range(5)])
    (folder / "in").mkdir()
    (folder / "in" / "a.csv").write_text("id,at\n0,0\n1,0\n2,1\n3,1\n4,2\n")
    return {
        "sql": SourceSpec(url=f"sqlite:///{folder / 'shop.db'}", table="orders", watermark="at"),
        "files": SourceSpec(url=f"file://{folder / 'in'}/*.csv", settle="0s"),
        "topic": SourceSpec(url="topic:orders"),
    }


def ids(session: Session) -> list[int]:
    with session.begin(write=False) as scope:
        version = get_version(scope, "orders")
    return sorted(read_table(session, version)["id"].to_pylist())


@pytest.mark.parametrize(
    ("kind", "place"),
    [*(("sql", place) for place in PLACES), ("files", LAST), ("topic", LAST)],
)
def test_a_pull_that_is_killed_has_taken_nothing_and_the_next_takes_all(
    tmp_path: Path, kind: str, place: str
) -> None:
    house = open_test_house(tmp_path / "home")
    session = house.session()
    events = [b'{"id": %d, "at": %d}' % (n, n // 2) for n in range(5)]
    house.drivers.streams.append("default/orders", events)
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="orders", source=sources(tmp_path)[kind]))
    killed(tmp_path / "home", *PLACES[place])
    with session.begin(write=False) as scope:
        assert list_arrivals(scope, "orders").items == ()
    assert (pull(session, "orders").rows, ids(session)) == (5, [0, 1, 2, 3, 4])
    assert pull(session, "orders").rows == 0
    assert ids(session) == [0, 1, 2, 3, 4]
    house.close()
