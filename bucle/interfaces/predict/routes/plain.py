"""Plain rows: `POST /predict/<deployment>`, and MLflow's `/invocations`, `/ping`, `/version`.

JSON and CSV come in and go out; a large table is read in a thread, so that others do not wait.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import msgspec

from bucle.base.errors import BucleError, Invalid
from bucle.base.version import __version__
from bucle.interfaces.predict.board import Served
from bucle.interfaces.predict.codec import Answer, Call
from bucle.interfaces.predict.door import Admission
from bucle.interfaces.predict.forms import csv, invocations, records
from bucle.interfaces.predict.overload import Overloaded
from bucle.interfaces.predict.refusals import Refusals
from bucle.interfaces.predict.requests import JSON, Done, Handler, Headers, Reply, Request
from bucle.interfaces.predict.routes.asking import telling, terms_of
from bucle.interfaces.predict.serve import Predictions
from bucle.interfaces.predict.tickets import Told
from bucle.interfaces.predict.watch import PlanWatcher
from bucle.lifecycle.registry import Field

T = TypeVar("T")

_SMALL_BYTES = 1 << 17  # reading so much takes a few milliseconds
_CSV = b"text/csv"
# MLflow's names of what went wrong, beside our own.
_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    429: "RESOURCE_EXHAUSTED",
    503: "TEMPORARILY_UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class PlainRoutes:
    """Handlers of plain rows."""

    def __init__(
        self,
        *,
        predictions: Predictions,
        watcher: PlanWatcher,
        admission: Admission,
        refusals: Refusals,
    ) -> None:
        self._predictions = predictions
        self._watcher = watcher
        self._admission = admission
        self._refusals = refusals

    def find(self, request: Request) -> Handler | None:
        """Return what answers this method and path, or None."""
        match (request.method, *request.segments):
            case ("POST", "predict", name):
                return lambda asked, done: self._predict(asked, done, name)
            case ("POST", "invocations", name):
                return lambda asked, done: self._invoke(asked, done, name)
            case ("POST", "invocations"):
                return lambda asked, done: self._invoke(asked, done, "")
            case ("GET" | "HEAD", "ping"):
                return self._ping
            case ("GET" | "HEAD", "version"):
                return lambda _, done: done(Reply(200, f"{__version__}\n".encode()))
        return None

    def _predict(self, request: Request, done: Done, name: str) -> None:
        served = self._admission.served(request, name)
        self._refuse_if_full(served)
        if wants_csv(request):
            told = self._telling(request, done, csv.encode_csv, csv.TYPE)
        else:
            told = self._telling(request, done, records.encode_records)
        if len(request.body) < _SMALL_BYTES:
            self._submit(request, served, decode_rows(request, served), told)
            return
        self._beside(request, done, lambda: decode_rows(request, served),
                     lambda call: self._submit(request, served, call, told))  # fmt: skip

    def _invoke(self, request: Request, done: Done, name: str) -> None:
        def coded(reply: Reply) -> None:
            done(_coded(reply))

        def go(asked: invocations.Invocation) -> None:
            form = partial(_predictions, asked)
            told = telling(self._refusals, request, coded, form, JSON)
            self._submit(request, served, asked.call, told)

        try:
            served = self._admission.served(request, name or self._only(request))
            self._refuse_if_full(served)
            if len(request.body) < _SMALL_BYTES:
                go(_invocation(request, served))
            else:
                self._beside(request, coded, lambda: _invocation(request, served), go)
        except (BucleError, Overloaded) as error:  # in MLflow's words, too
            coded(self._refusals.reply(request, error))

    def _telling(
        self,
        request: Request,
        done: Done,
        encode: Callable[[Answer], bytes],
        content_type: bytes = JSON,
    ) -> Told:
        return telling(
            self._refusals, request, done, lambda answer: (encode(answer), ()), content_type
        )

    def _refuse_if_full(self, served: Served) -> None:
        """Refuse before the body is read, where it is known who would answer."""
        if len(served.loaded) == 1:
            self._predictions.refuse_if_full(served, served.loaded[0])

    def _submit(self, request: Request, served: Served, call: Call, told: Told) -> None:
        loaded = self._predictions.variant(served, request.routing_key or call.routing_key)
        terms = terms_of(request)
        request.forget = self._predictions.submit(served, loaded, call, told, terms).forget

    def _beside(
        self, request: Request, done: Done, read: Callable[[], T], go: Callable[[T], None]
    ) -> None:
        """Read a large body in a thread, and go on here."""

        def finish(reading: "asyncio.Future[T]") -> None:
            if reading.cancelled():
                return
            if (error := reading.exception()) is not None:
                done(self._refusals.reply(request, error))
                return
            try:
                go(reading.result())
            except (BucleError, Overloaded) as refusal:
                done(self._refusals.reply(request, refusal))

        reading = asyncio.get_running_loop().run_in_executor(None, read)
        reading.add_done_callback(finish)

    def _only(self, request: Request) -> str:
        """Return the name of the deployment where one is served.

        Raises:
            Invalid: none or several are.
        """
        self._admission.anywhere(request)
        served = self._watcher.board.served
        if len(served) != 1:
            names = [f"{one.project}.{one.name}" for one in served]
            raise Invalid(
                f"{len(served)} deployments are served here, and the address names none",
                hint=f"POST /invocations/{names[0] if names else '<deployment>'}",
            )
        return f"{served[0].project}.{served[0].name}"

    def _ping(self, _: Request, done: Done) -> None:
        board = self._watcher.board
        is_ready = bool(board.served) and all(one.loaded for one in board.served)
        done(Reply(200 if is_ready else 503, b"\n"))


def decode_rows(request: Request, served: Served) -> Call:
    """Read the rows of a request, in the form that its headers say.

    Raises:
        Invalid: they are not understood; the place is named.
    """
    if is_csv(request):
        _check_charset(request)
        return csv.decode_csv(request.body, fields_of(served))
    return records.decode_records(request.body)


def fields_of(served: Served) -> tuple[Field, ...]:
    """Return the columns that a deployment's variants take."""
    return served.loaded[0].engine.inputs if served.loaded else ()


