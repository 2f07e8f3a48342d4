"""The verbs that compare what features are offline, online and in the stream."""

from bucle.interfaces.operations.table import AnyOperation

ROWS: tuple[AnyOperation, ...] = ()
