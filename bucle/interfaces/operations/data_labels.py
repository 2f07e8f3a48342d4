"""The verbs of labelling: queues, answers, agreement."""

from bucle.interfaces.operations.table import AnyOperation

ROWS: tuple[AnyOperation, ...] = ()
