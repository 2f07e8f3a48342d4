"""Dirty files, real and made by hand, get an error that names the place, or the quarantine."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bucle.base.errors import Invalid
from bucle.drivers.blobs.content import store_bytes, store_file
from bucle.governance.session import Session
from bucle.lifecycle.data import (
    Commit,
    DatasetSpec,
    DatasetVersion,
    Expectation,
    check_version,
    commit,
    commit_table,
    declare,
    get_version,
    read_table,
)
from bucle.lifecycle.data.quarantine.read import read_quarantined

ROWS = pa.table({"id": list(range(1000)), "text": [f"some text {n}" for n in range(1000)]})


def brought(session: Session, content: bytes, format_: str) -> DatasetVersion:
    digest = store_bytes(session.drivers.blobs, content)
    return commit(session, Commit(name="d", files=(digest,), names=("d.x",), format=format_))


def parquet(tmp_path: Path, table: pa.Table = ROWS, **options: object) -> bytes:
    pq.write_table(table, tmp_path / "made.parquet", **options)
    return (tmp_path / "made.parquet").read_bytes()


def test_every_clean_line_of_the_messages_is_a_row_and_every_dirty_one_is_told(
    session: Session, shared_data: Callable[[str], Path]
) -> None:
    path = shared_data("sms_spam.tsv")
    digest = store_file(session.drivers.blobs, path)

    def of(**how: object) -> DatasetVersion:
        wish = {"name": "sms", "files": (digest,), "names": ("sms_spam.tsv",), "format": "csv"}
        return commit(session, Commit(**wish, **how))  # type: ignore[arg-type]

    with pytest.raises(Invalid, match="quot"):
        of()
    with pytest.raises(Invalid, match=r"2 lines do not .*line 5575 has 1: .*; line 5576 has 1: "):
        of(quote="no")
    with pytest.raises(Invalid, match=r"first line of sms_spam.tsv looks like a row.*'ham'"):
        of(quote="no", lines="quarantine")
    version = of(quote="no", lines="quarantine", columns=("label", "text"))
    clean = [line.split("\t") for line in path.read_text().split("\n") if line.count("\t") == 1]
    assert (version.rows, version.quarantined) == (5574, 2)
    assert read_table(session, "sms").to_pylist() == [
        {"label": label, "text": text} for label, text in clean
    ]
    assert [(line.row, line.text) for line in read_quarantined(session, "sms").rows] == [
        (5575, "spam I am Fraud"),
        (5576, "spam I am FRAUD"),
    ]


def test_a_parquet_file_that_was_cut_off_is_refused(session: Session, tmp_path: Path) -> None:
    content = parquet(tmp_path)
    for kept in (len(content) // 2, len(content) - 1, 8):
        with pytest.raises(Invalid, match=r"d\.x can not be read as parquet"):
            brought(session, content[:kept], "parquet")


def test_a_parquet_file_with_a_damaged_page_is_refused_and_nothing_is_committed(
    session: Session, tmp_path: Path
) -> None:
    content = bytearray(parquet(tmp_path, compression="zstd", use_dictionary=False))
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(64)
    with pytest.raises(Invalid, match=r"d\.x can not be read as parquet behind row 0"):
        brought(session, bytes(content), "parquet")
    assert list((session.drivers.cache_path / "incoming").glob("*")) == []


def test_a_text_that_is_not_utf8_is_refused_in_a_parquet_file_too(
    session: Session, tmp_path: Path
) -> None:
    text = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\4\0\0\0"), pa.py_buffer(b"caf\xe9")]
    )
    with pytest.raises(Invalid, match="UTF8"):
        brought(session, parquet(tmp_path, pa.table({"text": text})), "parquet")


def test_a_parquet_file_without_rows_or_with_two_columns_of_a_name_is_refused(
    session: Session, tmp_path: Path
) -> None:
    with pytest.raises(Invalid, match="there are no rows"):
        brought(session, parquet(tmp_path, ROWS.slice(0, 0)), "parquet")
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(Invalid, match="two columns called 'a'"):
        brought(session, parquet(tmp_path, twice), "parquet")


def test_an_arrow_file_that_was_cut_off_is_refused(session: Session, tmp_path: Path) -> None:
    with pa.OSFile(str(tmp_path / "a"), "wb") as file, pa.ipc.new_stream(file, ROWS.schema) as out:
        out.write_table(ROWS, max_chunksize=100)
    content = (tmp_path / "a").read_bytes()
    with pytest.raises(Invalid, match=r"d\.x can not be read as arrow"):
        brought(session, content[: len(content) // 2], "arrow")


@pytest.mark.parametrize(
    "sql",
    [
        "id >",
        "id > (SELECT",
        "text::INT > 3",
        "SELECT 1; DROP TABLE dataset",
        "SELECT count(*) FROM read_csv('/etc/passwd')",
        "SELECT count(*) FROM nothing",
        "SELECT id FROM dataset",
        "SELECT",
        "id > 3; SELECT 1",
        "unknown_function(id)",
        "'",
    ],
)
@pytest.mark.parametrize("action", ["fail", "warn"])
def test_broken_sql_is_an_error_that_names_the_expectation_and_never_a_pass(
    session: Session, sql: str, action: str
) -> None:
    commit_table(session, "d", ROWS)
    with session.begin() as scope:
        expected = Expectation(sql=sql, action=action, name="the broken one")  # type: ignore[arg-type]
        declare(scope, DatasetSpec(name="d", expectations=(expected,)))
    with pytest.raises(Invalid, match="'the broken one' can not be executed"):
        check_version(session, "d")
    with pytest.raises(Invalid, match="'the broken one' can not be executed"):
        commit_table(session, "d", ROWS.slice(0, 5))
    with session.begin(write=False) as scope:
        assert get_version(scope, "d").number == 1
