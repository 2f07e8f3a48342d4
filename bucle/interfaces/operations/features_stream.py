"""The verbs of events and of the features that follow them."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from bucle.base.page import Page
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.interfaces.operations.fields import Limit
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle.features import transport

Wait = Annotated[float, msgspec.Meta(ge=0, le=300, description="seconds to wait for an event")]


class Send(msgspec.Struct, frozen=True, kw_only=True):
    """Events, JSON objects each, for a topic: `[{"card": 1, "at": "...", "amount": 9.5}]`."""

    topic: str
    events: list[dict[str, Any]]


class Follow(msgspec.Struct, frozen=True, kw_only=True):
    """Whose events to count, and how long to wait for more of them."""

    ref: str
    wait_s: Wait = 0


class Seed(msgspec.Struct, frozen=True, kw_only=True):
    """Which view's stream begins with the rows of its dataset, up to when."""

    ref: str
    until: datetime | None = None  # null: now


class Seeded(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows of the dataset the stream's features begin with."""

    rows: int


class Dead(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the events that a view could not use."""

    ref: str
    limit: Limit = 100
    token: str | None = None  # null: the first page


class ReplayDead(msgspec.Struct, frozen=True, kw_only=True):
    """Which dead letters to send again, and what in place of one."""

    ref: str
    position: str = ""  # "": all that wait, up to a thousand
    event: dict[str, Any] | None = None  # null: as it came


def _seed(session: Session, q: Seed) -> Seeded:
    return Seeded(rows=transport.seed_stream(session, q.ref, q.until))


ROWS: tuple[AnyOperation, ...] = (
    Operation(
        name="features.send",
        permission=Permission.FEATURE_WRITE,
        method="POST",
        path="/topics/{topic}/events",
        request=Send,
        response=transport.Sent,
        work=lambda session, q: transport.send(session, q.topic, q.events),
        events=("topic.extended",),
        positional=("topic",),
        summary="Send events to a topic; the views whose stream it is count them.",
        summary_es="Envía eventos a un tema; los cuentan las vistas que lo siguen.",
    ),
    Operation(
        name="features.follow",
        permission=Permission.FEATURE_WRITE,
        method="POST",
        path="/features/{ref}/follow",
        request=Follow,
        response=transport.Followed,
        work=lambda session, q: transport.follow(session, q.ref, wait_s=q.wait_s),
        events=("feature.followed",),
        positional=("ref",),
        summary="Count the events of a view's topic that came since the last time.",
        summary_es="Cuenta los eventos del tema de una vista llegados desde la última vez.",
    ),
    Operation(
        name="features.seed",
        permission=Permission.FEATURE_WRITE,
        method="POST",
        path="/features/{ref}/seed",
        request=Seed,
        response=Seeded,
        work=_seed,
        events=("feature.seeded",),
        positional=("ref",),
        summary="Let a view's stream begin with the rows that its dataset has.",
        summary_es="Hace que el flujo de una vista empiece con las filas de su conjunto de datos.",
    ),
    Operation(
        name="features.dead",
        permission=Permission.FEATURE_READ,
        method="GET",
        path="/features/{ref}/dead",
        request=Dead,
        response=Page[transport.DeadLetter],
        run=lambda scope, q: transport.list_dead(scope, q.ref, limit=q.limit, token=q.token),
        positional=("ref",),
        summary="List the events that a view could not use, with the reasons.",
        summary_es="Lista los eventos que una vista no pudo usar, con los motivos.",
    ),
    Operation(
        name="features.replay_dead",
        permission=Permission.FEATURE_WRITE,
        method="POST",
        path="/features/{ref}/dead/replay",
        request=ReplayDead,
        response=transport.Replayed,
        work=lambda session, q: transport.replay_dead(
            session, q.ref, position=q.position, event=q.event
        ),
        events=("feature.replayed",),
        positional=("ref",),
        summary="Send dead letters to their view again, corrected or as they are.",
        summary_es="Reenvía a su vista los eventos apartados, corregidos o tal cual.",
    ),
)
