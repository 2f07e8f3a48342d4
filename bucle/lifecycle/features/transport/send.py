"""Send events to a topic: they are kept there in their order before anybody counts them."""

from collections.abc import Sequence

import msgspec

from bucle.base.errors import Invalid
from bucle.base.refs import Ref, check_name
from bucle.drivers.streams import LONGEST_BYTES
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.lifecycle.features.transport.records import Event, Sent
from bucle.lifecycle.features.transport.rows import ONLY_FOR

MOST_EVENTS = 10_000


def send(session: Session, topic: str, events: Sequence[Event]) -> Sent:
    """Write events at the end of a topic; those who follow it count them from there.

    When this returns, no event is lost.  Where it fails or does not return, none, some or all of
    them may be in the topic: who sends again may send twice.

    Raises:
        Invalid: more than 10,000 events, one of more than 512 KiB, or one with a reserved name.
        Unavailable: the stream store can not be written.
    """
    ref = Ref("topic", check_name(topic))
    session.actor.require(Permission.FEATURE_WRITE, session.project, f" on {ref}")
    if len(events) > MOST_EVENTS:
        raise Invalid(f"{len(events)} events are too many", hint=f"send {MOST_EVENTS} at a time")
    position = session.drivers.streams.append(
        topic_of(session, topic), [_encoded(event, place) for place, event in enumerate(events)]
    )
    if events:
        with session.begin() as scope:
            scope.record("topic.extended", ref, events=len(events), position=position)
    return Sent(topic=topic, events=len(events), position=position)


def topic_of(session: Session, topic: str) -> str:
    """Return what a project's topic is called in the stream store."""
    return f"{session.project}/{topic}"


def _encoded(event: Event, place: int) -> bytes:
    if ONLY_FOR in event:
        raise Invalid(
            f"event {place} has {ONLY_FOR!r}, which is reserved", hint="call it something else"
        )
    value = msgspec.json.encode(event)
    if len(value) > LONGEST_BYTES:
        raise Invalid(
            f"event {place} has {len(value)} bytes, more than {LONGEST_BYTES}",
            hint="store large content as a file and send its name",
        )
    return value
