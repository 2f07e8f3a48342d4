"""`Operation`: a verb made public, once.

The JSON API, its OpenAPI document, the SDK's client, the command line and the reference all
follow from these rows; none of them knows a verb by name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Generic, TypeVar

import msgspec

from bucle.base.errors import NotFound
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.interfaces.operations.rooms import ROOMS

Q = TypeVar("Q", bound=msgspec.Struct)
A = TypeVar("A")


def _always(_: object) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Operation(Generic[Q, A]):
    """One public verb.

    Exactly one of `run` and `work` is given.  `run` is called inside one transaction; `work`
    gets the session and opens its own short ones, because what it does in between (train,
    read a large file) must not hold the database.

    Attributes:
        name: `<room>.<verb>`; the command line says `bucle <room> <verb>`.
        permission: what the caller needs, in the session's project.
        method: the HTTP method; `GET` reads and takes its request from path and query.
        path: below `/api/v1/<project>`; `{field}` takes one percent-encoded segment.
        request: the record that the door decodes.
        response: the type that the door encodes.
        events: the facts that the verb may record; every writing verb has one.
        summary: one sentence, in English and in Spanish.
        reads_only: the verb changes nothing, although its request needs a body (`POST`).
        is_good: whether an answer is good news; where it is not, the command line shows it and
            leaves with the exit code of `Refused`, so that a script stops.
        positional: the request's fields that the command line takes without a flag, in order.
    """

    name: str
    permission: Permission
    method: str
    path: str
    request: type[Q]
    response: Any
    summary: str
    summary_es: str
    run: Callable[[Scope, Q], A] | None = None
    work: Callable[[Session, Q], A] | None = None
    events: tuple[str, ...] = ()
    positional: tuple[str, ...] = ()
    reads_only: bool = False
    is_good: Callable[[A], bool] = _always

    @property
    def room(self) -> str:
        """The part of the name before the dot."""
        return self.name.partition(".")[0]

    @property
    def verb(self) -> str:
        """The part of the name after the dot."""
        return self.name.partition(".")[2]

    @property
    def writes(self) -> bool:
        """Whether the verb changes anything."""
        return self.method != "GET" and not self.reads_only


AnyOperation = Operation[Any, Any]


def rows_of(room: str) -> tuple[AnyOperation, ...]:
    """Return one room's operations; its verbs are imported when they are asked for."""
    module = import_module(f"bucle.interfaces.operations.{room}")
    rows: tuple[AnyOperation, ...] = module.ROWS
    return rows


def all_rows() -> tuple[AnyOperation, ...]:
    """Return every operation of the house, by room."""
    return tuple(row for room in ROOMS for row in rows_of(room))


def find_row(name: str) -> AnyOperation | None:
    """Return an operation by its name, or None."""
    room = name.partition(".")[0]
    rows = rows_of(room) if room in ROOMS else ()
    return next((row for row in rows if row.name == name), None)


def row_named(name: str) -> AnyOperation:
    """Return an operation by its name.

    Raises:
        NotFound: there is no such operation.
    """
    if row := find_row(name):
        return row
    room = name.partition(".")[0]
    near = [row.name for row in rows_of(room)] if room in ROOMS else list(ROOMS)
    raise NotFound(f"there is no operation {name!r}", hint=f"one of: {', '.join(near)}")
