"""The model server's door, without a network protocol: a request in, a reply out.

Fronts (`fronts/`) read requests from the network and write replies; rooms of routes
(`routes/`) know what is answered where.  The door finds the handler and catches what it raises.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol, TypeAlias

import msgspec

from bucle.base.errors import NotFound
from bucle.interfaces.predict.board import Board, Served
from bucle.interfaces.predict.encodings import packing, unpack
from bucle.interfaces.predict.gate import Gate
from bucle.interfaces.predict.refusals import Refusals
from bucle.interfaces.predict.requests import (
    Done,
    Handler,
    Limits,
    RefusedRequest,
    Reply,
    Request,
    TooLargeError,
)
from bucle.interfaces.predict.serve import Predictions
from bucle.interfaces.predict.watch import PlanWatcher

_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")


_Caller: TypeAlias = tuple[str, bytes | None, bytes | None, bytes | None]
_STRANGER = datetime.min.replace(tzinfo=UTC)
_CALLERS = 1024
_PATHS = 1024


class Routes(Protocol):
    """A room of routes."""

    def find(self, request: Request) -> Handler | None:
        """Return what answers this method and path, or None where nothing of this room does.

        Asked once for a method and path, so that nothing else may decide it.
        """
        ...


class Admission:
    """Finds the deployment that a request names, if its caller may ask."""

    def __init__(self, watcher: PlanWatcher, gate: Gate, predictions: Predictions) -> None:
        self._watcher = watcher
        self._gate = gate
        self._predictions = predictions
        self._board: Board | None = None  # that `_known` was admitted to
        self._known: dict[_Caller, datetime | None] = {}  # until when; None: as long as the plan

    def served(self, request: Request, name: str) -> Served:
        """Find a deployment; who may not ask is not told which exist.

        Raises:
            Denied: the caller may not ask.
            NotFound: no such deployment.
        """
        board = self._watcher.board
        if board is not self._board:
            self._board = board
            self._known.clear()
        served = board.by_name.get(name)
        if served is None:
            self._gate.admit(request.caller, board.plans.values(), self._predictions.now())
            return board.find(name)
        headers = request.headers
        caller = (
            served.project,
            headers.get(b"authorization"),
            headers.get(b"origin"),
            headers.get(b"host"),
        )
        until = self._known.get(caller, _STRANGER)
        if until is not None and self._predictions.now() >= until:
            plans = (board.plans[served.project],)
            until = self._gate.admit(request.caller, plans, self._predictions.now())
            if len(self._known) >= _CALLERS:
                self._known.clear()
            self._known[caller] = until
        return served

    def changeable(self, request: Request, name: str) -> Served:
        """Find a deployment whose answering the caller may end and begin.

        Raises:
            Denied: the caller may not.
            NotFound: no such deployment.
        """
        served = self.served(request, name)
        plans = (self._watcher.board.plans[served.project],)
        self._gate.admit_change(request.caller, plans, self._predictions.now())
        return served

    def anywhere(self, request: Request) -> None:
        """Go on only if one of the plans lets the caller in.

        Raises:
            Denied: none does.
        """
        plans = self._watcher.board.plans.values()
        self._gate.admit(request.caller, plans, self._predictions.now())


class Door:
    """Used from the event loop's thread."""

    def __init__(self, rooms: Sequence[Routes], refusals: Refusals, limits: Limits) -> None:
        self._rooms = rooms
        self._handlers: dict[tuple[str, str], Handler] = {}  # by method and path
        self._refusals = refusals
        self.limits = limits

    def answer(self, request: Request, done: Done) -> None:
        """Answer a request whose body is complete; `done` is called once, now or later."""
        headers = request.headers
        if b"accept-encoding" in headers:
            done = packing(request, done)
        try:
            if b"content-encoding" in headers:
                unpack(request, self.limits.body_bytes)
            handler = self._handlers.get((request.method, request.path)) or self._find(request)
            handler(request, done)
        except Exception as error:  # noqa: BLE001 - answered below, with an id
            # This is the predict server's HTTP door: a bug is answered with an id, and the other
            # callers of this process go on.
            done(self._refusals.reply(request, error))

    def before_body(self, request: Request) -> Reply | None:
        """Return a refusal that needs no body, or None: asked before a body is waited for."""
        if request.length_bytes > self.limits.body_bytes:
            return self._refusals.reply(request, TooLargeError())
        return None

    def refuse(self, request: Request, error: BaseException) -> Reply:
        """Return the reply to a request that a front could not read to its end."""
        return self._refusals.reply(request, error)

    def _find(self, request: Request) -> Handler:
        for room in self._rooms:
            if handler := room.find(request):
                if len(self._handlers) >= _PATHS:  # of deployments that somebody made up
                    self._handlers.clear()
                self._handlers[request.method, request.path] = handler
                return handler
        if others := self._other_methods(request):
            raise RefusedRequest(
                405,
                f"{request.method} is not answered at {request.path}",
                hint=f"send {' or '.join(others)}",
                headers=((b"allow", ", ".join(others).encode()),),
            )
        raise NotFound(
            f"nothing answers {request.method} /{'/'.join(request.segments)}",
            hint="POST /predict/<deployment> or /v2/models/<deployment>/infer",
        )

    def _other_methods(self, request: Request) -> list[str]:
        """Return the methods that would be answered at this address."""
        found: list[str] = []
        for method in _METHODS:
            asked = msgspec.structs.replace(request, method=method)
            if method != request.method and any(room.find(asked) for room in self._rooms):
                found.append(method)
        return found
