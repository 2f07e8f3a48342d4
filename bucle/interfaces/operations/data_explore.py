"""The verbs of exploring: questions in SQL, drift between versions, reports, decisions on data."""

from typing import Annotated, Literal

import msgspec

from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle import data

_Rows = Annotated[int, msgspec.Meta(ge=1, le=10_000, description="how many rows are shown")]
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=3_600, description="how long it may run")]


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

ROWS: tuple[AnyOperation, ...] = (*_ASKING,)
