"""Fill in the columns that a model takes from feature views and a dataset lacks.

As they were known at each row's time, where rows have one; else as they are known now.  What
the dataset says itself holds, as it does for a request.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.governance.session import Session
from bucle.lifecycle import features
from bucle.lifecycle.features.write_training import write_training_set
from bucle.lifecycle.registry import Field

_OWN = "__own_"  # before the name of a column of the dataset that a view has too
_NOW = "__now"
_ROWS_AT_ONCE = 32_768


class Lack(msgspec.Struct, frozen=True, kw_only=True):
    """What a dataset lacks, and what gives it."""

    columns: tuple[str, ...]
    views: tuple[Ref, ...]
    known: tuple[str, ...]  # all features of these views


def lacking(
    session: Session, inputs: Sequence[Field], have: Sequence[str], views: Sequence[Ref]
) -> Lack | None:
    """Return which of a model's columns are to be filled in; None: nothing lacks.

    Raises:
        Invalid: a column is neither in the dataset nor in a view that the model was trained on.
    """
    missing = [field.name for field in inputs if field.name not in have]
    if not missing:
        return None
    asked: list[Ref] = []
    known: list[str] = []
    with session.begin(write=False) as scope:
        for ref in views:
            view = features.get_view(scope, ref).view
            if not {*missing} & {*view.features}:
                continue
            asked.append(ref)
            known += view.features
    if rest := [name for name in missing if name not in known]:
        raise Invalid(
            f"the dataset lacks the column {rest[0]!r}, which the model takes",
            hint=f"it has {', '.join(have)}; no feature view that the model was trained on has it",
        )
    return Lack(columns=tuple(missing), views=tuple(asked), known=tuple(known))


def write_filled(
    session: Session, paths: Sequence[Path], lack: Lack, at: str, path: Path
) -> tuple[Ref, ...]:
    """Write the rows of files with what they lack; return what gave it.

    `at` is the column of their time; "" is now.
    """
    made = path.with_suffix(".joined")
    used = write_training_set(
        session, _asking(session, paths, lack, at), lack.views, made, at=at or _NOW
    )
    draft = path.with_suffix(".draft")
    with pq.ParquetFile(made) as file:
        names = [name for name in file.schema_arrow.names if _is_wanted(name, lack)]
        schema = pa.schema(
            [file.schema_arrow.field(name).with_name(name.removeprefix(_OWN)) for name in names]
        )
        with pq.ParquetWriter(draft, schema) as writer:
            for group in range(file.metadata.num_row_groups):
                table = file.read_row_group(group, columns=names).select(names)
                writer.write_table(table.rename_columns(schema.names).cast(schema))
    draft.replace(path)
    made.unlink()
    return used


def _is_wanted(name: str, lack: Lack) -> bool:
    """Tell whether a column of the join is one of the dataset's, or lacks there."""
    return name != _NOW and (name not in lack.known or name in lack.columns)


def _asking(session: Session, paths: Sequence[Path], lack: Lack, at: str) -> pa.RecordBatchReader:
    """Return the rows as entities, their own columns out of the way of the views'."""
    schema = pq.read_schema(paths[0]).remove_metadata()
    names = [f"{_OWN}{name}" if name in lack.known else name for name in schema.names]
    asked = pa.schema([field.with_name(name) for field, name in zip(schema, names, strict=True)])
    now = pa.scalar(session.drivers.clock.now(), pa.timestamp("us", "UTC"))
    if not at:
        asked = asked.append(pa.field(_NOW, now.type))

    def batches() -> Iterator[pa.RecordBatch]:
        for path in paths:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(_ROWS_AT_ONCE, columns=schema.names):
                    arrays = [batch.column(name) for name in schema.names]
                    if not at:
                        arrays.append(pa.repeat(now, batch.num_rows))
                    yield pa.RecordBatch.from_arrays(arrays, schema=asked)

    return pa.RecordBatchReader.from_batches(asked, batches())
