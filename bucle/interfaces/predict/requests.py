"""What comes to the model server and what goes back, whatever protocol carried it."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias
from urllib.parse import unquote

import msgspec

from bucle.base.codec import encode
from bucle.interfaces.predict.gate import Caller

JSON = b"application/json"
Headers: TypeAlias = Sequence[tuple[bytes, bytes]]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one request, one connection and all of them together may take."""

    body_bytes: int = 16 << 20  # also what a compressed body may expand to
    receive_s: float = 20.0  # for a body, from the end of its head
    head_bytes: int = 32 << 10
    headers: int = 100
    head_s: float = 10.0  # for a head, from its first byte
    idle_s: float = 75.0  # between two requests of a connection
    answer_s: float = 90.0  # for a handler: longer than any time that the models' rooms allow
    write_s: float = 30.0  # for a caller to take what was written to it
    linger_s: float = 2.0  # for a caller to read a last answer while it still sends
    pipelined: int = 16  # requests of one connection that are answered at the same time
    connections: int = 10_000  # fewer, where the system allows fewer open files
    bodies_bytes: int = 512 << 20  # of all bodies that are not complete yet


class TooLargeError(Exception):
    """The body is larger than `Limits.body_bytes`."""


class TooSlowError(Exception):
    """The body did not come within `Limits.receive_s`."""


class RefusedRequest(Exception):  # noqa: N818 - an answer, with its own status
    """A request that HTTP itself lets a server refuse."""

    def __init__(self, status: int, message: str, *, hint: str = "", headers: Headers = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.hint = hint
        self.headers = headers


class Request(msgspec.Struct):
    """One request; the body is complete when `Door.answer` gets it."""

    method: str
    path: str  # as it was sent, without the query
    query: str = ""
    headers: Mapping[bytes, bytes] = {}  # names in lower case; shared: never changed
    body: bytes = b""
    _segments: tuple[str, ...] | None = None  # None: not asked for yet
    _caller: Caller | None = None  # None: not asked for yet
    # What a front calls where the caller goes away before the answer; None: nothing waits.
    forget: Callable[[], object] | None = None

    @property
    def segments(self) -> tuple[str, ...]:
        """The parts of the path, decoded."""
        if self._segments is None:
            text = self.path.strip("/")
            parts = tuple(text.split("/")) if text else ()
            if "%" in text:
                parts = tuple(unquote(part) for part in parts)
            self._segments = parts
        return self._segments

    @property
    def caller(self) -> Caller:
        """What the headers say of who sends it."""
        if self._caller is None:
            shown = self.headers.get(b"authorization", b"")
            is_bearer = shown[:7].lower() == b"bearer "
            self._caller = Caller(
                bearer=shown[7:].strip().decode("latin-1") if is_bearer else "",
                origin=self.headers.get(b"origin", b"").decode("latin-1"),
                host=self.headers.get(b"host", b"").decode("latin-1"),
            )
        return self._caller

    @property
    def found(self) -> tuple[tuple[str, ...] | None, Caller | None]:
        """The segments and the caller, as far as somebody asked for them."""
        return self._segments, self._caller

    @property
    def routing_key(self) -> str:
        """The caller's key, by which the same variant answers again; "": none."""
        return self.headers.get(b"bucle-routing-key", b"").decode("latin-1")

    @property
    def length_bytes(self) -> int:
        """How long the body is said to be; -1: not said."""
        said = self.headers.get(b"content-length", b"")
        return int(said) if said.isdigit() else -1

    @property
    def is_v2(self) -> bool:
        """Whether the open protocol's own form of an error is expected."""
        return self.path == "/v2" or self.path.startswith("/v2/")


class Reply(msgspec.Struct, frozen=True, gc=False):
    """What goes back."""

    status: int
    body: bytes
    headers: Headers = ()
    content_type: bytes = JSON
    # Header lines that are ready, each with its CRLF: for who answers thousands a second with
    # the same ones, and knows that nothing which a caller sent is in them.
    lines: bytes = b""

    @property
    def all_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers, and the lines as headers."""
        ready = (line.partition(b": ") for line in self.lines.split(b"\r\n") if line)
        return [*self.headers, *((name, value) for name, _, value in ready)]


# Called once, from the event loop's thread: within `Door.answer` or after it has returned.
Done: TypeAlias = Callable[[Reply], None]
Handler: TypeAlias = Callable[[Request, Done], None]


def json_reply(status: int, value: object, headers: Headers = ()) -> Reply:
    """Return a value as JSON."""
    return Reply(status, encode(value), headers)
