"""What an object becomes as a file: figures a PNG or a page, tables Parquet, text UTF-8."""

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bucle.base.codec import encode
from bucle.base.errors import Invalid


def as_content(artifact: object, path: str) -> tuple[bytes | Path, str]:
    """Return an artifact's content and the path that it is kept under.

    A string names a file where there is one, and is text where a path is given and there is
    none.

    Raises:
        Invalid: nothing is known of how to keep it, or it has no name.
    """
    if isinstance(artifact, Path) or (isinstance(artifact, str) and Path(artifact).is_file()):
        return _file(Path(artifact), path)
    content, ending = _bytes(artifact)
    if not path:
        raise Invalid(
            f"a {type(artifact).__name__} has no name to be kept under",
            hint=f"log_artifact(..., 'a-name{ending}')",
        )
    return content, path if Path(path).suffix else path + ending


def _file(file: Path, path: str) -> tuple[Path, str]:
    if not file.is_file():
        raise Invalid(f"{file} is not a file", hint="log the files of a folder one by one")
    return file, path or file.name


def _bytes(artifact: object) -> tuple[bytes, str]:
    """Return the bytes of an object and how their file's name usually ends."""
    if isinstance(artifact, bytes | bytearray | memoryview):
        return bytes(artifact), ""
    if isinstance(artifact, str):
        return artifact.encode(), ".txt"
    if isinstance(artifact, dict | list | tuple | int | float | bool):
        return encode(artifact), ".json"
    if (table := _table(artifact)) is not None:
        return _parquet(table), ".parquet"
    if (figure := _figure(artifact)) is not None:
        return figure
    raise Invalid(
        f"a {type(artifact).__name__} can not be kept as a file",
        hint="give a path, bytes, text, a table, a data frame or a figure",
    )


def _table(artifact: Any) -> pa.Table | None:  # noqa: ANN401 - any library's
    if isinstance(artifact, pa.Table):
        return artifact
    if isinstance(artifact, pa.RecordBatch):
        return pa.table(artifact)
    if hasattr(artifact, "to_parquet"):  # a data frame of pandas
        return pa.Table.from_pandas(artifact)
    if hasattr(artifact, "to_arrow"):  # a data frame of Polars
        return pa.table(artifact.to_arrow())
    return None


def _figure(artifact: Any) -> tuple[bytes, str] | None:  # noqa: ANN401 - as above
    if hasattr(artifact, "savefig"):  # of matplotlib
        buffer = io.BytesIO()
        artifact.savefig(buffer, format="png", bbox_inches="tight")
        return buffer.getvalue(), ".png"
    if hasattr(artifact, "to_plotly_json"):  # whole, with its library, it would be 4 MB each
        return artifact.to_html(include_plotlyjs="cdn").encode(), ".html"
    return None


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()
