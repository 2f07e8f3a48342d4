"""The verbs of data."""

from typing import Annotated, Any, Literal

import msgspec

from bucle.base.errors import Invalid
from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.interfaces.operations import (
    data_catalog,
    data_contracts,
    data_explore,
    data_files,
    data_labels,
    data_quality,
    data_reindex,
    data_retention,
    data_sources,
    data_suites,
    data_usage,
    data_versions,
    masking,
)
from bucle.interfaces.operations.fields import Limit, Upload
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle import data

Format = Literal["", "parquet", "csv", "json", "arrow", "excel"]
Mode = Literal["replace", "append"]
Quote = Annotated[
    Literal["", "yes", "no"],
    msgspec.Meta(description='CSV: whether " quotes texts; left out: unless that is unclear'),
]
Names = Annotated[
    tuple[str, ...], msgspec.Meta(description="CSV without a header: the names of its columns")
]
Lines = Annotated[
    Literal["fail", "quarantine"],
    msgspec.Meta(description="what becomes of lines of a text or sheet that are no rows"),
]
Kind = Annotated[
    Literal["", "table", "files"],
    msgspec.Meta(
        description="rows, or files that stay files; left out: files if a folder is given"
    ),
]
Sheet = Annotated[str, msgspec.Meta(description="Excel: which sheet; left out: the only one")]
HeaderRow = Annotated[int, msgspec.Meta(ge=1, description="Excel: the row that names the columns")]
_Rows = Annotated[int, msgspec.Meta(ge=1, le=10_000, description="how many at most")]


class CommitFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Files to make the next version of: rows of a table, or files that stay files.

    The pages of `tree` list such files, each of which lies in a pack; the client and the command
    line make them of folders.
    """

    name: str
    files: tuple[Upload, ...] = ()
    format: Format = ""  # "": what the first file's name ends in
    mode: Mode = "replace"
    message: str = ""
    if_head: str | None = None  # None: upon whatever is the head
    evolve: bool = False
    quote: Quote = ""
    columns: Names = ()
    lines: Lines = "fail"
    sheet: Sheet = ""
    header_row: HeaderRow = 1
    branch: str = "main"
    kind: Kind = ""
    tree: tuple[str, ...] = ()


class CheckFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Files to judge; without any, the newest version."""

    name: str
    files: tuple[Upload, ...] = ()
    format: Format = ""
    mode: Mode = "replace"
    quote: Quote = ""
    columns: Names = ()
    lines: Lines = "fail"
    sheet: Sheet = ""
    header_row: HeaderRow = 1


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset, or its version of a number, tag, branch, time or digest: `trips@3`."""

    ref: str


class Tag(msgspec.Struct, frozen=True, kw_only=True):
    """A version and the tag to put on it."""

    ref: str
    tag: str


class List(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the datasets."""

    limit: Limit = 100
    token: str | None = None  # None: the first page


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a dataset's versions."""

    name: str
    limit: Limit = 50
    token: str | None = None  # None: the newest
    branch: str = "main"


