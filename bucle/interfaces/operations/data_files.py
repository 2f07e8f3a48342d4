"""The verbs of datasets of files: checkout, garbage collection."""

from bucle.interfaces.operations.table import AnyOperation

ROWS: tuple[AnyOperation, ...] = ()
