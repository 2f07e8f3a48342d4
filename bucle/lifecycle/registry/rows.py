"""The rows that are kept with a version: its evaluation table and its package's example."""

import io

import pyarrow as pa
import pyarrow.parquet as pq

from bucle.drivers.blobs.content import read_content
from bucle.governance.session import Session
from bucle.lifecycle.registry.columns import Array, columns_of
from bucle.lifecycle.registry.load import file_path
from bucle.lifecycle.registry.predictor import Predictor
from bucle.lifecycle.registry.records import EXAMPLE_FILE


def read_table(session: Session, digest: str) -> pa.Table:
    """Return a table that was stored with a version."""
    return pq.read_table(io.BytesIO(read_content(session.drivers.blobs, digest)))


def read_example(session: Session, predictor: Predictor) -> dict[str, Array]:
    """Return the input example of a package, as the model takes it."""
    drivers = session.drivers
    path = file_path(drivers.blobs, predictor.manifest, EXAMPLE_FILE, drivers.cache_path)
    return columns_of(pq.read_table(path), predictor.signature.inputs)
