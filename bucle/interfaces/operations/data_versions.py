"""The verbs of changing versions: by key, in branches, and merged."""

import msgspec

from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.interfaces.operations.fields import Upload
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle import data


class ChangeRows(msgspec.Struct, frozen=True, kw_only=True):
    """Files of rows, or of keys, by which the next version differs from the newest."""

    name: str
    files: tuple[Upload, ...]
    format: str = ""  # "": what the first file's name ends in
    message: str = ""
    if_head: str | None = None  # None: upon whatever is the head
    branch: str = "main"


class StartBranch(msgspec.Struct, frozen=True, kw_only=True):
    """A version, and the branch that is to start there."""

    ref: str
    branch: str


class BranchesOf(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset."""

    name: str


class MergeBranch(msgspec.Struct, frozen=True, kw_only=True):
    """A branch of a dataset, and the one to bring it into."""

    name: str
    branch: str
    into: str = "main"
    message: str = ""


def _upsert(session: Session, q: ChangeRows) -> data.DatasetVersion:
    return data.upsert(session, _wish(q))


def _delete(session: Session, q: ChangeRows) -> data.DatasetVersion:
    return data.delete(session, _wish(q))


def _wish(q: ChangeRows) -> data.Commit:
    return data.Commit(
        name=q.name,
        files=tuple(file.digest for file in q.files),
        names=tuple(file.name or f"file {place}" for place, file in enumerate(q.files, start=1)),
        format=q.format or data.format_of(q.files[0].name if q.files else ""),
        message=q.message,
        if_head=q.if_head,
        branch=q.branch,
    )


def _merge(session: Session, q: MergeBranch) -> data.DatasetVersion:
    return data.merge(session, q.name, q.branch, into=q.into, message=q.message)


_COMMITTED = ("dataset.committed", "dataset.branch_committed", "dataset.refused")


ROWS: tuple[AnyOperation, ...] = (
    Operation(
        name="data.upsert",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/datasets/{name}/upserts",
        request=ChangeRows,
        response=data.DatasetVersion,
        work=_upsert,
        events=_COMMITTED,
        positional=("name", "files"),
        summary="Put rows in place of those that have their keys, and add the rest.",
        summary_es="Pone filas en lugar de las que tienen su clave y añade las demás.",
    ),
    Operation(
        name="data.delete",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/datasets/{name}/deletions",
        request=ChangeRows,
        response=data.DatasetVersion,
        work=_delete,
        events=_COMMITTED,
        positional=("name", "files"),
        summary="Take out the rows whose keys are in files; older versions keep them.",
        summary_es="Quita las filas cuya clave está en ficheros; las versiones viejas las guardan.",
    ),
    Operation(
        name="data.branch",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/datasets/{ref}/branch",
        request=StartBranch,
        response=data.Branch,
        run=lambda scope, q: data.branch(scope, q.ref, q.branch),
        events=("dataset.branched",),
        positional=("ref", "branch"),
        summary="Start a branch at a version; nothing is copied.",
        summary_es="Abre una rama en una versión; no se copia nada.",
    ),
    Operation(
        name="data.branches",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/datasets/{name}/branches",
        request=BranchesOf,
        response=tuple[data.Branch, ...],
        run=lambda scope, q: data.list_branches(scope, q.name),
        positional=("name",),
        summary="List the branches of a dataset, main first.",
        summary_es="Lista las ramas de un conjunto de datos, la principal primero.",
    ),
    Operation(
        name="data.merge",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/datasets/{name}/merges",
        request=MergeBranch,
        response=data.DatasetVersion,
        work=_merge,
        events=_COMMITTED,
        positional=("name", "branch"),
        summary="Merge a branch: take it over, or join by key; conflicts are named.",
        summary_es="Fusiona una rama: la toma entera o por clave, y nombra los conflictos.",
    ),
)
