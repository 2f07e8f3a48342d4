"""The verbs of exploring: questions in SQL, drift between versions, reports, decisions on data."""

from bucle.interfaces.operations.table import AnyOperation

ROWS: tuple[AnyOperation, ...] = ()
