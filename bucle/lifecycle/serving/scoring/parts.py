"""Score a large table part by part: each is a file of its own, so that a kill costs one part.

A part is a row group of a Parquet file.  Its predictions appear whole or not at all, in a folder
that is named after what is scored by what: whoever is asked for the same again takes over what
is there.  Nothing but a slice of a part is in memory, however many rows there are.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from bucle.base.errors import Conflict, Unavailable
from bucle.base.refs import Ref
from bucle.drivers.blobs import open_blobs
from bucle.lifecycle.registry import Predictor, load_package
from bucle.lifecycle.serving.scoring.answers import scored

_ROWS_AT_ONCE = 32_768


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A row group, and where its predictions go."""

    source: str
    group: int
    rows: int
    target: str


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """Where a process finds the model, and what is kept of the rows."""

    blobs_url: str
    manifest: str
    signature: str
    public_hex: str
    cache: str
    model: Ref
    kept: tuple[str, ...]


def parts_of(paths: Sequence[Path], folder: Path) -> list[Part]:
    """Return the parts of files, in the order of their rows."""
    found: list[Part] = []
    for path in paths:
        footer = pq.read_metadata(path)
        for group in range(footer.num_row_groups):
            found.append(
                Part(
                    source=str(path),
                    group=group,
                    rows=footer.row_group(group).num_rows,
                    target=str(folder / f"part-{len(found):06}.parquet"),
                )
            )
    return found


def score_parts(package: Package, parts: Sequence[Part]) -> int:
    """Load the model and score parts, in whatever process this is; return the rows."""
    predictor = load_package(
        open_blobs(package.blobs_url),
        package.manifest,
        package.signature,
        package.public_hex,
        Path(package.cache),
    )
    try:
        return sum(score_part(predictor, package, part) for part in parts)
    finally:
        predictor.close()


def score_part(predictor: Predictor, package: Package, part: Part) -> int:
    """Write a part's predictions; the file is there when this returns, or nothing is.

    Raises:
        Invalid: its rows are not what the model takes.
        Unavailable: the disk is full.
    """
    names = [field.name for field in predictor.signature.inputs]
    needed = list(dict.fromkeys([*package.kept, *names]))
    target = Path(part.target)
    draft = target.with_suffix(f".{os.getpid()}.draft")
    writer: pq.ParquetWriter | None = None
    try:
        with pq.ParquetFile(part.source) as file:
            batches = file.iter_batches(_ROWS_AT_ONCE, row_groups=[part.group], columns=needed)
            for batch in batches:
                rows = pa.Table.from_batches([batch])
                made = scored(predictor, package.model, rows, package.kept)
                writer = writer or pq.ParquetWriter(draft, made.schema)
                writer.write_table(made)
            if writer:
                writer.close()
                writer = None
                draft.replace(target)
    except OSError as error:
        raise Unavailable(
            f"{target.parent} can not be written: {error.strerror or error}",
            hint="free some space, or set BUCLE_HOME to a folder that you can write",
        ) from error
    finally:
        if writer:
            writer.close()
        draft.unlink(missing_ok=True)
    return part.rows


def is_done(part: Part) -> bool:
    """Tell whether an earlier attempt scored a part, and all of it."""
    path = Path(part.target)
    try:
        return bool(pq.read_metadata(path).num_rows == part.rows)
    except (OSError, pa.ArrowInvalid):
        return False


def rows_in(parts: Sequence[Part]) -> Callable[[], Iterator[pa.RecordBatch]]:
    """Return what yields the predictions of all parts, in order."""

    def batches() -> Iterator[pa.RecordBatch]:
        for part in parts:
            with pq.ParquetFile(part.target) as file:
                yield from file.iter_batches(_ROWS_AT_ONCE)

    return batches


@contextmanager
def working_in(folder: Path) -> Iterator[Path]:
    """Be the only one that scores into a folder in this block.

    Raises:
        Conflict: another process does.
        Unavailable: it can not be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Unavailable(
            f"{folder} can not be written: {error.strerror}",
            hint="free some space, or set BUCLE_HOME to a folder that you can write",
        ) from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    except BlockingIOError as error:
        raise Conflict(
            "another process is scoring the same rows with the same model",
            hint="wait for it, and ask again",
        ) from error
    finally:
        os.close(held)
