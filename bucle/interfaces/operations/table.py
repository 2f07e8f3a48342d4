"""`Operation`: a verb made public, once.

The JSON API, its OpenAPI document, the SDK's client, the command line and the reference all
follow from these rows; none of them knows a verb by name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Generic, TypeVar

import msgspec

from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session

Q = TypeVar("Q", bound=msgspec.Struct)
A = TypeVar("A")


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
        return self.method != "GET"


AnyOperation = Operation[Any, Any]

# Each room's rows are imported when they are asked for, so that `bucle --help` stays quick.
# The sentences are what the command line says of a room.
ROOMS: dict[str, tuple[str, str]] = {
    "access": ("Who may do what: principals, roles, tokens", "Quién puede hacer qué"),
    "audit": ("What happened, in a chain that shows tampering", "Qué pasó, a prueba de retoques"),
    "lineage": ("What came from what", "Qué salió de qué"),
    "cost": ("What everything used and cost", "Qué usó y costó cada cosa"),
    "charter": ("The business problem of the project", "El problema de negocio del proyecto"),
    "data": ("Dataset versions: commit, read, validate", "Versiones de datos"),
    "tracking": ("Runs: parameters, metrics, artifacts", "Ejecuciones y sus métricas"),
    "features": ("Features: training sets and online rows", "Características"),
    "pipelines": ("Pipelines: run, resume, inspect", "Flujos: ejecutar, reanudar, mirar"),
    "tuning": ("Searches over algorithms and parameters", "Búsqueda de algoritmos y parámetros"),
    "registry": ("Models: versions, gates, aliases", "Modelos: versiones, controles, alias"),
    "serving": ("Deployments: what is served and to whom", "Despliegues: qué se sirve y a quién"),
    "monitoring": ("What was served, watched", "Lo servido, vigilado"),
    "feedback": ("Labels and corrections", "Etiquetas y correcciones"),
    "control": ("Jobs, triggers, plan and apply", "Trabajos, disparadores, plan y aplicación"),
}


def rows_of(room: str) -> tuple[AnyOperation, ...]:
    """Return one room's operations."""
    module = import_module(f"bucle.interfaces.operations.{room}")
    rows: tuple[AnyOperation, ...] = module.ROWS
    return rows


def all_rows() -> tuple[AnyOperation, ...]:
    """Return every operation of the house, by room."""
    return tuple(row for room in ROOMS for row in rows_of(room))


def row_named(name: str) -> AnyOperation:
    """Return an operation by its name.

    Raises:
        KeyError: there is no such operation; doors look names up only in the table.
    """
    return next_named(rows_of(name.partition(".")[0]), name)


def next_named(rows: tuple[AnyOperation, ...], name: str) -> AnyOperation:
    """Return the row of that name."""
    for row in rows:
        if row.name == name:
            return row
    raise KeyError(name)
