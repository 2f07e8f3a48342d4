"""The portable SQL on any engine, DuckDB too, where it is not what is used."""

import numpy as np
import pyarrow as pa

from bucle.drivers.engine import Engine, TableSource
from bucle.lifecycle.features import FeatureView
from bucle.lifecycle.features.compute import ROW, source_types
from bucle.lifecycle.features.portable import portable_statements


def portable_features_at(
    engine: Engine,
    view: FeatureView,
    source: TableSource,
    entities: pa.Table,
    *,
    known: bool = True,
) -> pa.Table:
    """Return what `features_at` does, and check that no row was lost, doubled or moved."""
    places = pa.array(np.arange(entities.num_rows))
    tables: dict[str, TableSource] = {
        "source": source, "entities": entities.append_column(ROW, places),
    }  # fmt: skip
    knowing = bool(view.created) and known
    types = source_types(engine, view, source)
    statements = portable_statements(engine.dialect, view, types, knowing=knowing)
    parts = [engine.query(sql, tables=tables) for sql in statements]
    found = parts[0]
    for part in parts:
        assert part[ROW].to_pylist() == places.to_pylist()
    for part in parts[1:]:
        for name in part.column_names[1:]:
            if name not in found.column_names:
                found = found.append_column(name, part[name])
    return found.drop_columns([ROW])
