"""Room leaderboard: the runs of an experiment by one figure, and why some do not rank."""

from bucle.lifecycle.tracking.leaderboard.rank import (
    UTILITY,
    UTILITY_METRIC,
    leaderboard,
    rank,
)
from bucle.lifecycle.tracking.leaderboard.records import (
    Candidate,
    Leaderboard,
    Place,
    Required,
    Rules,
)

__all__ = [
    "UTILITY",
    "UTILITY_METRIC",
    "Candidate",
    "Leaderboard",
    "Place",
    "Required",
    "Rules",
    "leaderboard",
    "rank",
]
