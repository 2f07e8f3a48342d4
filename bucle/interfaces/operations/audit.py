"""The verbs of audit."""

import msgspec

from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.governance.audit import read
from bucle.governance.audit.records import AuditReport, Event
from bucle.governance.audit.verify import verify
from bucle.governance.permissions import Permission
from bucle.interfaces.operations.fields import Limit
from bucle.interfaces.operations.table import Operation


class Verify(msgspec.Struct, frozen=True, kw_only=True):
    """Verify the project's whole chain."""


class ListEvents(msgspec.Struct, frozen=True, kw_only=True):
    """Which events: of one ref, or all; newest first."""

    ref: str | None = None
    limit: Limit = 50
    token: str | None = None


ROWS = (
    Operation(
        name="audit.verify",
        permission=Permission.AUDIT_READ,
        method="GET",
        path="/audit",
        request=Verify,
        response=AuditReport,
        run=lambda scope, _: verify(scope),
        is_good=lambda report: report.ok,
        summary="Check the event chain, and name the first thing that was tampered with.",
        summary_es="Comprueba la cadena de sucesos y nombra el primer retoque.",
    ),
    Operation(
        name="audit.events",
        permission=Permission.AUDIT_READ,
        method="GET",
        path="/events",
        request=ListEvents,
        response=Page[Event],
        run=lambda scope, q: read.list_events(
            scope, ref=Ref.parse(q.ref) if q.ref else None, limit=q.limit, token=q.token
        ),
        positional=("ref",),
        summary="List what happened, newest first.",
        summary_es="Lista lo que pasó, lo más nuevo primero.",
    ),
)
