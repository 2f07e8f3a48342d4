import resource
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from bucle.drivers.blobs import BlobStore, open_blobs
from bucle.interfaces.predict.ids import PredictionIds
from bucle.interfaces.predict.log import PredictionLog
from bucle.interfaces.predict.wal import LoggedField, Source, WalFile, frame_of, frames_in
from bucle.lifecycle.serving.logged import PlannedLog, hashed, is_in
from bucle.lifecycle.serving.segments import list_segments

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SECRET = b"s" * 32
SOURCE = Source(
    number=0,
    project="default",
    deployment="deployment:demand@3",
    model="model:demand@7",
    variant="champion",
    inputs=(LoggedField("heat", "float64"), LoggedField("city", "string")),
    outputs=(LoggedField("prediction", "float64"), LoggedField("probability", "list<float64>")),
)


class Writer:
    """Logs rows as a model server does that answered them together."""

    def __init__(self, log: PredictionLog, plan: PlannedLog | None = None) -> None:
        self.log = log
        self.number = log.source(SOURCE, plan)
        self.ids = PredictionIds()

    def write(self, columns: dict[str, Any], outputs: dict[str, Any], **more: Any) -> list[str]:
        count = len(next(iter(columns.values())))
        taken = self.ids.take(NOW, count)
        given = {"at_us": 5, "latency_us": [7] * count, "epoch": self.ids.epoch, **more}
        self.log.append_many(
            source=self.number, ids=taken, columns=columns, outputs=outputs, **given
        )
        return taken


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return open_blobs(f"file://{tmp_path / 'blobs'}")


@pytest.fixture
def log(tmp_path: Path, blobs: BlobStore) -> Iterator[PredictionLog]:
    opened = PredictionLog(tmp_path / "log", blobs, secret=SECRET)
    yield opened
    opened.close()


def rows_in(log: PredictionLog, blobs: BlobStore) -> list[dict[str, Any]]:
    for future in log.flush():
        future.result(timeout=30)
    found = []
    for segment in list_segments(blobs, "default"):
        found += pq.read_table(blobs.local_path(segment.key)).to_pylist()
    return sorted(found, key=lambda row: row["id"])


def test_arrays_and_lists_are_logged_alike(log: PredictionLog, blobs: BlobStore) -> None:
    writer = Writer(log)
    heats = np.array([1.5, np.nan, 3.0])
    matrix = np.array([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7]])
    outputs = {"prediction": heats, "probability": matrix}
    for made in (heats, heats.astype("float32"), [1.5, None, 3.0]):
        said = {name: each if isinstance(made, np.ndarray) else each.tolist()
                for name, each in outputs.items()}  # fmt: skip
        writer.write({"heat": made, "city": ["a", "b", None]}, said)
    rows = rows_in(log, blobs)
    assert [row["in_heat"] for row in rows] == [1.5, None, 3.0] * 3
    assert [row["in_city"] for row in rows] == ["a", "b", None] * 3
    assert [row["out_probability"] for row in rows] == matrix.tolist() * 3
    assert np.isnan(rows[1]["out_prediction"])  # what a model said stays as it said it
    assert {row["share"] for row in rows} == {1.0}


def test_moments_latencies_and_errors_are_each_rows_own(
    log: PredictionLog, blobs: BlobStore
) -> None:
    at = [int(NOW.timestamp() * 1e6) + place for place in range(3)]
    writer = Writer(log)
    writer.write({"heat": [1, 2, 3]}, {}, at_us=at, latency_us=[1, 2, 3], errors=["", "broke", ""])
    writer.write({"heat": [4]}, {"prediction": [4]})
    rows = rows_in(log, blobs)
    assert [row["latency_us"] for row in rows] == [1, 2, 3, 7]
    assert [row["error"] for row in rows] == ["", "broke", "", ""]
    assert [int(row["at"].timestamp() * 1e6) for row in rows[:3]] == at
    assert [row["out_prediction"] for row in rows] == [None, None, None, 4.0]


@pytest.mark.parametrize("kind", ["int64", "bool", "datetime64[s]", "uint64", "float16", "object"])
def test_arrays_of_every_kind_keep_their_values(
    kind: str, log: PredictionLog, blobs: BlobStore
) -> None:
    column = np.array([0, 1], kind)
    Writer(log).write({"odd": column}, {"prediction": [0, 1]})
    found = [row["in_odd"] for row in rows_in(log, blobs)]
    plain = [each.replace(tzinfo=None) if isinstance(each, datetime) else each for each in found]
    assert plain == column.tolist()


def test_a_share_is_chosen_by_id_and_said_in_every_row(
    log: PredictionLog, blobs: BlobStore
) -> None:
    writer = Writer(log, PlannedLog(share=0.25))
    taken = writer.write({"heat": list(range(4000))}, {"prediction": list(range(4000))})
    rows = rows_in(log, blobs)
    assert [row["id"] for row in rows] == [one for one in taken if is_in(0.25, one)]
    assert 800 < len(rows) < 1200
    assert {row["share"] for row in rows} == {0.25}


def test_rows_that_failed_are_all_logged_and_count_for_themselves(
    log: PredictionLog, blobs: BlobStore
) -> None:
    errors = ["broke" if place % 2 else "" for place in range(100)]
    Writer(log, PlannedLog(share=0.1)).write({"heat": list(range(100))}, {}, errors=errors)
    rows = rows_in(log, blobs)
    failed = [row for row in rows if row["error"]]
    assert len(failed) == 50
    assert {row["share"] for row in failed} == {1.0}
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)


