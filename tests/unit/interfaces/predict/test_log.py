import resource
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bucle.drivers.blobs import BlobStore, open_blobs
from bucle.interfaces.predict.ids import PredictionIds
from bucle.interfaces.predict.log import PredictionLog
from bucle.interfaces.predict.ship import Merger, parquet_of, ship, tables_of
from bucle.interfaces.predict.wal import Answers, LoggedField, Source, WalFile, frame_of
from bucle.lifecycle.serving.segments import Segment, list_segments, parse_segment

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SOURCE = Source(
    number=0,
    project="default",
    deployment="deployment:demand@3",
    model="model:demand@7",
    variant="champion",
    inputs=(
        LoggedField("heat", "float64"),
        LoggedField("hour", "int64"),
        LoggedField("seen", "timestamp"),
    ),
    outputs=(LoggedField("prediction", "float64"), LoggedField("probability", "list<float64>")),
)


class Writer:
    """Appends rows with rising ids."""

    def __init__(self, log: PredictionLog) -> None:
        self.log = log
        self.ids = PredictionIds()
        self.written: list[str] = []

    def write(self, count: int = 1, now: datetime = NOW, **extra: object) -> None:
        taken = self.ids.take(now, count)
        columns = {"heat": [1.5] * count, "hour": [3] * count, "seen": ["2026-01-01"] * count}
        columns |= {name: [value] * count for name, value in extra.items()}
        outputs = {"prediction": [2.5] * count, "probability": [[0.1, 0.9]] * count}
        answers = Answers(self.log.source(SOURCE), 0, 12, taken, columns, outputs)
        self.log.append(answers, self.ids.epoch)
        self.written += taken


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return open_blobs(f"file://{tmp_path / 'blobs'}")


@pytest.fixture
def log(tmp_path: Path, blobs: BlobStore) -> Iterator[PredictionLog]:
    opened = PredictionLog(tmp_path / "log", blobs)
    yield opened
    opened.close()


def handed_over(log: PredictionLog) -> None:
    for future in log.flush():
        future.result(timeout=30)
    log.tick()


def stored(blobs: BlobStore) -> list[str]:
    """Return the ids of every row in the blob store."""
    found = []
    for segment in list_segments(blobs, "default"):
        path = blobs.local_path(segment.key)
        found += pq.read_table(path)["id"].to_pylist()
    return found


def test_rows_are_typed_by_the_models_signature(log: PredictionLog, blobs: BlobStore) -> None:
    Writer(log).write(2, customer="ann", big=2**40)
    handed_over(log)
    (segment,) = list_segments(blobs, "default", "demand")
    table = pq.read_table(blobs.local_path(segment.key))
    assert {name: str(table.schema.field(name).type) for name in table.column_names} == {
        "id": "string",
        "at": "timestamp[us, tz=UTC]",
        "deployment_ref": "string",
        "model_ref": "string",
        "variant": "string",
        "latency_us": "int64",
        "error": "string",
        "share": "double",
        "in_heat": "double",
        "in_hour": "int64",
        "in_seen": "timestamp[us, tz=UTC]",
        "in_customer": "string",
        "in_big": "int64",
        "out_prediction": "double",
        "out_probability": "list<element: double>",
    }


def test_extra_columns_of_mixed_types_become_text(log: PredictionLog, blobs: BlobStore) -> None:
    writer = Writer(log)
    for value in (1, "x", None, 2.5):
        writer.write(1, odd=value)
    writer.write(1)
    handed_over(log)
    (segment,) = list_segments(blobs, "default")
    table = pq.read_table(blobs.local_path(segment.key))
    assert table["in_odd"].to_pylist() == ["1", "x", None, "2.5", None]


def test_every_row_is_handed_over_once(log: PredictionLog, blobs: BlobStore) -> None:
    writer = Writer(log)
    for count in (1, 5, 20_000, 3):
        writer.write(count)
    handed_over(log)
    assert stored(blobs) == writer.written
    assert log.health().lag_s == 0
    assert list((log._folder).glob("*.wal")) == []


def test_a_file_that_a_dead_server_left_is_handed_over_by_the_next(
    tmp_path: Path, blobs: BlobStore
) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    left = WalFile(folder / "deadbeef-00000000.wal")
    ids = PredictionIds().take(NOW, 2)
    answers = Answers(0, 0, 1, ids, {"heat": [1, 2]}, {"prediction": [1, 2]})
    left.write(frame_of(SOURCE) + frame_of(answers) + b"torn")
    left.close()
    log = PredictionLog(folder, blobs)
    handed_over(log)
    log.close()
    assert stored(blobs) == ids


def test_handing_over_twice_stores_once(tmp_path: Path, blobs: BlobStore) -> None:
    ids = PredictionIds().take(NOW, 1)
    answers = Answers(0, 0, 1, ids, {"heat": [1]}, {"prediction": [1]})
    path = tmp_path / "deadbeef-00000000.wal"
    for _ in range(2):
        path.write_bytes(frame_of(SOURCE) + frame_of(answers))
        ship(path, blobs)
    assert stored(blobs) == ids
    assert ship(path, blobs) == []


