"""The verbs of rows that were set apart, and of expectations that are proposed."""

from typing import Annotated, Literal

import msgspec

from bucle.base.page import Page
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.interfaces.operations import masking
from bucle.interfaces.operations.fields import Limit, Upload
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle import data

_Number = Annotated[
    int, msgspec.Meta(ge=0, description="which of the dataset's quarantines; 0: the newest")
]
_Rows = Annotated[int, msgspec.Meta(ge=1, le=10_000, description="how many at most")]


class ListQuarantines(msgspec.Struct, frozen=True, kw_only=True):
    """A page of what commits to a dataset set apart."""

    name: str
    limit: Limit = 50
    token: str | None = None  # None: the newest


class QuarantineOf(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset's quarantine, and how many of its rows to read."""

    name: str
    number: _Number = 0
    limit: _Rows = 100


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset's quarantine, and the corrected rows; without files, the rows as they are."""

    name: str
    number: _Number = 0
    files: tuple[Upload, ...] = ()
    format: Literal["", "parquet", "csv", "json", "arrow", "excel"] = (
        ""  # "": what the file's name ends in
    )
    message: str = ""


class ProposeFor(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset, or its version of a number, tag, time or digest."""

    ref: str


def _replay(session: Session, q: Replay) -> data.DatasetVersion:
    wish = data.Commit(
        name=q.name,
        files=tuple(file.digest for file in q.files),
        names=tuple(file.name or f"file {place}" for place, file in enumerate(q.files, start=1)),
        format=q.format or (data.format_of(q.files[0].name) if q.files else "parquet"),
        mode="append",
        message=q.message,
    )
    return data.replay(session, wish, q.number)


ROWS: tuple[AnyOperation, ...] = (
    Operation(
        name="data.quarantines",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/datasets/{name}/quarantines",
        request=ListQuarantines,
        response=Page[data.Quarantine],
        run=lambda scope, q: data.list_quarantines(scope, q.name, limit=q.limit, token=q.token),
        positional=("name",),
        summary="List what commits to a dataset set apart, newest first.",
        summary_es="Lista lo que apartaron las confirmaciones de un conjunto, lo último primero.",
    ),
    Operation(
        name="data.quarantined",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/datasets/{name}/quarantines/{number}",
        request=QuarantineOf,
        response=data.QuarantinedRows,
        work=lambda session, q: masking.quarantined(session, q.name, q.number, limit=q.limit),
        positional=("name", "number"),
        summary="Read rows and lines that were set apart, each with what it breaks.",
        summary_es="Lee filas y líneas apartadas, cada una con lo que incumple.",
    ),
    Operation(
        name="data.replay",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/datasets/{name}/quarantines/{number}/replay",
        request=Replay,
        response=data.DatasetVersion,
        work=_replay,
        events=(
            "dataset.committed", "dataset.quarantined", "dataset.refused", "dataset.replayed",
        ),
        positional=("name", "number", "files"),
        summary="Append rows that were set apart, as they are or corrected in files.",
        summary_es="Añade las filas apartadas, tal cual o corregidas en ficheros.",
    ),
    Operation(
        name="data.propose",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/datasets/{ref}/proposal",
        request=ProposeFor,
        response=data.DatasetSpec,
        work=lambda session, q: masking.proposal(session, q.ref),
        positional=("ref",),
        summary="Propose expectations that a version fulfils, to be declared.",
        summary_es="Propone lo que se puede esperar según una versión, para declararlo.",
    ),
)  # fmt: skip