class ReadRows(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows of a version; whole versions are read by their files."""

    ref: str
    columns: tuple[str, ...] = ()  # (): all
    where: str = ""  # SQL, such as "fare > 5"
    limit: _Rows = 100


class Compare(msgspec.Struct, frozen=True, kw_only=True):
    """Two versions of one dataset."""

    left: str
    right: str


class SplitVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version and its split: the shares that fit and that select; what is left confirms.

    `by` is a column whose equal values stay together, `time` one by which the newest confirm;
    `stratify` are columns each of whose classes is in each part by its share.
    """

    ref: str
    name: str
    fit: float = 0.6
    select: float = 0.2
    by: str = ""
    time: str = ""
    seed: int = 0
    stratify: tuple[str, ...] = ()
    key: tuple[str, ...] = ()  # (): the dataset's


class SplitOf(msgspec.Struct, frozen=True, kw_only=True):
    """A split, as `holdout@3`, or `holdout` for that of the newest version."""

    ref: str


class PartOf(msgspec.Struct, frozen=True, kw_only=True):
    """A split and one of its parts that anybody may read."""

    ref: str
    part: Literal["fit", "select", "confirm"]


class LookAt(msgspec.Struct, frozen=True, kw_only=True):
    """A split whose confirming part is to be read, and what for."""

    ref: str
    purpose: str


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows of a version."""

    version: Ref
    total: int  # rows of the version
    rows: list[dict[str, Any]]


def _declare(scope: Scope, q: data.DatasetSpec) -> data.DatasetSpec:
    """Declare a dataset; where nothing is said of its source, that stays (see `data.unsource`)."""
    before = data.find_spec(scope, q.name)
    if q.source is None and before is not None:
        q = msgspec.structs.replace(q, source=before.source)
    return data.declare(scope, q)


def _commit(session: Session, q: CommitFiles) -> data.DatasetVersion:
    if not q.files and not q.tree:
        raise Invalid(
            f"no files to commit to dataset:{q.name}", hint="name at least one file, or a folder"
        )
    if q.kind == "files" or q.tree:
        _require_no_table(q)
        return data.commit_tree(
            session,
            data.Commit(
                name=q.name,
                files=q.tree or data.pack_files(session, q.name, _named(q.files)),
                mode=q.mode,
                message=q.message,
                if_head=q.if_head,
                branch=q.branch,
            ),
        )
    wish = _wish(q, message=q.message, if_head=q.if_head, evolve=q.evolve)
    return data.commit(session, msgspec.structs.replace(wish, branch=q.branch))


def _check(session: Session, q: CheckFiles) -> data.CheckReport:
    judge = data.check_files(session, _wish(q)) if q.files else None
    found = judge or data.check_version(session, q.name)
    return masking.report(session, q.name, found)


def _require_no_table(q: CommitFiles) -> None:
    given = {
        "format": q.format, "evolve": q.evolve, "quote": q.quote, "columns": q.columns,
        "lines": q.lines != "fail",
    }  # fmt: skip
    if said := [name for name, value in given.items() if value]:
        raise Invalid(
            f"{said[0]!r} speaks of a table, and dataset:{q.name} is to be one of files",
            hint="leave it out, or commit with kind=table",
        )


def _named(files: tuple[Upload, ...]) -> dict[str, str]:
    return {file.name or file.digest: file.digest for file in files}


def _wish(
    q: CommitFiles | CheckFiles,
    *,
    message: str = "",
    if_head: str | None = None,
    evolve: bool = False,
) -> data.Commit:
    return data.Commit(
        name=q.name,
        files=tuple(file.digest for file in q.files),
        names=tuple(file.name or f"file {place}" for place, file in enumerate(q.files, start=1)),
        format=q.format or data.format_of(q.files[0].name if q.files else ""),
        mode=q.mode,
        message=message,
        if_head=if_head,
        evolve=evolve,
        quote=q.quote,
        columns=q.columns,
        lines=q.lines,
        sheet=q.sheet,
        header_row=q.header_row,
    )


def _split(session: Session, q: SplitVersion) -> data.Split:
    spec = data.SplitSpec(
        name=q.name, fit=q.fit, select=q.select, by=q.by, time=q.time, seed=q.seed,
        stratify=q.stratify, key=q.key,
    )  # fmt: skip
    return data.split(session, q.ref, spec)


def _read(session: Session, q: ReadRows) -> Rows:
    with session.begin(write=False) as scope:
        version = data.get_version(scope, q.ref)
    rows = masking.rows(session, version, columns=q.columns, where=q.where, limit=q.limit)
    return Rows(version=version.ref, total=version.rows, rows=rows)


_ROWS: tuple[AnyOperation, ...] = (
    Operation(
        name="data.declare",
        permission=Permission.DATASET_WRITE,
        method="PUT",
        path="/datasets/{name}",
        request=data.DatasetSpec,
        response=data.DatasetSpec,
        run=_declare,
        events=("dataset.declared",),
        positional=("name",),
        summary="Declare a dataset's key, time and expectations.",
        summary_es="Declara la clave, el tiempo y lo que se espera de un conjunto de datos.",
    ),
    Operation(
        name="data.commit",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/datasets/{name}/versions",
        request=CommitFiles,
        response=data.DatasetVersion,
        work=_commit,
        events=(
            "dataset.committed",
            "dataset.branch_committed",
            "dataset.packed",
            "dataset.quarantined",
            "dataset.refused",
        ),
        positional=("name", "files"),
        summary="Commit files or a folder as the next version of a dataset.",
        summary_es="Confirma ficheros o una carpeta como la versión siguiente de un conjunto.",
    ),
    Operation(
        name="data.check",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/datasets/{name}/check",
        request=CheckFiles,
        response=data.CheckReport,
        work=_check,
        positional=("name", "files"),
        summary="Judge files (or the newest version) by the expectations, and commit nothing.",
        summary_es="Juzga ficheros (o la versión última) por lo esperado, sin confirmar nada.",
    ),
    Operation(
        name="data.list",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/datasets",
        request=List,
        response=Page[data.Dataset],
        run=lambda scope, q: data.list_datasets(scope, limit=q.limit, token=q.token),
        summary="List the datasets of the project.",
        summary_es="Lista los conjuntos de datos del proyecto.",
    ),
    Operation(
        name="data.get",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/datasets/{ref}",
        request=Version,
        response=data.DatasetVersion,
        run=lambda scope, q: masking.version(scope, q.ref),
        positional=("ref",),
        summary="Show a version: by number, tag, time or digest.",
        summary_es="Muestra una versión: por número, etiqueta, momento o huella.",
    ),
    Operation(
        name="data.log",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/datasets/{name}/versions",
        request=Log,
        response=Page[data.DatasetVersion],
        run=lambda scope, q: masking.log(
            scope, q.name, limit=q.limit, token=q.token, branch=q.branch
        ),
        positional=("name",),
        summary="List the versions of a dataset, newest first.",
        summary_es="Lista las versiones de un conjunto de datos, la última primero.",
    ),
    Operation(
        name="data.read",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/datasets/{ref}/rows",
        request=ReadRows,
        response=Rows,
        work=_read,
        positional=("ref",),
        summary="Read some rows of a version.",
        summary_es="Lee algunas filas de una versión.",
    ),
    Operation(
        name="data.files",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/datasets/{ref}/files",
        request=Version,
        response=tuple[data.DataFile, ...],
        run=lambda scope, q: masking.files(scope, q.ref),
        positional=("ref",),
        summary="List the Parquet files of a version, to fetch by their digests.",
        summary_es="Lista los ficheros Parquet de una versión, que se piden por su huella.",
    ),
    Operation(
        name="data.tag",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/datasets/{ref}/tag",
        request=Tag,
        response=data.DatasetVersion,
        run=lambda scope, q: data.tag(scope, q.ref, q.tag),
        events=("dataset.tagged",),
        positional=("ref", "tag"),
        summary="Put a tag on a version.",
        summary_es="Pone una etiqueta a una versión.",
    ),
    Operation(
        name="data.diff",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/datasets/{left}/diff/{right}",
        request=Compare,
        response=data.DatasetDiff,
        work=lambda session, q: masking.diff(session, q.left, q.right),
        positional=("left", "right"),
        summary="Compare two versions: rows and columns.",
        summary_es="Compara dos versiones: filas y columnas.",
    ),
    Operation(
        name="data.profile",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/datasets/{ref}/profile",
        request=Version,
        response=data.Profile,
        work=lambda session, q: masking.profile(session, q.ref),
        positional=("ref",),
        summary="Show the distribution of every column of a version.",
        summary_es="Muestra la distribución de cada columna de una versión.",
    ),
    Operation(
        name="data.split",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/datasets/{ref}/splits",
        request=SplitVersion,
        response=data.Split,
        work=_split,
        events=("dataset.split",),
        positional=("ref",),
        summary="Split a version into rows that fit, that select and that confirm, for ever.",
        summary_es="Divide una versión en filas que ajustan, que eligen y que confirman.",
    ),
    Operation(
        name="data.show_split",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/splits/{ref}",
        request=SplitOf,
        response=data.SplitReport,
        run=lambda scope, q: data.show_split(scope, q.ref),
        positional=("ref",),
        summary="Show a split, and who looked at its confirming part.",
        summary_es="Muestra una división y quién miró su parte que confirma.",
    ),
    Operation(
        name="data.part",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/splits/{ref}/parts/{part}",
        request=PartOf,
        response=data.PartFile,
        work=lambda session, q: masking.part(session, q.ref, q.part),
        positional=("ref", "part"),
        summary="Store a part of a split that fits or selects as a file, to fetch by its digest.",
        summary_es="Guarda una parte que ajusta o elige como fichero, que se pide por su huella.",
    ),
    Operation(
        name="data.look",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/splits/{ref}/looks",
        request=LookAt,
        response=data.PartFile,
        work=lambda session, q: masking.look(session, q.ref, purpose=q.purpose),
        events=("split.looked",),
        positional=("ref",),
        summary="Look at the confirming part of a split; each look is counted and says what for.",
        summary_es="Mira la parte que confirma; cada mirada se cuenta y dice para qué.",
    ),
)

ROWS: tuple[AnyOperation, ...] = (
    *_ROWS,
    *data_catalog.ROWS,
    *data_contracts.ROWS,
    *data_explore.ROWS,
    *data_files.ROWS,
    *data_labels.ROWS,
    *data_quality.ROWS,
    *data_reindex.ROWS,
    *data_retention.ROWS,
    *data_sources.ROWS,
    *data_suites.ROWS,
    *data_usage.ROWS,
    *data_versions.ROWS,
)
