"""Sub-room points: metric points in packed segments, and a summary of each series."""

from bucle.lifecycle.tracking.points.add import Parcel, add_parcel, pack_loose
from bucle.lifecycle.tracking.points.read import columns_of_series, summaries_of_run

__all__ = ["Parcel", "add_parcel", "columns_of_series", "pack_loose", "summaries_of_run"]