def is_csv(request: Request) -> bool:
    """Tell whether the body is CSV; anything else is read as JSON, as curl sends it unnamed."""
    return request.headers.get(b"content-type", b"")[:8].lower() == _CSV


def wants_csv(request: Request) -> bool:
    """Tell whether the caller prefers CSV to JSON."""
    accepted = request.headers.get(b"accept", b"").lower()
    first = accepted.partition(b",")[0].partition(b";")[0].strip()
    return first == _CSV or (
        _CSV in accepted and b"json" not in accepted and b"*/*" not in accepted
    )


def _check_charset(request: Request) -> None:
    kind = request.headers.get(b"content-type", b"").decode("latin-1").lower()
    charset = kind.partition("charset=")[2].strip(' "').partition(";")[0].strip('" ')
    if charset not in {"", "utf-8", "utf8", "us-ascii"}:
        raise Invalid(
            f"the charset {charset!r} is not read here",
            hint="send UTF-8: -H 'content-type: text/csv; charset=utf-8'",
        )


def _invocation(request: Request, served: Served) -> invocations.Invocation:
    if is_csv(request):
        return invocations.Invocation(decode_rows(request, served), (), ())
    return invocations.decode_invocation(request.body, fields_of(served))


def _predictions(asked: invocations.Invocation, answer: Answer) -> tuple[bytes, Headers]:
    body = invocations.encode_predictions(answer, asked.wanted)
    if not asked.ignored:
        return body, ()
    names = msgspec.json.encode(asked.ignored)  # a header must hold no line break that was sent
    return body, ((b"bucle-ignored-params", names.decode().encode("ascii", "replace")),)


def _coded(reply: Reply) -> Reply:
    """Say what went wrong in MLflow's words, too."""
    if reply.status == 200:  # noqa: PLR2004 - HTTP
        return reply
    told = msgspec.json.decode(reply.body)
    told["error_code"] = _CODES.get(reply.status, "INTERNAL_ERROR")
    return msgspec.structs.replace(reply, body=msgspec.json.encode(told))
