"""The model server's HTTP door: a thin ASGI application over `Predictions`.

`/v2` is the Open Inference Protocol, `/predict/<deployment>` takes plain rows, `/metrics` is
for Prometheus, `/health` for people, `/admin/flush` hands the prediction log over now.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote

import msgspec

from bucle.base.codec import encode
from bucle.base.errors import BucleError, Denied, Invalid, NotFound, Unavailable
from bucle.base.version import __version__
from bucle.interfaces.http.problem import problem_of, status_of
from bucle.interfaces.http.server import Message, Receive, Send
from bucle.interfaces.predict.board import Served
from bucle.interfaces.predict.codec import Answer
from bucle.interfaces.predict.gate import Caller, Gate
from bucle.interfaces.predict.log import PredictionLog
from bucle.interfaces.predict.metrics import CONTENT_TYPE, Gauge, Metrics
from bucle.interfaces.predict.serve import FailedPrediction, Predictions, metadata_of
from bucle.interfaces.predict.watch import PlanWatcher

_JSON = b"application/json"
_FLUSH_LIMIT_S = 10.0
_LOG = logging.getLogger("bucle.predict")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one request may take."""

    body_bytes: int = 16 << 20
    receive_s: float = 20.0


class _TooLargeError(Exception):
    pass


class _TooSlowError(Exception):
    pass


class Reply(msgspec.Struct, frozen=True):
    """What goes back."""

    status: int
    body: bytes
    headers: Sequence[tuple[bytes, bytes]] = ()
    content_type: bytes = _JSON


class Request(msgspec.Struct, frozen=True):
    """What came, before its body was read."""

    method: str
    segments: tuple[str, ...]
    caller: Caller
    routing_key: str
    length_bytes: int  # -1: not said

    @property
    def is_v2(self) -> bool:
        """Whether the open protocol's own form of an error is expected."""
        return self.segments[:1] == ("v2",)


