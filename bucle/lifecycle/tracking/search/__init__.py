"""Sub-room search: runs by search strings, as MLflow's clients ask for them and see them."""

from bucle.lifecycle.tracking.search.read import get_head, get_sheet, has_run, search_runs
from bucle.lifecycle.tracking.search.records import LastPoint, RunHead, RunSearch, RunSheet

__all__ = [
    "LastPoint",
    "RunHead",
    "RunSearch",
    "RunSheet",
    "get_head",
    "get_sheet",
    "has_run",
    "search_runs",
]
