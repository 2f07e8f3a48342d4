"""The rows that a view is computed from: its source's, shaped by its Python if it has any."""

from collections.abc import Sequence

import pyarrow as pa

from bucle.drivers.compute.captured import isolated
from bucle.drivers.engine import TableSource
from bucle.drivers.house import Drivers
from bucle.lifecycle import data
from bucle.lifecycle.data import DataFile
from bucle.lifecycle.features.functions.call import transformed
from bucle.lifecycle.features.records import FeatureView


def source_rows(drivers: Drivers, view: FeatureView, files: Sequence[DataFile]) -> TableSource:
    """Return the rows of a version of the view's source, as the view's figures are of them.

    A view's Python is given all rows at once, as its answer may depend on any of them.

    Raises:
        Invalid: the view's Python fails, or gives no table.
    """
    rows = data.rows_of(drivers, files)
    if view.transform is None:
        return rows
    if not isinstance(rows, pa.Table):
        rows = drivers.engine.query("SELECT * FROM source", tables={"source": rows})
    made: pa.Table = isolated(drivers.compute)(transformed, view.transform, rows)
    return made
