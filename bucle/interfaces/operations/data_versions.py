"""The verbs of changing versions: by key, in branches, and merged."""

from bucle.interfaces.operations.table import AnyOperation

ROWS: tuple[AnyOperation, ...] = ()
