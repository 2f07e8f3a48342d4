"""Every event of a project, page by page."""

import msgspec

from bucle.base.refs import Ref
from bucle.governance.audit.read import list_events
from bucle.interfaces.web.sentences import Told, tell
from bucle.interfaces.web.visit import Visit


class EventsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some events, newest first."""

    project: str
    ref: str  # "": of everything
    events: tuple[Told, ...]
    next_token: str | None  # None: these were the first


def events_page(visit: Visit) -> EventsPage:
    """List what happened, of one thing or of all."""
    ref = visit.query.get("ref", "")
    with visit.session.begin(write=False) as scope:
        found = list_events(
            scope,
            ref=Ref.parse(ref) if ref else None,
            limit=60,
            token=visit.query.get("token"),
        )
    return EventsPage(
        project=visit.project,
        ref=ref,
        events=tuple(tell(visit.language, event) for event in found.items),
        next_token=found.next_token,
    )
