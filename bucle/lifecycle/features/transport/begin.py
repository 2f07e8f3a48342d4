"""Let the features of a stream begin with what the dataset knows."""

from datetime import datetime

from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.lifecycle.features.register import get_view
from bucle.lifecycle.features.stream import seed
from bucle.lifecycle.features.transport.lease import following


def seed_stream(session: Session, view: Ref | str, until: datetime | None = None) -> int:
    """Count the rows of a view's dataset up to a moment (now), before any event; see `seed`.

    Raises:
        NotFound: no such view, or nothing was committed to its source.
        Conflict: events were counted already, or are being counted.
        Unavailable: the online store can not be written.
    """
    with session.begin(write=False) as scope:
        registered = get_view(scope, view)
        scope.require(Permission.FEATURE_WRITE, registered.ref)
    until = until or session.drivers.clock.now()
    with following(session, registered.ref):
        rows = seed(session, registered.ref, until)
    with session.begin() as scope:
        scope.record("feature.seeded", registered.ref, until=until, rows=rows)
    return rows
