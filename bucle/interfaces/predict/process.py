"""The model server's process: put together, announced, drained."""

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import msgspec

from bucle.base.codec import decode, encode
from bucle.base.errors import Invalid, Unavailable
from bucle.base.settings import Settings
from bucle.drivers.blobs import BlobStore
from bucle.drivers.house import Drivers
from bucle.interfaces.http.server import Receive, Send, run_asgi
from bucle.interfaces.predict.batcher import Around, batches_at_once
from bucle.interfaces.predict.control import ControlApi, ControlBlobs, ControlPlans
from bucle.interfaces.predict.door import Admission, Door
from bucle.interfaces.predict.engines import EngineShop
from bucle.interfaces.predict.enrich import FeatureReader
from bucle.interfaces.predict.exchange import Neighbours
from bucle.interfaces.predict.explanations import Explanations
from bucle.interfaces.predict.fronts.asgi import AsgiFront
from bucle.interfaces.predict.fronts.running import can_serve_http1, serve_http1
from bucle.interfaces.predict.fronts.sockets import listen_tcp
from bucle.interfaces.predict.gate import Gate
from bucle.interfaces.predict.grpc_server.calls import Parts
from bucle.interfaces.predict.grpc_server.server import GrpcServer, start_grpc
from bucle.interfaces.predict.isolated import Isolation
from bucle.interfaces.predict.log import PredictionLog
from bucle.interfaces.predict.metrics import Metrics
from bucle.interfaces.predict.model_index import ModelIndex
from bucle.interfaces.predict.refusals import Refusals
from bucle.interfaces.predict.report import Report, follower_name, log_secret, trusted_key
from bucle.interfaces.predict.requests import Limits
from bucle.interfaces.predict.routes.admin import AdminRoutes, Health
from bucle.interfaces.predict.routes.explain import ExplainRoutes
from bucle.interfaces.predict.routes.front_page import FrontPage
from bucle.interfaces.predict.routes.open_protocol import OpenProtocol
from bucle.interfaces.predict.routes.openapi import OpenApiRoutes
from bucle.interfaces.predict.routes.plain import PlainRoutes
from bucle.interfaces.predict.serve import Predictions
from bucle.interfaces.predict.sources import BlobPlans, KeptPlans, PlanSource
from bucle.interfaces.predict.traces import TracedDoor, open_traces
from bucle.interfaces.predict.watch import PlanWatcher
from bucle.interfaces.predict.workers import Supervisor, exchange_folder
from bucle.lifecycle.serving import is_loopback, plan_key

_TICK_S = 0.1
_REMOTE_POLL_TICKS = 10  # a remote store is asked once a second
_FIRST_S = 3.0  # so long a control plane that does not answer keeps a start waiting
_TOLD_TICKS = 2  # how often the other workers are told what was counted
_LOG = logging.getLogger("bucle.predict")


class RunningServer(msgspec.Struct, frozen=True, kw_only=True):
    """What `run/predict.json` says, so that a restarted `bucle up` finds a living server."""

    pid: int
    port: int
    address: str


def running_file(settings: Settings) -> Path:
    """Return where a model server writes down that it runs."""
    return settings.home_path / "run" / "predict.json"


def find_running(settings: Settings) -> RunningServer | None:
    """Return the model server of this home that was written down and is alive, or None."""
    try:
        running = decode(running_file(settings).read_bytes(), RunningServer)
        os.kill(running.pid, 0)
    except (OSError, Invalid):
        return None
    return running


def isolation_of(settings: Settings) -> Isolation | None:
    """Return how models are kept apart; None: they share a process."""
    if not settings.predict_isolate:
        return None
    return Isolation(memory_bytes=settings.predict_memory_limit)


