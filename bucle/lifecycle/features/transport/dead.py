"""Events that a view could not use: look at them, and send them again, corrected or as they are."""

import msgspec

from bucle.base.errors import Invalid, NotFound
from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.features.register import get_view
from bucle.lifecycle.features.transport import store
from bucle.lifecycle.features.transport.records import DeadLetter, Event, Replayed
from bucle.lifecycle.features.transport.rows import ONLY_FOR
from bucle.lifecycle.features.transport.send import topic_of

_MOST_AT_ONCE = 1_000


def list_dead(
    scope: Scope, view: Ref | str, *, limit: int = 100, token: str | None = None
) -> Page[DeadLetter]:
    """List the dead letters of a view that wait, in the order of their events.

    Raises:
        NotFound: no such view.
    """
    registered = get_view(scope, view)
    return store.list_dead(scope.tx, scope.project, registered.ref, limit=limit, token=token)


def replay_dead(
    session: Session, view: Ref | str, *, position: str = "", event: Event | None = None
) -> Replayed:
    """Send dead letters to the end of their topic again, to be counted by their view only.

    Without a position all that wait (up to a thousand) are sent as they are; with one, that
    letter, or `event` in its place.

    Raises:
        NotFound: no such view, or no letter of that position waits.
        Invalid: an event without a position.
        Unavailable: the stream store can not be written.
    """
    if event is not None and not position:
        raise Invalid("a corrected event needs the position of its letter", hint="position=...")
    with session.begin() as scope:
        registered = get_view(scope, view)
        scope.require(Permission.FEATURE_WRITE, registered.ref)
        letters = _letters(scope, registered.ref, position)
        store.mark_replayed(
            scope.tx, scope.project, registered.ref, [one.position for one in letters], scope.now
        )
        # Inside of the transaction: a letter that is marked was sent.  If the commit fails after
        # this, it waits still and may be sent twice; marked first it might never be.
        last = session.drivers.streams.append(
            topic_of(session, registered.view.stream),
            [_addressed(registered.ref, letter, event) for letter in letters],
        )
        if letters:
            scope.record("feature.replayed", registered.ref, events=len(letters))
    return Replayed(view=registered.ref, events=len(letters), position=last)


def _letters(scope: Scope, view: Ref, position: str) -> tuple[DeadLetter, ...]:
    if not position:
        page = store.list_dead(scope.tx, scope.project, view, limit=_MOST_AT_ONCE, token=None)
        return page.items
    letter = store.find_dead(scope.tx, scope.project, view, position)
    if letter is None or letter.replayed_at is not None:
        raise NotFound(
            f"no dead letter of {view} waits at {position}", hint=f"bucle features dead {view.name}"
        )
    return (letter,)


def _addressed(view: Ref, letter: DeadLetter, event: Event | None) -> bytes:
    return msgspec.json.encode({ONLY_FOR: str(view), "event": event or _body(letter)})


def _body(letter: DeadLetter) -> object:
    try:
        found = msgspec.json.decode(letter.body)
    except (msgspec.DecodeError, RecursionError):
        return letter.body
    if isinstance(found, dict) and ONLY_FOR in found:  # it was replayed before, and failed again
        return found.get("event")
    return found
