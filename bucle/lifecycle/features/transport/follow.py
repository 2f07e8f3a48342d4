"""Follow a topic: bring the events that came into the features of a view.

Where the view stands is written with what it counted, in one write of the online store.  So a
follower may be killed at any moment: the next one goes on after the last event that counts.
"""

from collections.abc import Sequence

import pyarrow as pa

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.drivers.streams import Record
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.lifecycle.features.online import online_view
from bucle.lifecycle.features.records import FeatureView, RegisteredView
from bucle.lifecycle.features.register import get_view
from bucle.lifecycle.features.stream import absorb, position_of
from bucle.lifecycle.features.stream.absorb import open_state
from bucle.lifecycle.features.transport import store
from bucle.lifecycle.features.transport.lease import following
from bucle.lifecycle.features.transport.records import DeadLetter, Followed
from bucle.lifecycle.features.transport.rows import (
    Read,
    read_events,
    table_of,
    types_of,
    without,
)
from bucle.lifecycle.features.transport.send import topic_of

_EVENTS_AT_ONCE = 1_000
_LONGEST_BODY = 20_000  # characters of a dead letter that are kept


def follow(session: Session, view: Ref | str, *, wait_s: float = 0) -> Followed:
    """Count the events of a view's topic up to the end, and those that come while it waits.

    It ends when no event came for `wait_s` seconds.  An event of no use does not stop the
    others: it becomes a dead letter of the view, with the reason.

    Raises:
        NotFound: no such view.
        Invalid: the view has no stream, or its events lack a column that it needs.
        Conflict: another process counts the events of this view.
        Unavailable: the stream store or the online store does not answer.
    """
    with session.begin(write=False) as scope:
        registered = get_view(scope, view)
        scope.require(Permission.FEATURE_WRITE, registered.ref)
    topic = registered.view.stream
    if not topic:
        raise Invalid(
            f"{registered.ref} has no stream", hint='register it with stream="<topic>" to follow'
        )
    online = online_view(registered.view, registered.ref, session.project)
    drivers = session.drivers
    applied = late = dead = passed = 0
    with following(session, registered.ref) as lease:
        position = position_of(drivers.online, online)
        name = topic_of(session, topic)
        while records := drivers.streams.read(name, position, _EVENTS_AT_ONCE, wait_s):
            lease.keep()
            table, read = _table(session, registered, records)
            _put_aside(session, registered, records, read)
            bounds, position = (records[0].position, records[-1].position), records[-1].position
            dead += len(read.reasons)
            passed += len(read.foreign)
            if table is not None:
                done = absorb(session, registered.ref, table, bounds, drivers.clock.now())
                applied += done.applied
                late += len(done.late)
                passed += done.repeated
    found = Followed(
        view=registered.ref, topic=topic, position=position,
        applied=applied, late=late, dead=dead, passed=passed,
    )  # fmt: skip
    if applied or late or dead:
        with session.begin() as scope:
            scope.record(
                "feature.followed", registered.ref, topic=topic, position=position,
                applied=applied, late=late, dead=dead,
            )  # fmt: skip
    return found


def _table(
    session: Session, registered: RegisteredView, records: Sequence[Record]
) -> tuple[pa.Table | None, Read]:
    """Return events as rows of the types that the view's state has, or is about to have.

    None: no event so far told the types.
    """
    view = registered.view
    read = read_events(records, str(registered.ref))
    types = _types(registered, read)
    try:
        _, schema = open_state(session, registered, types)
    except Invalid:
        # Nothing says yet of what types events are, and a column is in none of these: then
        # each of them is of no use, and a later one may be.
        lacking = [name for name in _used(view) if name not in types.names]
        if not lacking:
            raise
        return None, without(read, f"it has no {lacking[0]!r}")
    return table_of(read, schema, (*view.entity.keys, view.time))


def _used(view: FeatureView) -> tuple[str, ...]:
    columns = [each.column for each in view.aggregations if each.column]
    return (*view.entity.keys, view.time, *view.columns, *columns)


def _types(registered: RegisteredView, read: Read) -> pa.Schema:
    """Return the types of first events; a number that is whole by chance is no whole number."""
    keys = registered.view.entity.keys
    return pa.schema(
        [
            field.with_type(pa.float64())
            if field.name not in keys and pa.types.is_integer(field.type)
            else field
            for field in types_of(read.events)
        ]
    )


def _put_aside(
    session: Session, registered: RegisteredView, records: Sequence[Record], read: Read
) -> None:
    """Keep the events of no use, before the offset moves beyond them."""
    if not read.reasons:
        return
    with session.begin() as scope:
        letters = [
            DeadLetter(
                view=registered.ref,
                topic=registered.view.stream,
                position=records[place].position,
                at=scope.now,
                reason=reason,
                body=records[place].value.decode(errors="backslashreplace")[:_LONGEST_BODY],
            )
            for place, reason in sorted(read.reasons.items())
        ]
        store.add_dead(scope.tx, scope.project, letters)
