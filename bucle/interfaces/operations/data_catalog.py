"""The verbs of what the catalogue says of datasets: entries, search, usage, contracts, tasks."""

from bucle.interfaces.operations.table import AnyOperation

ROWS: tuple[AnyOperation, ...] = ()