def test_while_the_blob_store_fails_rows_wait_on_the_disk(
    log: PredictionLog, blobs: BlobStore, tmp_path: Path
) -> None:
    writer = Writer(log)
    blocked = tmp_path / "blobs" / "predictions"
    blocked.parent.mkdir(exist_ok=True)
    blocked.write_text("a file where a folder should be")
    writer.write(3)
    for future in log.flush():
        assert future.exception(timeout=30)
    log.tick()
    health = log.health()
    assert health.waiting_files == 1
    assert "predictions wait on this disk" in health.reasons[0]
    blocked.unlink()
    handed_over(log)
    assert stored(blobs) == writer.written
    assert log.health().reasons == ()


@pytest.fixture
def full_disk() -> Iterator[None]:
    """Let no file of this process grow beyond 2000 bytes, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, ignored)


def test_on_a_full_disk_rows_wait_in_memory_and_health_says_so(
    log: PredictionLog, blobs: BlobStore, request: pytest.FixtureRequest
) -> None:
    writer = Writer(log)
    request.getfixturevalue("full_disk")
    for _ in range(50):
        writer.write()
    health = log.health()
    assert health.unwritten_rows > 0
    assert health.logged_rows + health.unwritten_rows == 50
    assert "can not be written" in health.reasons[0]
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit[1], limit[1]))
    handed_over(log)
    assert stored(blobs) == writer.written
    assert log.health().lost_rows == 0


def test_what_does_not_fit_into_memory_either_is_lost_and_counted(
    log: PredictionLog, request: pytest.FixtureRequest
) -> None:
    writer = Writer(log)
    request.getfixturevalue("full_disk")
    for _ in range(12):
        writer.write(10_000, note="x" * 200)
    health = log.health()
    assert health.lost_rows + health.unwritten_rows == 120_000
    assert health.lost_rows > 0
    assert f"{health.lost_rows} predictions could not be logged" in health.reasons[-1]
    log._backlog.clear()


def test_when_the_clock_is_put_back_another_writer_goes_on(
    log: PredictionLog, blobs: BlobStore
) -> None:
    writer = Writer(log)
    writer.write(now=NOW)
    writer.write(now=NOW - timedelta(days=1))
    handed_over(log)
    early, late = list_segments(blobs, "default")
    assert early.writer != late.writer
    assert early.last < late.first
    assert sorted(stored(blobs)) == sorted(writer.written)


def test_sixteen_segments_become_one(blobs: BlobStore) -> None:
    ids, merger, every = PredictionIds(), Merger(blobs), []
    for _ in range(2 * 16 + 5):
        one = ids.take(NOW, 1)
        every += one
        answers = Answers(0, 0, 1, one, {"heat": [1]}, {"prediction": [1]})
        table = tables_of([SOURCE, answers])["default", "demand"]
        segment = Segment(
            project="default", deployment="demand", first=one[0], last=one[0], writer="w"
        )
        blobs.put(segment.key, parquet_of(table))
        merger.add(segment, 1)
    assert len(list_segments(blobs, "default", "demand")) == 2 + 5
    assert stored(blobs) == every


def test_what_a_merged_segment_holds_is_not_read_twice(blobs: BlobStore) -> None:
    first, second, third = PredictionIds().take(NOW, 3)

    def key(low: str, high: str, writer: str) -> str:
        return f"predictions/default/demand/{low}-{high}.{writer}.parquet"

    keys = [key(first, third, "a"), key(first, first, "a"), key(second, third, "a"),
            key(second, second, "b")]  # fmt: skip
    for one in keys:
        blobs.put(one, b"")
    kept = {segment.key for segment in list_segments(blobs, "default", "demand")}
    assert kept == {keys[0], keys[3]}


@pytest.mark.parametrize("key", ["predictions/p/d/x.parquet", "predictions/p/x", "other/p/d/e/f"])
def test_other_blobs_are_no_segments(key: str) -> None:
    assert parse_segment(key) is None


def test_an_empty_file_leaves_nothing(tmp_path: Path, blobs: BlobStore) -> None:
    path = tmp_path / "deadbeef-00000000.wal"
    path.write_bytes(b"")
    assert ship(path, blobs) == []
    assert not path.exists()


def test_a_table_of_a_failed_request_has_no_answers() -> None:
    ids = PredictionIds().take(NOW, 1)
    failed = Answers(0, 0, 1, ids, {"heat": [1]}, {}, "the model failed")
    table = tables_of([SOURCE, failed])["default", "demand"]
    assert isinstance(table, pa.Table)
    assert table["out_prediction"].to_pylist() == [None]
    assert table["error"].to_pylist() == ["the model failed"]
