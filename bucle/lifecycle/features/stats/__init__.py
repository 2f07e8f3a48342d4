"""What features look like: their distributions, how these move, and which are there twice."""

from typing import TYPE_CHECKING

from bucle.base.lazy import open_by_name

if TYPE_CHECKING:
    from bucle.lifecycle.features.stats.drift import drift_of_rows
    from bucle.lifecycle.features.stats.records import Duplicate, FeatureStats
    from bucle.lifecycle.features.stats.take import list_stats, take_stats
    from bucle.lifecycle.features.stats.twice import find_duplicates
else:
    open_by_name(__name__, {
        "drift": "drift_of_rows",
        "records": "Duplicate FeatureStats",
        "take": "list_stats take_stats",
        "twice": "find_duplicates",
    })  # fmt: skip

__all__ = [
    "Duplicate",
    "FeatureStats",
    "drift_of_rows",
    "find_duplicates",
    "list_stats",
    "take_stats",
]
