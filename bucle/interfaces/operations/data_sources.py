"""The verbs of sources that datasets are drawn from: SQL, HTTP, object stores, folders."""

from bucle.interfaces.operations.table import AnyOperation

ROWS: tuple[AnyOperation, ...] = ()
