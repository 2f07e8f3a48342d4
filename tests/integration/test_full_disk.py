"""A disk that is really full: told clearly, nothing half-written, and on it goes with room."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from bucle.base.errors import Unavailable
from bucle.base.refs import Ref
from bucle.base.settings import load_settings
from bucle.drivers.blobs import open_blobs
from bucle.drivers.blobs.content import read_content, store_bytes
from bucle.governance.audit.verify import verify
from bucle.governance.session import House
from bucle.interfaces.cli.main import run
from bucle.interfaces.predict.log import PredictionLog
from bucle.interfaces.predict.wal import Answers, LoggedField, Source
from bucle.lifecycle.data import commit_table, log, read_table
from bucle.lifecycle.serving.segments import list_segments, read_files
from tests.support.full_disk import fill, small_disk

SIZE = 8 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder on a disk of eight megabytes."""
    with small_disk(tmp_path / "disk", SIZE) as folder:
        yield folder


def table(rows: int) -> pa.Table:
    return pa.table({"x": np.random.default_rng(rows).normal(size=rows)})


def _record_until_it_fails(house: House) -> None:
    for number in range(2000):
        with house.session().begin() as scope:
            scope.record("thing.happened", Ref("run", f"n{number}"), text="x" * 5000)


def test_a_database_on_a_full_disk_keeps_nothing_of_the_operation_and_goes_on_with_room(
    disk: Path,
) -> None:
    house = House(load_settings({"BUCLE_HOME": str(disk / "home")}))
    with house.session().begin() as scope:
        scope.record("thing.happened", Ref("run", "n1"))
    free = fill(disk)
    with pytest.raises(Unavailable, match="is full; nothing of this operation was kept") as told:
        _record_until_it_fails(house)
    assert "free some space" in told.value.hint
    with house.session().begin(write=False) as scope:
        before = verify(scope)
    assert before.ok
    free()
    with house.session().begin() as scope:
        scope.record("thing.happened", Ref("run", "last"))
    with house.session().begin(write=False) as scope:
        after = verify(scope)
        check = scope.tx.exec_driver_sql("PRAGMA integrity_check").scalar()
    assert (after.ok, after.count, check) == (True, before.count + 1, "ok")
    house.close()


def test_a_commit_to_a_full_disk_makes_no_version_and_the_same_commit_works_with_room(
    disk: Path, tmp_path: Path
) -> None:
    home = str(tmp_path / "home")
    blobs = f"file://{disk / 'blobs'}"
    house = House(load_settings({"BUCLE_HOME": home, "BUCLE_BLOBS_URL": blobs}))
    session = house.session()
    first = commit_table(session, "trips", table(100), mode="replace", message="")
    free = fill(disk)
    with pytest.raises(Unavailable, match="No space left on device") as told:
        commit_table(session, "trips", table(100_000), mode="append", message="")
    assert "free some space" in told.value.hint
    with session.begin(write=False) as scope:
        assert [one.ref for one in log(scope, "trips").items] == [first.ref]
    assert read_table(session, first.ref).num_rows == 100
    assert list(disk.rglob("*.part")) == []
    free()
    again = commit_table(session, "trips", table(100_000), mode="append", message="")
    assert (again.number, again.rows) == (2, 100_100)
    assert read_table(session, again.ref).num_rows == 100_100
    house.close()


def test_content_on_a_full_disk_is_there_whole_or_not_at_all(disk: Path) -> None:
    blobs = open_blobs(f"file://{disk / 'blobs'}")
    kept = store_bytes(blobs, b"kept")
    free = fill(disk)
    content = os.urandom(1 << 20)
    with pytest.raises(Unavailable, match="No space left on device"):
        store_bytes(blobs, content)
    assert read_content(blobs, kept) == b"kept"
    assert len(list(blobs.list())) == 1
    free()
    assert read_content(blobs, store_bytes(blobs, content)) == content


def test_predictions_on_a_full_disk_wait_in_memory_and_are_written_with_room(
    disk: Path, tmp_path: Path
) -> None:
    blobs = open_blobs(f"file://{tmp_path / 'blobs'}")
    written = PredictionLog(disk / "log", blobs)
    heat = (LoggedField("heat", "float64"),)
    number = written.source(
        Source(0, "default", "deployment:demand@1", "model:demand@1", "champion", heat, heat)
    )
    free = fill(disk)
    ids = [f"01ARZ3NDEKTSV4RRFFQ69G{one:04}" for one in range(2000)]
    for one in ids:
        row = {"heat": [1.0]}
        written.append(Answers(number, 1_700_000_000_000_000, 10, [one], row, row), 0)
    health = written.health()
    assert (health.unwritten_rows > 0, health.lost_rows) == (True, 0)
    assert "can not be written: No space left on device" in health.reasons[0]
    free()
    for shipped in written.flush():
        shipped.result()
    assert written.health().unwritten_rows == 0
    written.close()
    paths = [blobs.local_path(segment.key) for segment in list_segments(blobs, "default")]
    assert sorted(read_files(paths, ["id"])["id"].to_pylist()) == ids


@pytest.mark.parametrize("home", ["/proc/bucle", "/dev/null/bucle"])
def test_a_home_that_can_not_be_written_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: str
) -> None:
    monkeypatch.setenv("BUCLE_HOME", home)
    for command in (["data", "list"], ["charter", "get"], ["access", "create-token"]):
        assert run(command) == 9
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("error: ")
        assert "BUCLE_HOME" in said.err
        assert "Traceback" not in said.err
