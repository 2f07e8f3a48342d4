"""The verbs of what features look like: statistics, drift, duplicates, cost."""

from bucle.interfaces.operations.table import AnyOperation

ROWS: tuple[AnyOperation, ...] = ()
