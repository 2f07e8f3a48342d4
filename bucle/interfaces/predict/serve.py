"""Answer requests: everything that a model server does, without a network protocol.

A request's path through the house: name -> deployment on the board -> columns -> variant ->
its desk -> with others to the engine -> ids -> log -> answer.  The log is written before the
answer leaves.
"""

import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from bucle.base.clock import Clock
from bucle.interfaces.predict import codec
from bucle.interfaces.predict.batcher import Around
from bucle.interfaces.predict.board import Board, Loaded, Served
from bucle.interfaces.predict.codec import Answer, Call
from bucle.interfaces.predict.desks import Book, Desk, Tools
from bucle.interfaces.predict.engines import Engine
from bucle.interfaces.predict.enrich import FeatureReader, Filler
from bucle.interfaces.predict.ids import PredictionIds
from bucle.interfaces.predict.log import PredictionLog
from bucle.interfaces.predict.metrics import Metrics
from bucle.interfaces.predict.overload import Overloaded, batching_of
from bucle.interfaces.predict.pace import Pace
from bucle.interfaces.predict.shadow import Shadows
from bucle.interfaces.predict.tickets import FailedPrediction, Terms, Ticket, Told
from bucle.interfaces.predict.together import check_rows
from bucle.interfaces.predict.wal import LoggedField, Source

__all__ = ["FailedPrediction", "Predictions", "headers_of", "metadata_of"]

_ROWS_LIMIT = 100_000
_PLAIN = Terms()


class Predictions:
    """The part of a model server that predicts; used from the event loop's thread."""

    def __init__(
        self,
        *,
        clock: Clock,
        log: PredictionLog,
        metrics: Metrics,
        features: FeatureReader,
        around: Around,
    ) -> None:
        self._features = features
        self._log = log
        self._metrics = metrics
        self._around = around
        tools = Tools(clock=clock, ids=PredictionIds(), log=log, around=around)
        self.shadows = Shadows(tools, metrics, features)
        self._tools = msgspec.structs.replace(tools, offer=self.shadows.offer)
        self._rng = random.Random()  # noqa: S311 - it splits traffic, it keeps no secret
        self._desks: dict[int, Desk] = {}  # by the identity of what is loaded, which they hold
        self._paces: dict[int, tuple[Engine, Pace]] = {}  # engines outlive revisions
        self._is_draining = False

    def now(self) -> datetime:
        """Return the installation's time."""
        return self._tools.clock.now()

    def variant(self, served: Served, routing_key: str, version: str | None = None) -> Loaded:
        """Return the variant that answers: the one of that version, or of that key, or any.

        Raises:
            NotFound: that version is not served.
            Unavailable: none is.
        """
        if version is not None:
            return served.version(version)
        return served.choose(routing_key, self._rng)

    def refuse_if_full(self, served: Served, loaded: Loaded) -> None:
        """Go on only if one row more has room; asked before a body is read: a no costs little.

        Raises:
            Overloaded: it would wait too long, or the server is going.
        """
        desk = self._desks.get(id(loaded))
        try:
            self._refuse_if_draining()
            if desk is not None:
                desk.lane.refuse_if_full(served.told)
        except Overloaded as refusal:
            self._metrics.note_overload(served.name, refusal.reason)
            raise

    def submit(
        self, served: Served, loaded: Loaded, call: Call, done: Told, terms: Terms = _PLAIN
    ) -> Ticket:
        """Let a variant answer; where a canary can not, the champion does.

        `done` is called once, later and from the event loop, with the answer or with the error:
        `FailedPrediction`, `Late` or one of the seven.  A caller who went away forgets the ticket.

        Raises:
            Invalid: the request's own mistake.
            Overloaded: it would wait too long, or the server is going.
        """
        check_rows(call, _ROWS_LIMIT)
        desk = self._desk(served, loaded)
        at_s = self._around.seconds()
        deadline_s = at_s + (terms.timeout_s or desk.deadline_s)
        ticket = Ticket(served, loaded, call, done, at_s, deadline_s, terms)
        try:
            self._refuse_if_draining()
            desk.take(ticket)
        except Overloaded as refusal:
            self._metrics.note_overload(served.name, refusal.reason)
            raise
        return ticket

    def _refuse_if_draining(self) -> None:
        if self._is_draining:
            raise Overloaded("draining", "this model server is going away", 1.0)

    def drain(self) -> None:
        """Take nothing more; what was taken is answered."""
        self._is_draining = True

    def keep(self, board: Board) -> None:
        """Forget the variants that are not on the board; what waits for them is answered."""
        able = [
            one
            for served in board.served
            for one in (*served.loaded, *((served.fallback,) if served.fallback else ()))
        ]
        shown, engines = {id(one) for one in able}, {id(one.engine) for one in able}
        self.shadows.keep(board.served)
        self._desks = {key: desk for key, desk in self._desks.items() if key in shown}
        self._paces = {key: pace for key, pace in self._paces.items() if key in engines}

    def queued_rows(self) -> dict[str, float]:
        """Return how many rows wait, by deployment."""
        found: dict[str, float] = {}
        for desk in self._desks.values():
            name = f"{desk.served.project}.{desk.served.name}"
            found[name] = found.get(name, 0.0) + desk.lane.queued_rows
        return found

    def _open(self, served: Served, loaded: Loaded) -> Desk:
        planned, engine = served.deployment, loaded.engine
        source = Source(
            number=0,
            project=served.project,
            deployment=served.told,
            model=loaded.told,
            variant=loaded.variant.role,
            inputs=_logged(engine.inputs),
            outputs=_logged(engine.outputs),
        )
        role = loaded.variant.role
        book = Book(
            source=self._log.source(source, served.deployment.log or None),
            counts=self._metrics.counts(served.project, served.name, loaded.told, role),
        )
        views = planned.views_of.get(loaded.told, planned.views)
        filler = Filler(self._features, views, engine.inputs) if views else None
        desk = Desk(served, loaded, self._tools, book, filler)
        pace = self._pace(engine)
        desk.open(batching_of(planned), pace, *self._others(served, loaded))
        self._desks[id(loaded)] = desk
        return desk

    def _others(
        self, served: Served, loaded: Loaded
    ) -> tuple[Callable[[], Desk] | None, Callable[[], Desk] | None]:
        """Return who answers where a variant can not, and who where no model can."""
        champion, fallback = served.loaded[0], served.fallback
        if loaded is fallback:
            return None, None
        if loaded is not champion:
            return lambda: self._desk(served, champion), None
        return None, (lambda: self._desk(served, fallback)) if fallback else None

    def _pace(self, engine: Engine) -> Pace:
        """Return an engine's pace; a new one knows what the warm-up took."""
        if known := self._paces.get(id(engine)):
            return known[1]
        pace = Pace()
        if engine.row_s:
            pace.note(1, engine.row_s)
        self._paces[id(engine)] = (engine, pace)
        return pace

    def _desk(self, served: Served, loaded: Loaded) -> Desk:
        return self._desks.get(id(loaded)) or self._open(served, loaded)


