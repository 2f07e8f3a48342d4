"""For those who look after the server: `/health`, `/metrics`, `/admin/flush`."""

import asyncio
from typing import Any

import msgspec

from bucle.base.errors import Unavailable
from bucle.interfaces.predict.door import Admission
from bucle.interfaces.predict.exchange import Neighbours
from bucle.interfaces.predict.log import PredictionLog
from bucle.interfaces.predict.metrics import CONTENT_TYPE, Gauge, Metrics
from bucle.interfaces.predict.refusals import Refusals
from bucle.interfaces.predict.requests import Done, Handler, Reply, Request, json_reply
from bucle.interfaces.predict.serve import Predictions
from bucle.interfaces.predict.watch import PlanWatcher

_FLUSH_LIMIT_S = 10.0
_FLUSH_TICK_S = 0.05


class Health:
    """What is served and what is wrong."""

    def __init__(
        self,
        watcher: PlanWatcher,
        log: PredictionLog,
        predictions: Predictions,
        neighbours: Neighbours | None = None,
    ) -> None:
        self._watcher = watcher
        self._log = log
        self._predictions = predictions
        self._neighbours = neighbours

    def now(self) -> dict[str, Any]:
        """Tell what is served and what is wrong: `ok`, `degraded`, or `starting`."""
        log, board = self._log.health(), self._watcher.board
        reasons = [*self._watcher.problems, *log.reasons]
        ready = bool(board.plans)
        shared: dict[str, Any] = {}
        if self._neighbours is not None:
            reasons += [self._neighbours.problem] if self._neighbours.problem else []
            shared = {"workers": self._neighbours.living()}
        return shared | {
            "ready": ready,
            "status": "starting" if not ready else "degraded" if reasons else "ok",
            "reasons": reasons,
            "deployments": {
                f"{one.project}.{one.name}": str(one.deployment.ref) for one in board.served
            },
            "log": msgspec.to_builtins(log),
        }

    def gauges(self) -> list[Gauge]:
        """Return what Prometheus reads of it."""
        log, served = self._log.health(), self._watcher.board.served
        wanted = [one for one in served if one.deployment.variants]
        revisions = {
            f"{one.project}.{one.name}": float(one.deployment.ref.version or 0) for one in served
        }
        objectives = {
            f"{one.project}.{one.name}": one.deployment.p95_ms / 1000
            for one in served
            if one.deployment.p95_ms is not None
        }
        problems = float(len(self._watcher.problems))
        is_ready = bool(self._watcher.board.plans) and all(one.loaded for one in wanted)
        return [
            Gauge("bucle_predict_plan_revision", "The revision that is served.", revisions),
            Gauge("bucle_predict_ready", "Whether all that is planned is loaded.", {"": is_ready}),
            Gauge("bucle_predict_objective_seconds", "The agreed p95.", objectives),
            Gauge("bucle_predict_queue_rows", "Rows that wait.", self._predictions.queued_rows()),
            Gauge(
                "bucle_predict_shadow_dropped_rows",
                "Rows that a version in the shadow was too slow for.",
                self._predictions.shadows.dropped_rows,
            ),
            Gauge("bucle_predict_problems", "What keeps it from its plans.", {"": problems}),
            Gauge("bucle_predict_log_lag_seconds", "Age of the log's oldest row.", {"": log.lag_s}),
            Gauge("bucle_predict_log_files", "Files to hand over.", {"": log.waiting_files}),
            Gauge("bucle_predict_log_rows", "Rows logged since the start.", {"": log.logged_rows}),
            Gauge("bucle_predict_log_lost_rows", "Rows not logged.", {"": log.lost_rows}),
        ]


class AdminRoutes:
    """Handlers for operators."""

    def __init__(
        self,
        *,
        health: Health,
        metrics: Metrics,
        log: PredictionLog,
        admission: Admission,
        refusals: Refusals,
        neighbours: Neighbours | None = None,
    ) -> None:
        self._neighbours = neighbours
        self._health = health
        self._metrics = metrics
        self._log = log
        self._admission = admission
        self._refusals = refusals

    def find(self, request: Request) -> Handler | None:
        """Return what answers this method and path, or None."""
        match (request.method, *request.segments):
            case ("GET" | "HEAD", "health"):
                return lambda _, done: done(json_reply(200, self._health.now()))
            case ("GET" | "HEAD", "metrics"):
                return self._show_metrics
            case ("POST", "admin", "flush"):
                return lambda asked, done: self._refusals.start(asked, done, self._flush(asked))
        return None

    def _show_metrics(self, _: Request, done: Done) -> None:
        text = self._metrics.text(self._health.gauges())
        if self._neighbours is not None:  # each worker answers for all
            text = self._neighbours.together(text)
        done(Reply(200, text, content_type=CONTENT_TYPE))

    async def _flush(self, request: Request) -> Reply:
        self._admission.anywhere(request)
        if self._neighbours is not None:
            await self._flush_all(self._neighbours)
        waiting = [asyncio.wrap_future(future) for future in self._log.flush()]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=_FLUSH_LIMIT_S)
            if late or any(future.exception() for future in waiting if future.done()):
                self._log.tick()
                reasons = "; ".join(self._log.health().reasons) or "the blob store is slow"
                raise Unavailable(f"the log could not be handed over: {reasons}")
        self._log.tick()
        return json_reply(200, msgspec.to_builtins(self._log.health()))

    @staticmethod
    async def _flush_all(neighbours: Neighbours) -> None:
        """Wait until every worker has handed its log over.

        Raises:
            Unavailable: one of them has not, in time.
        """
        number = neighbours.ask_flush()
        for _ in range(int(_FLUSH_LIMIT_S / _FLUSH_TICK_S)):
            if not neighbours.still_flushing(number):
                return
            await asyncio.sleep(_FLUSH_TICK_S)
        late = neighbours.still_flushing(number)
        raise Unavailable(
            f"{late} workers have not handed their logs over in {_FLUSH_LIMIT_S:g} s",
            hint="ask again; GET /health says what is wrong",
        )
