"""Files that arrive are taken once each, whole; a broken one leaves the others."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bucle.base.clock import SystemClock
from bucle.base.errors import NotFound
from bucle.governance.audit.read import last_of
from bucle.governance.session import Session
from bucle.lifecycle import data
from tests.unit.lifecycle.data.sourcing.shop import declare, ids, pull, report


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "in"
    made.mkdir()
    return made


def put(folder: Path, name: str, text: str = "id\n1\n", *, age_s: float = 60) -> Path:
    """Write a file that was last changed a while ago."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    then = SystemClock().now().timestamp() - age_s
    os.utime(path, (then, then))
    return path


def statuses(pulled: data.Pulled) -> dict[str, str]:
    return {file.name.rpartition("/")[2]: file.status for file in pulled.files}


def test_each_file_is_taken_once(session: Session, folder: Path):
    put(folder, "a.csv", "id\n1\n")
    put(folder, "b.csv", "id\n2\n")
    put(folder, "c.txt", "no row")
    declare(session, f"file://{folder}/*.csv")
    first = pull(session)
    assert (first.rows, statuses(first)) == (2, {"a.csv": "taken", "b.csv": "taken"})
    assert (pull(session).version, ids(session)) == (None, [1, 2])
    put(folder, "d.csv", "id\n2\n")  # the same rows as another file's are rows all the same
    assert (pull(session).rows, ids(session)) == (1, [1, 2, 2])


def test_a_broken_file_leaves_the_others_and_is_not_tried_until_it_changes(
    session: Session, folder: Path
):
    put(folder, "a.csv", "id\n1\n")
    bad = put(folder, "b.csv", "id,x\n2,3\n")
    put(folder, "c.csv", "id\n3\n")
    empty = put(folder, "d.csv", "")
    declare(session, f"file://{folder}/*.csv")
    assert statuses(pull(session)) == {
        "a.csv": "taken", "b.csv": "broken", "c.csv": "taken", "d.csv": "broken",
    }  # fmt: skip
    with session.begin(write=False) as scope:
        fact = last_of(scope, "dataset.file_refused")
        assert fact is not None
        assert fact.body["file"].endswith("d.csv")
        assert "is empty" in fact.body["reason"]
        broken = data.list_arrivals(scope, "orders", status="broken").items
    assert [file.name for file in broken] == [f"file://{bad}", f"file://{empty}"]
    assert "has more than the dataset: column 'x'" in broken[0].reason
    assert report(session).notes == ("2 files are broken: bucle data arrivals orders",)
    assert statuses(pull(session)) == {}
    assert statuses(pull(session, again=True)) == {"b.csv": "broken", "d.csv": "broken"}
    put(folder, "b.csv", "id\n2\n")
    empty.unlink()
    assert (statuses(pull(session)), ids(session)) == ({"b.csv": "taken"}, [1, 2, 3])


def test_a_broken_parquet_file_is_told(session: Session, folder: Path):
    pq.write_table(pa.table({"id": [1, 2]}), folder / "a.parquet")
    content = (folder / "a.parquet").read_bytes()
    (folder / "b.parquet").write_bytes(content[:60])
    declare(session, f"file://{folder}/", settle="0s")
    (_, broken) = pull(session).files
    assert (broken.status, ids(session)) == ("broken", [1, 2])
    assert "can not be read as parquet" in broken.reason


def test_a_file_that_may_still_grow_waits(session: Session, folder: Path):
    put(folder, "a.csv", "id\n1\n", age_s=1)
    put(folder, "b.csv.part", "id\n2\n")
    put(folder, ".c.csv", "id\n2\n")
    declare(session, f"file://{folder}/", settle="5m")
    waits = pull(session)
    assert (waits.version, waits.waiting) == (None, 1)
    assert waits.notes == ("1 files may not be whole yet",)
    put(folder, "a.csv", "id\n1\n", age_s=600)
    assert statuses(pull(session)) == {"a.csv": "taken"}


def test_with_a_marker_a_file_counts_when_it_lies_beside_it(session: Session, folder: Path):
    put(folder, "a.csv", "id\n1\n")
    put(folder, "b.csv", "id\n2\n", age_s=0)
    put(folder, "b.csv.done", "")
    declare(session, f"file://{folder}/*.csv", marker=".done")
    assert statuses(pull(session)) == {"b.csv": "taken"}
    put(folder, "a.csv.done", "")
    assert statuses(pull(session)) == {"a.csv": "taken"}


def test_a_file_that_changed_after_it_was_appended_is_told_and_not_doubled(
    session: Session, folder: Path
):
    put(folder, "a.csv", "id\n1\n")
    declare(session, f"file://{folder}/*.csv")
    pull(session)
    put(folder, "a.csv", "id\n1\n2\n")
    (told,) = pull(session).notes
    assert told.startswith("1 files have changed since they were appended")
    assert ids(session) == [1]


def test_with_a_key_a_changed_file_takes_the_place_of_its_old_rows(session: Session, folder: Path):
    put(folder, "a.csv", "id,v\n1,a\n")
    declare(session, f"file://{folder}/*.csv", key=("id",), mode="upsert")
    pull(session)
    put(folder, "a.csv", "id,v\n1,b\n2,c\n")
    put(folder, "b.csv", "id,v\n2,d\n")
    assert (pull(session).rows, ids(session)) == (3, [1, 2])


def test_folders_below_are_meant_by_two_stars(session: Session, folder: Path):
    put(folder, "2026/03/a.csv", "id\n1\n")
    put(folder, "b.csv", "id\n2\n")
    declare(session, f"file://{folder}/**/*.csv")
    pull(session)
    assert ids(session) == [1, 2]
    declare(session, f"file://{folder}/2026/*/*.csv", name="march")
    pull(session, "march")
    assert ids(session, "march") == [1]


def test_a_file_that_is_too_large_is_broken_and_a_folder_that_is_not_there_told(
    session: Session, folder: Path
):
    put(folder, "a.csv", "id\n1\n")
    declare(session, f"file://{folder}/*.csv", most_bytes="3 B")
    (file,) = pull(session).files
    assert "has 5 bytes, more than 3" in file.reason
    declare(session, "file:///nowhere/*.csv", name="lost")
    with pytest.raises(NotFound, match="/nowhere/ is no folder"):
        pull(session, "lost")