class ModelServer:
    """One process: its parts, and the task that follows plans and hands the log over."""

    def __init__(self, settings: Settings, worker: int | None = None) -> None:
        """Make the parts; nothing is read or listened to yet.

        `worker` is this process's number among those that share the port; None: it is alone.

        Raises:
            Unavailable: the home can not be written.
        """
        self._drivers = Drivers(settings)
        folder = settings.home_path / "predict"
        self._settings = settings
        self._neighbours = None if worker is None else Neighbours(exchange_folder(settings), worker)
        self._threads = ThreadPoolExecutor(max(os.cpu_count() or 1, 2), "bucle-model")
        # Loading a model takes seconds; it must not wait behind predictions, nor they for it.
        self._loader = ThreadPoolExecutor(1, "bucle-plan")
        key = trusted_key(settings)
        self._metrics = Metrics()
        self._plans = folder / "plans"
        self._followed: ControlPlans | None = None  # None: no control plane is asked
        blobs, source = self._sources(worker)
        shop = EngineShop(
            blobs,
            folder / "packages",
            key,
            pickles=settings.pickles,
            isolation=isolation_of(settings),
        )
        self.log = PredictionLog(folder / "log", blobs, secret=log_secret(settings))
        self.watcher = PlanWatcher(source, self._plans, key, shop)
        self.door = self._make_door(self._metrics)
        self.app = AsgiFront(self.door, self.live)
        self.grpc: GrpcServer | None = None  # None: not asked for, or not yet

    def _sources(self, worker: int | None) -> tuple[BlobStore, PlanSource]:
        """Return where packages and plans come from, and where the log goes."""
        settings = self._settings
        if not settings.control_url:
            blobs = self._drivers.blobs
            return blobs, BlobPlans(blobs)
        api = ControlApi(settings.control_url, settings.token, settings.project)
        if worker:  # the first worker asks for all of them
            return ControlBlobs(api), KeptPlans(self._plans)
        report = Report(self._metrics)
        self._followed = ControlPlans(
            api,
            settings.project,
            (follower_name(settings), settings.follower_labels),
            lambda: report.now(settings.project, self.watcher),
        )
        return ControlBlobs(api), self._followed

    def _make_door(self, metrics: Metrics) -> Door:
        """Return the door, with every room of routes behind it."""
        watcher, log, limits = self.watcher, self.log, Limits()
        features = FeatureReader(self._drivers)
        predictions = self.predictions = Predictions(
            clock=self._drivers.clock,
            log=log,
            metrics=metrics,
            features=features,
            around=Around(threads=self._threads, at_once=batches_at_once()),
        )
        self._explanations = explanations = Explanations(features)
        in_reach = is_loopback(self._settings.host)
        gate = Gate(loopback=in_reach)
        admission = Admission(watcher, gate, predictions)
        refusals = Refusals(watcher, metrics, limits)
        self._health = health = Health(watcher, log, predictions, self._neighbours)
        repository = ModelIndex(watcher, self._loader)
        self._parts = Parts(
            predictions=predictions,
            admission=admission,
            refusals=refusals,
            health=health,
            repository=repository,
            message_bytes=limits.body_bytes,
        )
        metrics.more.append(explanations.lines)
        rooms = (
            FrontPage(watcher, health),
            OpenProtocol(
                predictions=predictions,
                watcher=watcher,
                admission=admission,
                refusals=refusals,
                health=health,
                repository=repository,
            ),
            PlainRoutes(
                predictions=predictions, watcher=watcher, admission=admission, refusals=refusals
            ),
            ExplainRoutes(explanations=explanations, admission=admission, refusals=refusals),
            OpenApiRoutes(watcher=watcher, admission=admission, is_loopback=in_reach),
            AdminRoutes(
                health=health,
                metrics=metrics,
                log=log,
                admission=admission,
                refusals=refusals,
                neighbours=self._neighbours,
            ),
        )
        self._traces = open_traces(self._settings.otel_endpoint, os.environ)
        if self._traces is None:
            return Door(rooms, refusals, limits)
        return TracedDoor(rooms, refusals, limits, self._traces)

    async def live(self, receive: Receive, send: Send) -> None:
        """Start before the first request, stop after the last (ASGI lifespan)."""
        await receive()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._loader, self.watcher.restore)
        if self._followed is not None:
            self._followed.start(self._plans)
            await loop.run_in_executor(self._loader, self._followed.wait_first, _FIRST_S)
        await loop.run_in_executor(self._loader, self.watcher.poll)
        following = asyncio.create_task(self._follow())
        self.grpc = await self._start_grpc()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.predictions.drain()
        if self.grpc is not None:
            await self.grpc.stop()
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        if self._followed is not None:
            self._followed.close()
        self.predictions.shadows.close()
        self.log.close()
        self._drivers.close()
        self._loader.shutdown(wait=False, cancel_futures=True)
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._explanations.close()
        if self._traces is not None:
            await loop.run_in_executor(None, self._traces.close)
        await send({"type": "lifespan.shutdown.complete"})

    async def _start_grpc(self) -> GrpcServer | None:
        """Listen for gRPC where the settings ask for it."""
        settings = self._settings
        if not settings.predict_grpc_port:
            return None
        server = await start_grpc(self._parts, host=settings.host, port=settings.predict_grpc_port)
        _LOG.warning("gRPC: %s:%d", settings.host, server.port)
        return server

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        every = _REMOTE_POLL_TICKS if self._asks_a_store() else 1
        reasons: tuple[str, ...] = ()
        poll: asyncio.Future[bool] | None = None
        tick = 0
        while True:
            await asyncio.sleep(_TICK_S)
            tick += 1
            self.log.tick()
            self.predictions.keep(self.watcher.board)
            if self._neighbours is not None:
                self._tell_neighbours(self._neighbours, tick)
            # A model that takes minutes to load must not stop the log's clock.
            if tick % every == 0 and (poll is None or poll.done()):
                self._tell(poll)
                poll = loop.run_in_executor(self._loader, self.watcher.poll)
            now = (*self.watcher.problems, *self.log.health().reasons)
            for told in [told for told in now if told not in reasons]:
                _LOG.error("%s", told)
            reasons = now

    def _asks_a_store(self) -> bool:
        """Tell whether each look at the plans is a question to a machine elsewhere."""
        if self._settings.control_url:
            return False
        return self._drivers.blobs.local_path(plan_key(self._settings.project)) is None

    def _tell_neighbours(self, neighbours: Neighbours, tick: int) -> None:
        if tick % _TOLD_TICKS == 0:
            neighbours.publish(self._metrics.text(self._health.gauges()))
        if number := neighbours.flush_due():
            self.log.flush()
            if not self.log.health().waiting_files:
                neighbours.flushed(number)

    def _tell(self, poll: "asyncio.Future[bool] | None") -> None:
        """Say what a look at the plans led to; a bug there must not end the following."""
        if poll is None:
            return
        if (error := poll.exception()) is not None:
            _LOG.error("the plans could not be followed", exc_info=error)
        elif poll.result():
            shown = [one.told for one in self.watcher.board.served]
            _LOG.warning("now serving %s", ", ".join(shown) or "nothing")