def _logged(fields: tuple[Any, ...]) -> tuple[LoggedField, ...]:
    return tuple(LoggedField(field.name, field.type) for field in fields)


def headers_of(answer: Answer) -> tuple[tuple[bytes, bytes], ...]:
    """Return who answered, for callers that keep headers only."""
    return (
        (b"bucle-deployment", answer.deployment.encode("ascii", "replace")),
        (b"bucle-model", answer.model.encode("ascii", "replace")),
        (b"bucle-variant", answer.variant.encode()),
        (b"bucle-prediction-id", answer.ids[0].encode()),
    )


def metadata_of(board: Board, served: Served) -> dict[str, Any]:
    """Return the open protocol's model metadata, and what is ours under `parameters`."""
    engine = served.loaded[0].engine if served.loaded else None
    return {
        "name": served.name,
        "versions": [
            one.variant.model.version for one in served.loaded if one.variant.model.version
        ],
        "platform": f"bucle_{engine.flavor}" if engine else "",
        "inputs": codec.describe(engine.inputs) if engine else [],
        "outputs": codec.describe(engine.outputs) if engine else [],
        "parameters": {
            "project": served.project,
            "deployment": str(served.deployment.ref),
            "planned": str(_planned(board, served)),
            "problem": served.problem,
            "shadows": [str(one.variant.model) for one in served.shadows],
            "variants": [
                {
                    "role": one.variant.role,
                    "model": str(one.variant.model),
                    "weight": one.variant.weight,
                    "manifest": one.variant.manifest,
                }
                for one in served.loaded
            ],
        },
    }


def _planned(board: Board, served: Served) -> object:
    plan = board.plans[served.project]
    refs = [item.ref for item in plan.deployments if item.ref.name == served.name]
    return refs[0] if refs else ""
