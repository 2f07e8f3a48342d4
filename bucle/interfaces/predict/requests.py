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
    """What one request may take."""

    body_bytes: int = 16 << 20
    receive_s: float = 20.0


class TooLargeError(Exception):
    """The body is larger than `Limits.body_bytes`."""


class TooSlowError(Exception):
    """The body did not come within `Limits.receive_s`."""


class Request(msgspec.Struct):
    """One request; the body is complete when `Door.answer` gets it."""

    method: str
    path: str  # as it was sent, without the query
    query: str = ""
    headers: Mapping[bytes, bytes] = {}  # names in lower case
    body: bytes = b""
    _segments: tuple[str, ...] | None = None  # None: not asked for yet

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
        shown = self.headers.get(b"authorization", b"")
        is_bearer = shown[:7].lower() == b"bearer "
        return Caller(
            bearer=shown[7:].strip().decode("latin-1") if is_bearer else "",
            origin=self.headers.get(b"origin", b"").decode("latin-1"),
            host=self.headers.get(b"host", b"").decode("latin-1"),
        )

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


class Reply(msgspec.Struct, frozen=True):
    """What goes back."""

    status: int
    body: bytes
    headers: Headers = ()
    content_type: bytes = JSON


# Called once, from the event loop's thread: within `Door.answer` or after it has returned.
Done: TypeAlias = Callable[[Reply], None]
Handler: TypeAlias = Callable[[Request, Done], None]


def json_reply(status: int, value: object, headers: Headers = ()) -> Reply:
    """Return a value as JSON."""
    return Reply(status, encode(value), headers)
