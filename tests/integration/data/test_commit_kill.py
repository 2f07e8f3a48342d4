"""kill -9 in the middle of a commit: nothing half-written is seen, and the next commit is whole."""

import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from bucle.governance.session import House
from bucle.lifecycle.data import DatasetSpec, commit_table, declare, get_version, log, read_table
from bucle.testing.houses import open_test_house
from tests.support.processes import wait_until

ROOT = Path(__file__).resolve().parents[3]
FIRST = pa.table({"id": range(10), "fare": [1.5] * 10})
NEXT = pa.table({"id": range(10, 300_010), "fare": [float(n % 97) for n in range(300_000)]})

# Commits what NEXT is, and stops for ever at the place that it was told.
COMMITTER = """
import sys, time
import pyarrow as pa
from bucle.base.settings import load_settings
from bucle.governance.session import House
from bucle.lifecycle.data import commit_table

home, module, name = sys.argv[1:]
room = sys.modules[module]
def stops(*arguments, **named):
    print("there", flush=True)
    time.sleep(600)
setattr(room, name, stops)
table = pa.table({"id": range(10, 300_010), "fare": [float(n % 97) for n in range(300_000)]})
commit_table(House(load_settings({"BUCLE_HOME": home})).session(), "trips", table, mode="append")
"""

_COMMIT = "bucle.lifecycle.data.commit"
_PARQUET = "bucle.lifecycle.data.parquet"
_STORE = "bucle.lifecycle.data.store"
PLACES = {
    "the Parquet file is whole and not yet stored": (_PARQUET, "store_draft"),
    "the rows are stored and not yet judged": (_COMMIT, "_judged_added"),
    "the manifest is about to be stored": (_COMMIT, "store_bytes"),
    "the head has moved and the version is not written": (_STORE, "add_version"),
}


def killed(home: Path, module: str, name: str) -> None:
    """Commit in a process that is killed when it comes to a function."""
    program = subprocess.Popen(
        [sys.executable, "-c", COMMITTER, str(home), module, name],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert program.stdout is not None
    assert program.stdout.readline() == "there\n"
    program.send_signal(signal.SIGKILL)
    program.wait()


def with_first(home: Path) -> House:
    house = open_test_house(home)
    with house.session().begin() as scope:
        declare(scope, DatasetSpec(name="trips", key=("id",)))
    commit_table(house.session(), "trips", FIRST)
    return house


@pytest.mark.parametrize("place", PLACES)
def test_a_commit_that_is_killed_is_not_there_and_the_next_is_whole(
    tmp_path: Path, place: str
) -> None:
    house = with_first(tmp_path)
    session = house.session()
    killed(tmp_path, *PLACES[place])
    with session.begin(write=False) as scope:
        assert [version.number for version in log(scope, "trips").items] == [1]
        assert get_version(scope, "trips").rows == 10
    assert read_table(session, "trips").equals(FIRST)
    made = commit_table(session, "trips", NEXT, mode="append")
    assert (made.number, made.rows) == (2, 300_010)
    assert read_table(session, "trips").equals(pa.concat_tables([FIRST, NEXT]))
    house.close()


def test_what_a_killed_writer_left_is_removed_by_the_next_commit(tmp_path: Path) -> None:
    house = with_first(tmp_path)
    incoming = house.drivers.cache_path / "incoming"
    killed(tmp_path, _PARQUET, "store_draft")
    assert len(list(incoming.iterdir())) == 1
    commit_table(house.session(), "trips", NEXT, mode="append")
    assert list(incoming.iterdir()) == []
    house.close()


def test_a_commit_that_is_killed_at_any_moment_is_there_whole_or_not_at_all(
    tmp_path: Path,
) -> None:
    house = with_first(tmp_path)
    session = house.session()
    program = subprocess.Popen(
        [sys.executable, "-c", AGAIN_AND_AGAIN, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert program.stdout is not None
    said = int(program.stdout.readline())
    wait_until(_never, within_s=0.7)
    program.send_signal(signal.SIGKILL)
    said = max([said, *(int(line) for line in program.stdout.read().split())])
    program.wait()
    with session.begin(write=False) as scope:
        versions = log(scope, "trips", limit=100_000).items
    assert said <= versions[0].number <= said + 1
    assert [version.rows for version in reversed(versions)] == [
        10 + 1000 * place for place in range(len(versions))
    ]
    assert read_table(session, "trips")["id"].to_pylist() == list(range(versions[0].rows))
    house.close()


AGAIN_AND_AGAIN = """
import sys
import pyarrow as pa
from bucle.base.settings import load_settings
from bucle.governance.session import House
from bucle.lifecycle.data import commit_table

session = House(load_settings({"BUCLE_HOME": sys.argv[1]})).session()
next_id = 10
while True:
    table = pa.table({"id": range(next_id, next_id + 1000), "fare": [2.5] * 1000})
    print(commit_table(session, "trips", table, mode="append").number, flush=True)
    next_id += 1000
"""


def _never() -> bool:
    return False