class PredictApp:
    """One process's door."""

    def __init__(
        self,
        *,
        predictions: Predictions,
        watcher: PlanWatcher,
        log: PredictionLog,
        counted: Metrics,
        gate: Gate,
        limits: Limits,
    ) -> None:
        self._predictions = predictions
        self._watcher = watcher
        self._log = log
        self._metrics = counted
        self._gate = gate
        self._limits = limits
        self.lifespan: Callable[[Receive, Send], Any] | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens, without ever showing a traceback."""
        if scope["type"] == "lifespan":
            assert self.lifespan is not None
            await self.lifespan(receive, send)
            return
        request = request_of(scope)
        try:
            reply = await self._route(request, receive)
        except BucleError as error:
            reply = self._refusal(request, _status(error, request), error.message, error)
        except FailedPrediction as error:
            reply = self._refusal(request, 500, error.message, None, _headers(error.answer))
        except _TooLargeError:
            told = f"the body is larger than {self._limits.body_bytes} bytes"
            reply = self._refusal(request, 413, told, None)
        except _TooSlowError:
            told = f"the body did not come within {self._limits.receive_s:g} s"
            reply = self._refusal(request, 408, told, None)
        except TimeoutError:
            reply = self._refusal(request, 504, "the model did not answer in time", None)
        headers = [
            (b"content-type", reply.content_type),
            (b"content-length", str(len(reply.body)).encode()),
            *reply.headers,
        ]
        start = {"type": "http.response.start", "status": reply.status, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": reply.body})

    async def _route(self, request: Request, receive: Receive) -> Reply:
        match (request.method, *request.segments):
            case ("POST", "predict", name):
                served = self._admitted(request, name)
                body = await self._body(request, receive)
                answer, body = await self._predictions.plain(served, body, request.routing_key)
                return Reply(200, body, _headers(answer))
            case ("POST", "v2", "models", name, "infer"):
                return await self._infer(request, receive, name, None)
            case ("POST", "v2", "models", name, "versions", version, "infer"):
                return await self._infer(request, receive, name, version)
            case ("POST", "admin", "flush"):
                return await self._flush(request)
            case ("GET" | "HEAD", *segments):
                return self._shown(request, segments)
        raise NotFound(
            f"nothing answers {request.method} /{'/'.join(request.segments)}",
            hint="POST /predict/<deployment> or /v2/models/<deployment>/infer",
        )

    async def _infer(
        self, request: Request, receive: Receive, name: str, version: str | None
    ) -> Reply:
        served = self._admitted(request, name)
        body = await self._body(request, receive)
        answer, body = await self._predictions.infer(served, version, body, request.routing_key)
        return Reply(200, body, _headers(answer))

    def _shown(self, request: Request, segments: Sequence[str]) -> Reply:
        match segments:
            case ["metrics"]:
                text = self._metrics.text(self._gauges())
                return Reply(200, text, content_type=CONTENT_TYPE)
            case ["v2"]:
                return _json(200, {"name": "bucle", "version": __version__, "extensions": []})
            case ["v2", "health", "live"]:
                return _json(200, {"live": True})
            case ["v2", "health", "ready"]:
                health = self.health()
                return _json(200 if health["ready"] else 503, health)
            case [] | ["health"]:
                return _json(200, self.health())
            case ["v2", "models", name, *rest]:
                return self._shown_model(request, name, rest)
        raise NotFound(f"there is nothing at /{'/'.join(segments)}", hint="GET /v2 or /health")

    def _shown_model(self, request: Request, name: str, rest: Sequence[str]) -> Reply:
        served = self._admitted(request, name)
        match rest:
            case [] | ["versions", _]:
                if rest:
                    served.version(rest[1])
                return _json(200, metadata_of(self._watcher.board, served))
            case ["ready"] | ["versions", _, "ready"]:
                if rest[1:]:
                    served.version(rest[1])
                ready = bool(served.loaded)
                return _json(200 if ready else 503, {"name": name, "ready": ready})
        raise NotFound(f"there is nothing at /{'/'.join(request.segments)}")

    def health(self) -> dict[str, Any]:
        """Tell what is served and what is wrong: `ok`, `degraded`, or `starting`."""
        log, board = self._log.health(), self._watcher.board
        reasons = [*self._watcher.problems, *log.reasons]
        ready = bool(board.plans)
        return {
            "ready": ready,
            "status": "starting" if not ready else "degraded" if reasons else "ok",
            "reasons": reasons,
            "deployments": {
                f"{one.project}.{one.name}": str(one.deployment.ref) for one in board.served
            },
            "log": msgspec.to_builtins(log),
        }

    async def _flush(self, request: Request) -> Reply:
        plans = self._watcher.board.plans.values()
        self._gate.admit(request.caller, plans, self._predictions.now())
        waiting = [asyncio.wrap_future(future) for future in self._log.flush()]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=_FLUSH_LIMIT_S)
            if late or any(future.exception() for future in waiting if future.done()):
                self._log.tick()
                reasons = "; ".join(self._log.health().reasons) or "the blob store is slow"
                raise Unavailable(f"the log could not be handed over: {reasons}")
        self._log.tick()
        return _json(200, msgspec.to_builtins(self._log.health()))

    def _admitted(self, request: Request, name: str) -> Served:
        """Find a deployment, if the caller may; who may not is not told which exist."""
        board = self._watcher.board
        served = board.by_name.get(name)
        plans = board.plans.values() if served is None else (board.plans[served.project],)
        self._gate.admit(request.caller, plans, self._predictions.now())
        return served or board.find(name)

    async def _body(self, request: Request, receive: Receive) -> bytes:
        limit = self._limits.body_bytes
        if request.length_bytes > limit:
            raise _TooLargeError
        parts: list[bytes] = []
        total = 0
        try:
            async with asyncio.timeout(self._limits.receive_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Invalid("the caller went away before the request was complete")
                    part = message.get("body", b"")
                    total += len(part)
                    if total > limit:
                        raise _TooLargeError
                    if not message.get("more_body", False):
                        return part if not parts else b"".join([*parts, part])
                    parts.append(part)
        except TimeoutError:
            raise _TooSlowError from None

    def _refusal(
        self,
        request: Request,
        status: int,
        message: str,
        error: BucleError | None,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> Reply:
        known = {*self._watcher.board.by_name} & {*request.segments}
        self._metrics.refuse(next(iter(known), ""), status)
        if status >= 500:  # noqa: PLR2004 - not the caller's fault
            _LOG.error("%s /%s: %s", request.method, "/".join(request.segments), message)
        if status == 401:  # noqa: PLR2004 - HTTP
            headers = (*headers, (b"www-authenticate", b'Bearer realm="bucle"'))
        if request.is_v2:
            hint = f" ({error.hint})" if error and error.hint else ""
            return _json(status, {"error": f"{message}{hint}"}, headers)
        if error is not None:
            return Reply(status, encode(problem_of(error)), headers)
        name = "Bug" if status >= 500 else "Invalid"  # noqa: PLR2004 - HTTP
        return _json(status, {"error": name, "message": message, "hint": ""}, headers)

    def _gauges(self) -> list[Gauge]:
        log, served = self._log.health(), self._watcher.board.served
        revisions = {
            f"{one.project}.{one.name}": float(one.deployment.ref.version or 0) for one in served
        }
        problems = float(len(self._watcher.problems))
        return [
            Gauge("bucle_predict_plan_revision", "The revision that is served.", revisions),
            Gauge("bucle_predict_problems", "What keeps it from its plans.", {"": problems}),
            Gauge("bucle_predict_log_lag_seconds", "Age of the log's oldest row.", {"": log.lag_s}),
            Gauge("bucle_predict_log_files", "Files to hand over.", {"": log.waiting_files}),
            Gauge("bucle_predict_log_rows", "Rows logged since the start.", {"": log.logged_rows}),
            Gauge("bucle_predict_log_lost_rows", "Rows not logged.", {"": log.lost_rows}),
        ]


def request_of(scope: Message) -> Request:
    """Read what matters of a request's line and headers."""
    bearer = origin = host = routing_key = ""
    length = -1
    for name, value in scope["headers"]:
        if name == b"content-length":
            length = int(value) if value.isdigit() else -1
        elif name == b"host":
            host = value.decode("latin-1")
        elif name == b"authorization" and value[:7].lower() == b"bearer ":
            bearer = value[7:].strip().decode("latin-1")
        elif name == b"origin":
            origin = value.decode("latin-1")
        elif name == b"bucle-routing-key":
            routing_key = value.decode("latin-1")
    path = scope.get("raw_path") or scope["path"].encode()
    text = path.decode("latin-1").partition("?")[0].strip("/")
    segments = tuple(text.split("/")) if text else ()
    if "%" in text:
        segments = tuple(unquote(segment) for segment in segments)
    return Request(scope["method"], segments, Caller(bearer, origin, host), routing_key, length)


def _headers(answer: Answer) -> tuple[tuple[bytes, bytes], ...]:
    """Return who answered, for callers that keep headers only."""
    return (
        (b"bucle-deployment", answer.deployment.encode("ascii", "replace")),
        (b"bucle-model", answer.model.encode("ascii", "replace")),
        (b"bucle-variant", answer.variant.encode()),
        (b"bucle-prediction-id", answer.ids[0].encode()),
    )


def _json(status: int, value: object, headers: Sequence[tuple[bytes, bytes]] = ()) -> Reply:
    return Reply(status, encode(value), headers)


def _status(error: BucleError, request: Request) -> int:
    if isinstance(error, Denied) and not request.caller.bearer:
        return 401
    return status_of(error)
