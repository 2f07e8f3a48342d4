"""Read a file that is in no dataset; apart from `read`, because it is Arrow that reads it."""

import pyarrow as pa

from bucle.drivers.blobs.content import content_path
from bucle.governance.session import Session
from bucle.lifecycle.data.conform import conformed, house_schema
from bucle.lifecycle.data.sources import format_of, open_source


def read_file(session: Session, digest: str, *, name: str) -> pa.Table:
    """Read a file of the content store as a table in the house's types, and commit nothing.

    Raises:
        Invalid: it is empty, or not of the format that its name ends in.
        NotFound: no such content.
    """
    return open_file(session, digest, name=name).read_all()


def open_file(session: Session, digest: str, *, name: str) -> pa.RecordBatchReader:
    """Open such a file to be read a batch at a time; Parquet and Arrow are never held whole.

    Raises:
        Invalid: it is empty, or not of the format that its name ends in.
        NotFound: no such content.
    """
    path = content_path(session.drivers.blobs, digest, session.drivers.cache_path)
    source = open_source(path, format_of(name), name=name, types={})
    schema = house_schema(source.schema)
    return pa.RecordBatchReader.from_batches(schema, conformed(source, schema))
