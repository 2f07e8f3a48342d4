"""kill -9 in the middle of a deletion: nothing is half-written, and the next call finishes it."""

import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from bucle.control.privacy.forget.ask import ask, show_deletion
from bucle.control.privacy.forget.erase import erase
from bucle.control.privacy.forget.records import Wish
from bucle.control.privacy.forget.search import search
from bucle.lifecycle.data import DatasetSpec, commit_table, declare, get_version, read_table
from bucle.testing.houses import open_test_house

ROOT = Path(__file__).resolve().parents[3]
ROWS = pa.table({"id": range(8), "who": [f"p{n}" for n in range(8)]})

ERASER = """
import sys, time
from bucle.base.settings import load_settings
from bucle.control.privacy.forget.erase import erase
from bucle.governance.session import House

home, module, name, deletion = sys.argv[1:]
room = sys.modules[module]
def stops(*arguments, **named):
    print("there", flush=True)
    time.sleep(600)
setattr(room, name, stops)
erase(House(load_settings({"BUCLE_HOME": home})).session(), deletion)
"""

_ERASE = "bucle.lifecycle.data.erase.erase"
_STORE = "bucle.lifecycle.data.store"
PLACES = {
    "the new head's version is about to be written": (_STORE, "add_version"),
    "a version is written anew, and not its tombstone": (_STORE, "add_tombstone"),
    "the old content is about to be removed": (_ERASE, "_remove"),
    "a step was done and not recorded": ("bucle.control.privacy.forget.store", "add_step"),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_deletion_that_is_killed_is_finished_by_the_next_call(tmp_path: Path, place: str) -> None:
    house = open_test_house(tmp_path, clock_url="system:")
    session = house.session()
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="people", key=("id",)))
    commit_table(session, "people", ROWS)
    more = pa.table({"id": [8], "who": ["p8"]})
    commit_table(session, "people", more, mode="append")
    made = ask(session, Wish(dataset="people", key={"who": "p5"}, reason="asked"))

    program = subprocess.Popen(
        [sys.executable, "-c", ERASER, str(tmp_path), *PLACES[place], made.ref.name],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert program.stdout is not None
    assert program.stdout.readline() == "there\n"
    program.send_signal(signal.SIGKILL)
    program.wait()

    with session.begin(write=False) as scope:
        assert show_deletion(scope, made.ref).deletion.state == "running"
        versions = [get_version(scope, f"people@{number}") for number in (1, 2)]
    for version in versions:  # whole, before or after
        assert read_table(session, version).num_rows == version.rows
    assert erase(session, made.ref).state == "done"
    assert search(session, made.subjects)[0].rows == 0
    assert read_table(session, "people").num_rows == 8
    assert read_table(session, "people@1").num_rows == 7
    house.close()