def run_server(settings: Settings, worker: int | None = None) -> None:
    """Serve until asked to stop: alone, as the supervisor of several workers, or as one of them.

    Raises:
        Invalid: the number of workers is none.
        Unavailable: the home can not be written, or the port is taken.
    """
    file = running_file(settings)

    def announce(address: str) -> None:
        if worker is None:
            port = int(address.rpartition(":")[2])
            _write_down(file, RunningServer(pid=os.getpid(), port=port, address=address))
        print(f"bucle model server: {address}", flush=True)  # noqa: T201 - what a person waits for

    if settings.predict_workers < 1:
        raise Invalid(
            f"{settings.predict_workers} workers serve nothing",
            hint="set BUCLE_PREDICT_WORKERS to 1 or more",
        )
    try:
        if worker is None and settings.predict_workers > 1:
            Supervisor(settings).run(announce)
        else:
            _run_alone(settings, worker, announce)
    finally:
        running = find_running(settings)
        if running is not None and running.pid == os.getpid():
            file.unlink(missing_ok=True)


def _run_alone(settings: Settings, worker: int | None, announce: Callable[[str], None]) -> None:
    """Serve with this one process; a worker shares its port with others."""
    server = ModelServer(settings, worker)
    host, port, shared = settings.host, settings.predict_port, worker is not None
    if can_serve_http1():
        listening = listen_tcp(host, port, shared=shared)
        serve_http1(server.door, sockets=[listening], lifespan=server.live, on_ready=announce)
    else:
        run_asgi(server.app, host=host, port=port, on_ready=announce, reuse_port=shared)


def _write_down(file: Path, running: RunningServer) -> None:
    part = file.with_suffix(f".{running.pid}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(encode(running))
        part.replace(file)
    except OSError as error:
        raise Unavailable(
            f"{file} can not be written: {error.strerror}",
            hint="set BUCLE_HOME to a folder that you can write",
        ) from error
