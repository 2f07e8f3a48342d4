"""Errors as replies: in the open protocol's form under `/v2`, in the house's form elsewhere."""

import asyncio
import logging
import secrets
from collections.abc import Coroutine
from time import monotonic

from bucle.base.codec import encode
from bucle.base.errors import BucleError, Denied
from bucle.interfaces.http.problem import problem_of, status_of
from bucle.interfaces.predict.metrics import Metrics
from bucle.interfaces.predict.overload import Overloaded
from bucle.interfaces.predict.requests import (
    Done,
    Headers,
    Limits,
    RefusedRequest,
    Reply,
    Request,
    TooLargeError,
    TooSlowError,
    json_reply,
)
from bucle.interfaces.predict.serve import headers_of
from bucle.interfaces.predict.tickets import FailedPrediction
from bucle.interfaces.predict.watch import PlanWatcher

_LOG = logging.getLogger("bucle.predict")

_TOLD_EVERY_S = 1.0
# How refusals of HTTP itself are named, which are no errors of the house.
_NAMES = {405: "NotFound", 501: "NotInstalled", 503: "Unavailable", 504: "Unavailable"}


class Refusals:
    """Turns errors into replies and counts them."""

    def __init__(self, watcher: PlanWatcher, metrics: Metrics, limits: Limits) -> None:
        self._watcher = watcher
        self._metrics = metrics
        self._limits = limits
        self._told_at: dict[int, float] = {}  # by status
        self._untold = 0
        self._tasks: set[asyncio.Task[Reply]] = set()  # kept: a task that nobody holds may vanish

    def start(self, request: Request, done: Done, work: Coroutine[object, object, Reply]) -> None:
        """Run what takes several steps of the event loop, and give its reply or its refusal."""

        def finish(task: asyncio.Task[Reply]) -> None:
            self._tasks.discard(task)
            if task.cancelled():
                return
            error = task.exception()
            done(task.result() if error is None else self.reply(request, error))

        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(finish)

    def reply(self, request: Request, error: BaseException) -> Reply:
        """Return what is said of an error; a bug is logged under an id, which is said too."""
        match error:
            case BucleError():
                return self._refuse(request, _status(error, request), error.message, error)
            case RefusedRequest():
                return self._refuse(request, error.status, error.message, error, error.headers)
            case Overloaded():
                return self._put_off(request, error)
            case FailedPrediction():
                return self._refuse(request, 500, error.message, None, headers_of(error.answer))
            case TooLargeError() | TooSlowError() | TimeoutError():
                return self._refuse(request, *self._limit(error))
        number = secrets.token_hex(6)
        _LOG.error("%s %s: bug %s", request.method, request.path, number, exc_info=error)
        return self._refuse(request, 500, f"this is a bug; the server's log has it as {number}")

    def _limit(self, error: BaseException) -> tuple[int, str]:
        """Return the status and the sentence of what was too large or too slow."""
        if isinstance(error, TooLargeError):
            return 413, f"the body is larger than {self._limits.body_bytes} bytes"
        if isinstance(error, TooSlowError):
            return 408, f"the body did not come within {self._limits.receive_s:g} s"
        return 504, "the model did not answer in time"

    def _tell(self, request: Request, status: int, message: str) -> None:
        """Log what is not the caller's fault: of a status at most one line a second."""
        now = monotonic()
        if now - self._told_at.get(status, -_TOLD_EVERY_S) < _TOLD_EVERY_S:
            self._untold += 1
            return
        more = f" (and {self._untold} more like it)" if self._untold else ""
        self._told_at[status], self._untold = now, 0
        _LOG.error("%s %s: %s%s", request.method, request.path, message, more)

    def _put_off(self, request: Request, error: Overloaded) -> Reply:
        """Say when to ask again; cheaply, and not in the log: there will be many of these."""
        wait = str(error.retry_after_s)
        told = f"{error.message}; ask again in {wait} s"
        headers = ((b"retry-after", wait.encode()),)
        self._metrics.refuse(self._named(request), error.status)
        if request.is_v2:
            return json_reply(error.status, {"error": told}, headers)
        return json_reply(
            error.status, {"error": "Unavailable", "message": error.message, "hint": ""}, headers
        )

    def _named(self, request: Request) -> str:
        """Return the deployment that a request names; "": none that there is."""
        board = self._watcher.board
        return next((part for part in request.segments if part in board.by_name), "")

    def _refuse(
        self,
        request: Request,
        status: int,
        message: str,
        error: BucleError | RefusedRequest | None = None,
        headers: Headers = (),
    ) -> Reply:
        self._metrics.refuse(self._named(request), status)
        if status >= 500:  # noqa: PLR2004 - not the caller's fault
            self._tell(request, status, message)
        if status == 401:  # noqa: PLR2004 - HTTP
            headers = (*headers, (b"www-authenticate", b'Bearer realm="bucle"'))
        if request.is_v2:
            hint = f" ({error.hint})" if error and error.hint else ""
            return json_reply(status, {"error": f"{message}{hint}"}, headers)
        if isinstance(error, BucleError):
            return Reply(status, encode(problem_of(error)), headers)
        name = _NAMES.get(status, "Bug" if status >= 500 else "Invalid")  # noqa: PLR2004 - HTTP
        hint = error.hint if error else ""
        return json_reply(status, {"error": name, "message": message, "hint": hint}, headers)


def _status(error: BucleError, request: Request) -> int:
    if isinstance(error, Denied) and not request.caller.bearer:
        return 401
    return status_of(error)
