"""Read events: by age for people, by number for what reacts to them."""

from bucle.base.page import Page, decode_token, encode_token
from bucle.base.refs import Ref
from bucle.governance.audit import store
from bucle.governance.audit.records import Event
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope


def list_events(
    scope: Scope, *, ref: Ref | None = None, limit: int = 50, token: str | None = None
) -> Page[Event]:
    """List events, newest first; those of one thing and its versions where a ref is given."""
    scope.require(Permission.AUDIT_READ)
    before = int(str(decode_token(token, int)[0])) if token else None
    found = store.latest_events(
        scope.tx, scope.project, before=before, ref=str(ref) if ref else None, limit=limit + 1
    )
    more = encode_token(found[limit - 1].number) if len(found) > limit else None
    return Page(items=found[:limit], next_token=more)


def events_after(
    scope: Scope, number: int, *, types: tuple[str, ...] = (), limit: int = 500
) -> tuple[Event, ...]:
    """Return the events after a number, oldest first: how `control` reads the outbox."""
    scope.require(Permission.CONTROL_READ)
    return store.list_events(scope.tx, scope.project, after=number, types=types, limit=limit)


def last_number(scope: Scope) -> int:
    """Return the number of the project's newest event; 0 for none."""
    scope.require(Permission.CONTROL_READ)
    head = store.find_head(scope.tx, scope.project)
    return head[0] if head else 0


def living_projects(scope: Scope) -> tuple[str, ...]:
    """Return the installation's projects: those in which anything ever happened."""
    scope.require(Permission.CONTROL_READ)
    return store.list_projects(scope.tx)


def last_of(scope: Scope, type_: str) -> Event | None:
    """Return the newest event of a type, or None."""
    scope.require(Permission.CONTROL_READ)
    return store.find_last(scope.tx, scope.project, type_)


def list_projects(scope: Scope) -> tuple[str, ...]:
    """List the projects in which something happened, as far as the actor may look into them."""
    names = store.list_projects(scope.tx)
    return tuple(name for name in names if scope.actor.may(Permission.CHARTER_READ, name))
