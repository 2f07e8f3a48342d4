"""The verbs of rows that were set apart, and of expectations that are proposed."""

from bucle.interfaces.operations.table import AnyOperation

ROWS: tuple[AnyOperation, ...] = ()
