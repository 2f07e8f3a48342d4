"""Sub-room adopted: what other tools kept, brought over with its ids, times and states.

A ledger says what came from where and how it looked there (its mark), in the transaction that
brought it: an import that was killed goes on where it stopped, and one that is made again brings
only what is new.
"""

from bucle.lifecycle.tracking.adopted.experiment import adopt_experiment
from bucle.lifecycle.tracking.adopted.ledger import (
    adopted_from,
    find_adopted,
    is_adopted,
    list_sources,
    note_adopted,
)
from bucle.lifecycle.tracking.adopted.records import (
    AdoptedExperiment,
    AdoptedRun,
    Adoption,
    AdoptionSource,
)
from bucle.lifecycle.tracking.adopted.run import adopt_points, adopt_run

__all__ = [
    "AdoptedExperiment",
    "AdoptedRun",
    "Adoption",
    "AdoptionSource",
    "adopt_experiment",
    "adopt_points",
    "adopt_run",
    "adopted_from",
    "find_adopted",
    "is_adopted",
    "list_sources",
    "note_adopted",
]
