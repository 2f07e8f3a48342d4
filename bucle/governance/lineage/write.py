"""Write the edges that a scope left."""

from collections.abc import Sequence
from datetime import datetime

from bucle.drivers.db import Tx
from bucle.governance.facts import Edge
from bucle.governance.lineage import store


def write_edges(tx: Tx, project: str, new: Sequence[Edge], now: datetime) -> None:
    """Write edges; one that is there already takes the new detail."""
    store.add_edges(tx, project, new, now)
