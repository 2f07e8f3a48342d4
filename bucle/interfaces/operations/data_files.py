"""The verbs of datasets of files: what is stored, what a version has, where its bytes lie."""

from typing import Annotated

import msgspec

from bucle.base.page import Page
from bucle.governance.permissions import Permission
from bucle.interfaces.operations.fields import Limit
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle import data

_Glob = Annotated[
    str, msgspec.Meta(description="what the paths match; * stands for any letters, / among them")
]
_Grace = Annotated[str, msgspec.Meta(description="how old garbage must be: 7d, 12h; 1h at least")]
_Delete = Annotated[bool, msgspec.Meta(description="delete it; left out, it is listed only")]
_Prefix = Annotated[str, msgspec.Meta(description="what the paths begin with")]


class MissingOf(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset, and contents that are to be committed to it."""

    name: str
    digests: tuple[str, ...]


class PacksFor(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset, and packs in the content store that hold files of it."""

    name: str
    packs: tuple[str, ...]


class TreeOf(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the files of a version, by their paths."""

    ref: str
    prefix: _Prefix = ""
    glob: _Glob = ""
    limit: Limit = 100
    token: str | None = None  # None: the first page


class PlacesOf(msgspec.Struct, frozen=True, kw_only=True):
    """Files of a version, by their paths."""

    ref: str
    paths: tuple[str, ...]


class Collect(msgspec.Struct, frozen=True, kw_only=True):
    """How old garbage must be, and whether to delete it."""

    grace: _Grace = "7d"
    delete: _Delete = False


ROWS: tuple[AnyOperation, ...] = (
    Operation(
        name="data.tree",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/datasets/{ref}/tree",
        request=TreeOf,
        response=Page[data.TreeFile],
        work=lambda session, q: data.list_files(
            session, q.ref, prefix=q.prefix, glob=q.glob, limit=q.limit, token=q.token
        ),
        positional=("ref", "prefix"),
        summary="List the files of a version by their paths; of a table, its Parquet files.",
        summary_es="Lista los ficheros de una versión por su ruta; de una tabla, los Parquet.",
    ),
    Operation(
        name="data.locate",
        permission=Permission.DATASET_READ,
        method="POST",
        path="/datasets/{ref}/places",
        request=PlacesOf,
        response=tuple[data.FilePlace, ...],
        work=lambda session, q: data.locate(session, q.ref, q.paths),
        reads_only=True,
        positional=("ref", "paths"),
        summary="Show in which contents the bytes of files lie, to fetch them by their digests.",
        summary_es="Muestra en qué contenidos están los bytes de unos ficheros, para pedirlos.",
    ),
    Operation(
        name="data.missing",
        permission=Permission.DATASET_READ,
        method="POST",
        path="/datasets/{name}/missing",
        request=MissingOf,
        response=tuple[str, ...],
        run=lambda scope, q: data.missing(scope, q.name, q.digests),
        reads_only=True,
        positional=("name", "digests"),
        summary="Return which of some contents of files are not stored yet.",
        summary_es="Devuelve qué contenidos de ficheros no están guardados todavía.",
    ),
    Operation(
        name="data.add_packs",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/datasets/{name}/packs",
        request=PacksFor,
        response=tuple[data.PackReport, ...],
        work=lambda session, q: data.add_packs(session, q.name, q.packs),
        events=("dataset.packed",),
        positional=("name", "packs"),
        summary="Take in packs of files that were uploaded; bucle data commit does it.",
        summary_es="Acoge paquetes de ficheros ya subidos; bucle data commit lo hace.",
    ),
    Operation(
        name="data.gc",
        permission=Permission.RUN_PURGE,
        method="POST",
        path="/garbage",
        request=Collect,
        response=data.GarbageReport,
        work=lambda session, q: data.collect(session, grace=q.grace, delete=q.delete),
        events=("blob.collected",),
        summary="List stored content that nothing refers to, or delete it (--delete).",
        summary_es="Lista el contenido guardado al que nada se refiere, o lo borra (--delete).",
    ),
)  # fmt: skip
