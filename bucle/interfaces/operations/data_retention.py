"""The verbs of sensitivity, retention and requests to delete."""

from bucle.interfaces.operations.table import AnyOperation

ROWS: tuple[AnyOperation, ...] = ()
