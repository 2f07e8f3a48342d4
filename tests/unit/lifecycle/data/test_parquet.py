"""How rows become files: cut at fixed rows, the same bytes for the same rows."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bucle.governance.session import Session
from bucle.lifecycle.data import commit_table, paths
from bucle.lifecycle.data.parquet import ROWS_PER_FILE


def encodings(path: Path) -> dict[str, bool]:
    """Return of each column whether the file has a dictionary of its values."""
    group = pq.read_metadata(path).row_group(0)
    columns = [group.column(place) for place in range(group.num_columns)]
    return {one.path_in_schema: one.has_dictionary_page for one in columns}


def test_a_full_file_has_dictionaries_of_values_that_repeat_only(session: Session) -> None:
    rows = ROWS_PER_FILE + 10
    table = pa.table({"id": range(rows), "city": [f"city {n % 50}" for n in range(rows)]})
    version = commit_table(session, "trips", table)
    full, rest = paths(session, version)
    assert [file.rows for file in version.files] == [ROWS_PER_FILE, 10]
    assert encodings(full) == {"id": False, "city": True}
    assert encodings(rest) == {"id": True, "city": True}


@pytest.mark.parametrize("chunk", [1_000, 200_000])
def test_the_same_rows_are_the_same_files_whatever_batches_they_came_in(
    session: Session, chunk: int
) -> None:
    table = pa.table({"id": range(ROWS_PER_FILE + 5_000)})
    whole = commit_table(session, "whole", table)
    pieces = pa.Table.from_batches(table.to_batches(max_chunksize=chunk))
    assert commit_table(session, "pieces", pieces).digest == whole.digest


def test_texts_too_long_for_a_footer_leave_the_limits_of_a_file_unknown(session: Session) -> None:
    version = commit_table(session, "notes", pa.table({"text": ["a", "z" * 5_000, "b"]}))
    (stats,) = version.files[0].stats
    assert (stats.minimum, stats.maximum, stats.nulls) == (None, None, 0)
