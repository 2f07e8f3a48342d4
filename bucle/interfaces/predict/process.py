"""The model server's process: put together, announced, drained."""

import asyncio
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import msgspec

from bucle.base.codec import decode, encode
from bucle.base.errors import Invalid, Unavailable
from bucle.base.settings import Settings
from bucle.drivers.blobs import BlobStore
from bucle.drivers.house import Drivers
from bucle.governance.keys import Keys, read_log_secret
from bucle.interfaces.http.server import Receive, Send, run_asgi
from bucle.interfaces.predict.batcher import Around, batches_at_once
from bucle.interfaces.predict.door import Admission, Door
from bucle.interfaces.predict.engines import EngineShop
from bucle.interfaces.predict.enrich import FeatureReader
from bucle.interfaces.predict.explanations import Explanations
from bucle.interfaces.predict.fronts.asgi import AsgiFront
from bucle.interfaces.predict.fronts.running import can_serve_http1, serve_http1
from bucle.interfaces.predict.fronts.sockets import listen_tcp
from bucle.interfaces.predict.gate import Gate
from bucle.interfaces.predict.grpc_server.calls import Parts
from bucle.interfaces.predict.grpc_server.server import GrpcServer, start_grpc
from bucle.interfaces.predict.log import PredictionLog
from bucle.interfaces.predict.metrics import Metrics
from bucle.interfaces.predict.refusals import Refusals
from bucle.interfaces.predict.repository import Repository
from bucle.interfaces.predict.requests import Limits
from bucle.interfaces.predict.routes.admin import AdminRoutes, Health
from bucle.interfaces.predict.routes.explain import ExplainRoutes
from bucle.interfaces.predict.routes.open_protocol import OpenProtocol
from bucle.interfaces.predict.routes.openapi import OpenApiRoutes
from bucle.interfaces.predict.routes.plain import PlainRoutes
from bucle.interfaces.predict.serve import Predictions
from bucle.interfaces.predict.traces import TracedDoor, open_traces
from bucle.interfaces.predict.watch import PlanWatcher
from bucle.lifecycle.serving import is_loopback, plan_key

_TICK_S = 0.1
_REMOTE_POLL_TICKS = 10  # a remote store is asked once a second
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


def trusted_key(settings: Settings) -> str:
    """Return the public key whose plans and packages are believed, in hexadecimal.

    A model server on another machine is given `keys/signing.pub` and never the key itself.
    """
    keys = settings.home_path / "keys"
    try:
        return (keys / "signing.pub").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return Keys(keys).public_hex


def log_secret(settings: Settings) -> bytes | None:
    """Return what hashes columns in the log; None: a machine without the installation's keys.

    There, `keys/predictions.key` may be put beside `keys/signing.pub`; else such columns are left
    out of the log.
    """
    keys = settings.home_path / "keys"
    if (keys / "signing.pem").is_file():
        return Keys(keys).log_secret
    return read_log_secret(keys)


class ModelServer:
    """One process: its parts, and the task that follows plans and hands the log over."""

    def __init__(self, settings: Settings) -> None:
        """Make the parts; nothing is read or listened to yet.

        Raises:
            Unavailable: the home can not be written.
        """
        self._drivers = drivers = Drivers(settings)
        folder = settings.home_path / "predict"
        self._blobs: BlobStore = drivers.blobs
        self._settings = settings
        self._threads = ThreadPoolExecutor(max(os.cpu_count() or 1, 2), "bucle-model")
        # Loading a model takes seconds; it must not wait behind predictions, nor they for it.
        self._loader = ThreadPoolExecutor(1, "bucle-plan")
        key = trusted_key(settings)
        shop = EngineShop(self._blobs, folder / "packages", key, self._threads)
        self.log = PredictionLog(folder / "log", self._blobs, secret=log_secret(settings))
        self.watcher = PlanWatcher(self._blobs, folder / "plans", key, shop)
        self.door = self._make_door(Metrics())
        self.app = AsgiFront(self.door, self.live)
        self.grpc: GrpcServer | None = None  # None: not asked for, or not yet

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
        health = Health(watcher, log, predictions)
        metrics.more.append(explanations.lines)
        repository = Repository(watcher, self._loader)
        self._parts = Parts(
            predictions=predictions,
            admission=admission,
            refusals=refusals,
            health=health,
            repository=repository,
            message_bytes=limits.body_bytes,
        )
        rooms = (
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
                health=health, metrics=metrics, log=log, admission=admission, refusals=refusals
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
        local = self._blobs.local_path(plan_key(self._settings.project)) is not None
        every = 1 if local else _REMOTE_POLL_TICKS
        reasons: tuple[str, ...] = ()
        poll: asyncio.Future[bool] | None = None
        tick = 0
        while True:
            await asyncio.sleep(_TICK_S)
            tick += 1
            self.log.tick()
            self.predictions.keep(self.watcher.board)
            # A model that takes minutes to load must not stop the log's clock.
            if tick % every == 0 and (poll is None or poll.done()):
                self._tell(poll)
                poll = loop.run_in_executor(self._loader, self.watcher.poll)
            now = (*self.watcher.problems, *self.log.health().reasons)
            for told in [told for told in now if told not in reasons]:
                _LOG.error("%s", told)
            reasons = now

    def _tell(self, poll: "asyncio.Future[bool] | None") -> None:
        """Say what a look at the plans led to; a bug there must not end the following."""
        if poll is None:
            return
        if (error := poll.exception()) is not None:
            _LOG.error("the plans could not be followed", exc_info=error)
        elif poll.result():
            shown = [one.told for one in self.watcher.board.served]
            _LOG.warning("now serving %s", ", ".join(shown) or "nothing")


def run_server(settings: Settings) -> None:
    """Serve until asked to stop.

    Raises:
        Unavailable: the home can not be written, or the port is taken.
    """
    server = ModelServer(settings)
    file = running_file(settings)

    def announce(address: str) -> None:
        port = int(address.rpartition(":")[2])
        _write_down(file, RunningServer(pid=os.getpid(), port=port, address=address))
        print(f"bucle model server: {address}", flush=True)  # noqa: T201 - what a person waits for

    host, port = settings.host, settings.predict_port
    try:
        if can_serve_http1():
            listening = listen_tcp(host, port)
            serve_http1(server.door, sockets=[listening], lifespan=server.live, on_ready=announce)
        else:
            run_asgi(server.app, host=host, port=port, on_ready=announce)
    finally:
        running = find_running(settings)
        if running is not None and running.pid == os.getpid():
            file.unlink(missing_ok=True)


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
