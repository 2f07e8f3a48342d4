"""The verbs of labels, and of splits that are judged."""

import msgspec

from bucle.governance.permissions import Permission
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle.data.leak import check_split
from bucle.lifecycle.data.records import SplitLeaks


class CheckSplit(msgspec.Struct, frozen=True, kw_only=True):
    """A split; columns each value of which belongs into one part; the column of the time."""

    ref: str
    groups: tuple[str, ...] = ()
    time: str = ""


ROWS: tuple[AnyOperation, ...] = (
    Operation(
        name="data.check_split",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/splits/{ref}/check",
        request=CheckSplit,
        response=SplitLeaks,
        work=lambda session, q: check_split(session, q.ref, groups=q.groups, time=q.time),
        is_good=lambda found: found.ok,
        positional=("ref",),
        summary="Judge whether parts of a split share rows, groups or times.",
        summary_es="Juzga si las partes de una división comparten filas, grupos o tiempos.",
    ),
)
