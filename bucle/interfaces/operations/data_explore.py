"""The verbs of exploring: questions in SQL, drift between versions, reports, decisions on data."""

from typing import Annotated, Literal

import msgspec

from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle import data

_Rows = Annotated[int, msgspec.Meta(ge=1, le=10_000, description="how many rows are shown")]
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=3_600, description="how long it may run")]
_Column = Annotated[str, msgspec.Meta(description="a column")]
_AtLeast0 = Annotated[float, msgspec.Meta(ge=0)]


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A `SELECT` whose tables are dataset versions: `trips`, `trips@3`, `"my data"@golden`."""

    sql: str
    format: Literal["", "parquet", "arrow", "csv", "json"] = ""  # "": no file of all rows
    limit: _Rows = 100
    timeout: _Seconds = 60.0


class Derive(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset, and the `SELECT` whose answer is to be its next version."""

    name: str
    sql: str
    message: str = ""  # "": the statement
    mode: Literal["replace", "append"] = "replace"
    if_head: str | None = None  # None: upon whatever is the head
    branch: str = "main"
    timeout: _Seconds = 600.0


class Explore(msgspec.Struct, frozen=True, kw_only=True):
    """A version, and what to look at besides its columns."""

    ref: str
    target: _Column = ""  # "": nothing is to be predicted
    time: _Column = ""  # "": the declared one
    created: _Column = ""  # says when a row became known; "": none does
    against: str = ""  # a version to compare with; "": none
    max_psi: _AtLeast0 = 0.2  # how far a column may have moved
    max_missing: _AtLeast0 = 0.05  # by how much of the rows what is missing may have changed


class Compare(msgspec.Struct, frozen=True, kw_only=True):
    """Two versions (of one dataset or of two), and how far they may be apart."""

    left: str
    right: str
    max_psi: _AtLeast0 = 0.2
    max_missing: _AtLeast0 = 0.05


class Decide(msgspec.Struct, frozen=True, kw_only=True):
    """A version, and what is decided on it."""

    ref: str
    decision: Literal["go", "conditional", "no-go"]
    reason: Annotated[tuple[str, ...], msgspec.Meta(description="why; several may be given")]
    condition: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="when, who: what, as '2026-12-15 ana: label the rest'"),
    ] = ()


class OfVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset, or its version of a number, tag, branch, time or digest: `trips@3`."""

    ref: str


def _ask(session: Session, q: Ask) -> data.Answer:
    question = data.Question(sql=q.sql, format=q.format, limit=q.limit, timeout_s=q.timeout)
    return data.ask(session, question)


def _derive(session: Session, q: Derive) -> data.DatasetVersion:
    return data.derive(
        session,
        data.Derivation(
            name=q.name,
            sql=q.sql,
            message=q.message,
            mode=q.mode,
            if_head=q.if_head,
            branch=q.branch,
            timeout_s=q.timeout,
        ),
    )


def _explore(session: Session, q: Explore) -> data.Exploration:
    wish = data.Wish(
        target=q.target, time=q.time, created=q.created, against=q.against,
        max_psi=q.max_psi, max_missing=q.max_missing,
    )  # fmt: skip
    return data.explore(session, q.ref, wish)


def _drift(session: Session, q: Compare) -> data.Drift:
    return data.drift(session, q.left, q.right, max_psi=q.max_psi, max_missing=q.max_missing)


def _decide(scope: Scope, q: Decide) -> data.DataDecision:
    conditions = [data.condition_of(text) for text in q.condition]
    return data.decide(scope, q.ref, q.decision, reasons=q.reason, conditions=conditions)


_ASKING: tuple[AnyOperation, ...] = (
    Operation(
        name="data.sql",
        permission=Permission.DATASET_READ,
        method="POST",
        path="/sql",
        request=Ask,
        response=data.Answer,
        work=_ask,
        reads_only=True,
        positional=("sql",),
        summary="Ask dataset versions in SQL; the answer as rows, or as a file of all of them.",
        summary_es="Pregunta en SQL a versiones de datos; responde con filas o con un fichero.",
    ),
    Operation(
        name="data.derive",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/datasets/{name}/derive",
        request=Derive,
        response=data.DatasetVersion,
        work=_derive,
        events=("dataset.committed", "dataset.branch_committed", "dataset.refused"),
        positional=("name", "sql"),
        summary="Make the answer of a SQL statement the next version of a dataset.",
        summary_es="Hace de la respuesta de una sentencia SQL la versión siguiente de unos datos.",
    ),
)

_LOOKING: tuple[AnyOperation, ...] = (
    Operation(
        name="data.explore",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/datasets/{ref}/exploration",
        request=Explore,
        response=data.Exploration,
        work=_explore,
        positional=("ref",),
        summary="Look at a version: what stops a project first, then columns, relations, time.",
        summary_es="Mira una versión: primero lo que detiene un proyecto, luego columnas y tiempo.",
    ),
    Operation(
        name="data.drift",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/drift/{left}/{right}",
        request=Compare,
        response=data.Drift,
        work=_drift,
        positional=("left", "right"),
        is_good=lambda drift: drift.ok,
        summary="Tell how far the columns of two versions moved, and whether that is too far.",
        summary_es="Dice cuánto se movieron las columnas entre dos versiones, y si es demasiado.",
    ),
)

_DECIDING: tuple[AnyOperation, ...] = (
    Operation(
        name="data.decide",
        permission=Permission.DATASET_APPROVE,
        method="POST",
        path="/datasets/{ref}/decisions",
        request=Decide,
        response=data.DataDecision,
        run=_decide,
        events=("dataset.decided",),
        positional=("ref",),
        summary="Decide go, conditional or no-go on a version, signed and for ever.",
        summary_es="Decide sí, con condiciones o no sobre una versión, firmado y para siempre.",
    ),
    Operation(
        name="data.decisions",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/datasets/{ref}/decisions",
        request=OfVersion,
        response=tuple[data.CheckedDecision, ...],
        run=lambda scope, q: data.list_decisions(scope, q.ref),
        positional=("ref",),
        is_good=lambda found: all(one.ok for one in found),
        summary="List what was decided on a dataset or a version; each signature is verified.",
        summary_es="Lista lo decidido sobre unos datos o una versión; verifica cada firma.",
    ),
    Operation(
        name="data.readiness",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/datasets/{ref}/readiness",
        request=OfVersion,
        response=data.Readiness,
        run=lambda scope, q: data.decision_of(scope, q.ref),
        positional=("ref",),
        is_good=lambda found: found.ok,
        summary="Tell whether a model may be trained on a version, by what was decided.",
        summary_es="Dice si se puede entrenar con una versión, según lo decidido.",
    ),
)

ROWS: tuple[AnyOperation, ...] = (*_ASKING, *_LOOKING, *_DECIDING)
