"""Chain facts into events and sign the head: the last thing that a transaction does."""

from datetime import datetime

from bucle.base.codec import to_builtins
from bucle.base.ids import new_id
from bucle.drivers.db import Tx
from bucle.governance.audit import store
from bucle.governance.audit.records import Event, link_digest
from bucle.governance.facts import Fact
from bucle.governance.keys import Keys


def head_statement(project: str, count: int, digest: str) -> bytes:
    """Return the bytes that are signed: which project, how many events, which last digest."""
    return f"bucle-audit-head/1\n{project}\n{count}\n{digest}".encode()


def append_facts(
    tx: Tx, facts: list[Fact], *, project: str, actor: str, now: datetime, keys: Keys
) -> tuple[Event, ...]:
    """Give each fact its number and its link; concurrent writers of a project take turns."""
    number, previous = store.lock_head(tx, project)
    chained: list[Event] = []
    for fact in facts:
        number += 1
        event = Event(
            project=project,
            number=number,
            id=new_id(now),
            at=now,
            actor=actor,
            type=fact.type,
            ref=str(fact.ref),
            body=to_builtins(fact.body),
            previous=previous,
        )
        previous = link_digest(event)
        chained.append(_with_digest(event, previous))
    store.append(tx, chained, keys.sign(head_statement(project, number, previous)))
    return tuple(chained)


def _with_digest(event: Event, digest: str) -> Event:
    return Event(
        **{name: getattr(event, name) for name in event.__struct_fields__} | {"digest": digest}
    )
