"""Sub-room places: where the fields of a search lie in the tables."""

from bucle.lifecycle.tracking.search.places.store import (
    USER,
    WITH_EXPERIMENT,
    column,
    fulfilled,
    in_experiments,
    places_of,
    rows_named,
)

__all__ = [
    "USER",
    "WITH_EXPERIMENT",
    "column",
    "fulfilled",
    "in_experiments",
    "places_of",
    "rows_named",
]