def test_of_a_routing_key_all_rows_are_logged_or_none(log: PredictionLog, blobs: BlobStore) -> None:
    keys = [f"customer-{place % 20}" for place in range(400)]
    Writer(log, PlannedLog(share=0.5, by="key")).write({"city": keys}, {}, keys=keys)
    found = [row["in_city"] for row in rows_in(log, blobs)]
    assert len(found) == 20 * len(set(found))
    assert 0 < len(set(found)) < 20


def test_sensitive_columns_are_hashed_before_they_are_written(
    log: PredictionLog, blobs: BlobStore
) -> None:
    writer = Writer(log, PlannedLog(hashed=("city", "heat")))
    writer.write({"city": ["Ñu", None], "heat": np.array([7.0, 8.0])}, {"prediction": [1, 2]})
    written = b"".join(path.read_bytes() for path in log._folder.glob("*.wal"))
    assert "Ñu".encode() not in written
    first, second = rows_in(log, blobs)
    assert first["in_city"] == hashed(SECRET, "Ñu")
    assert second["in_city"] is None
    assert first["in_heat"] == hashed(SECRET, 7)
    assert hashed(b"t" * 32, "Ñu") != first["in_city"]


def test_without_the_key_what_should_be_hashed_is_left_out(
    tmp_path: Path, blobs: BlobStore
) -> None:
    log = PredictionLog(tmp_path / "other", blobs)
    Writer(log, PlannedLog(hashed=("city",))).write({"city": ["here"], "heat": [1]}, {})
    (row,) = rows_in(log, blobs)
    log.close()
    assert "in_city" not in row
    assert row["in_heat"] == 1


def test_what_is_told_of_a_failure_does_not_hold_what_is_masked(
    log: PredictionLog, blobs: BlobStore
) -> None:
    told = ["could not convert 'Ana' to float", ""]
    columns = {"city": ["Ana", None], "heat": [1, 2]}
    Writer(log, PlannedLog(left_out=("city",))).write(columns, {}, errors=told)
    assert [row["error"] for row in rows_in(log, blobs)] == [
        "could not convert '...' to float",
        "",
    ]


@pytest.mark.parametrize(
    ("plan", "kept"),
    [
        (PlannedLog(left_out=("city",)), {"in_heat", "in_note"}),
        (PlannedLog(columns="model"), {"in_heat", "in_city"}),
        (PlannedLog(columns=("note",)), {"in_note"}),
        (PlannedLog(), {"in_heat", "in_city", "in_note"}),
    ],
)
def test_only_the_columns_that_are_wanted_are_logged(
    plan: PlannedLog, kept: set[str], log: PredictionLog, blobs: BlobStore
) -> None:
    Writer(log, plan).write({"heat": [1], "city": ["x"], "note": ["y"]}, {"prediction": [2]})
    (row,) = rows_in(log, blobs)
    assert {name for name in row if name.startswith("in_")} == kept
    assert row["out_prediction"] == 2


def test_a_batch_that_was_cut_off_by_a_kill_is_left_out_and_those_before_it_are_not(
    tmp_path: Path, blobs: BlobStore
) -> None:
    log = PredictionLog(tmp_path / "log", blobs)
    writer = Writer(log)
    first = writer.write({"heat": [1.0, 2.0]}, {"prediction": [1.0, 2.0]})
    writer.write({"heat": [3.0, 4.0]}, {"prediction": [3.0, 4.0]})
    (path,) = log._folder.glob("*.wal")
    torn = path.read_bytes()[:-9]
    left = tmp_path / "again"
    left.mkdir()
    (left / "deadbeef-00000000.wal").write_bytes(torn)
    log.close()
    for segment in list_segments(blobs, "default"):
        blobs.delete(segment.key)
    again = PredictionLog(left, blobs)
    assert [row["id"] for row in rows_in(again, blobs)] == first
    again.close()


def test_answers_that_come_in_another_order_than_their_ids_never_hide_each_other(
    log: PredictionLog, blobs: BlobStore
) -> None:
    writer = Writer(log)
    early, late = writer.ids.take(NOW, 5), writer.ids.take(NOW, 5)
    for taken in (late, early):
        log.append_many(
            source=0, epoch=0, ids=taken, at_us=1, latency_us=[1] * 5,
            columns={"heat": [1] * 5}, outputs={},
        )  # fmt: skip
        log.rotate()
    assert [row["id"] for row in rows_in(log, blobs)] == early + late


def test_two_servers_on_one_home_each_hand_over_what_is_theirs(
    tmp_path: Path, blobs: BlobStore
) -> None:
    logs = [PredictionLog(tmp_path / "log", blobs) for _ in range(2)]
    taken = [id_ for log in logs for id_ in Writer(log).write({"heat": [1.0, 2.0]}, {})]
    for log in logs:
        rows_in(log, blobs)
    assert [row["id"] for row in rows_in(logs[0], blobs)] == sorted(taken)
    for log in logs:
        log.close()


def test_a_frame_of_rows_is_read_back(tmp_path: Path, log: PredictionLog) -> None:
    Writer(log).write({"heat": [1.0], "city": ["x"]}, {"prediction": np.array([2])})
    (path,) = log._folder.glob("*.wal")
    source, rows = frames_in(path.read_bytes())
    file = WalFile(tmp_path / "copy.wal")
    file.write(frame_of(source) + frame_of(rows))
    assert [*frames_in((tmp_path / "copy.wal").read_bytes())] == [source, rows]


def test_on_a_full_disk_batches_wait_in_memory_and_follow_in_their_order(
    log: PredictionLog, blobs: BlobStore
) -> None:
    writer = Writer(log)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        taken = [id_ for _ in range(50) for id_ in writer.write({"heat": [1.0, 2.0]}, {})]
        health = log.health()
        assert health.logged_rows + health.unwritten_rows == 100
        assert health.unwritten_rows > 0
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert [row["id"] for row in rows_in(log, blobs)] == taken
    assert log.health().lost_rows == 0
