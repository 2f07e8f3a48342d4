"""Sub-room points: metric points in packed segments, and a summary of each series."""

from bucle.lifecycle.tracking.points.add import PackedPoints, add_packed, pack_loose
from bucle.lifecycle.tracking.points.history import (
    Series,
    between,
    page_by_time,
    series_by_step,
    series_by_time,
    thin_out,
)
from bucle.lifecycle.tracking.points.read import (
    columns_of_run,
    columns_of_series,
    summaries_of_run,
)

__all__ = [
    "PackedPoints",
    "Series",
    "add_packed",
    "between",
    "columns_of_run",
    "columns_of_series",
    "pack_loose",
    "page_by_time",
    "series_by_step",
    "series_by_time",
    "summaries_of_run",
    "thin_out",
]
