"""The verbs of what the catalogue says of datasets: entries, search, usage, contracts, tasks."""

from typing import Annotated, Literal

import msgspec

from bucle.base.page import Page
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.search.find import search
from bucle.governance.search.records import Hit
from bucle.interfaces.operations.fields import Limit
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle import data

Sensitivity = Literal["none", "personal", "sensitive", "secret"]
_Text = Annotated[
    str,
    msgspec.Meta(
        description="words, and kind: owner: tag: sensitivity: column: (column:amount* begins so)"
    ),
]


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What to look for, in this project or in all that one may look into."""

    text: _Text = ""  # "": everything
    everywhere: bool = False
    limit: Limit = 20
    token: str | None = None  # None: the best


class EntryOf(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset."""

    name: str


class Describe(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset, and what to say of it; what is left out stays as it is."""

    name: str
    owner: str | None = None  # None: as it is; so with the others
    description: str | None = None
    licence: str | None = None
    fresh_within: str | None = None
    tags: tuple[str, ...] | None = None
    links: dict[str, str] | None = None


class DescribeColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column of a dataset, and what to say of it; what is left out stays as it is."""

    name: str
    column: str
    meaning: str | None = None  # None: as it is; so with the others
    unit: str | None = None
    sensitivity: Sensitivity | None = None


class ProposeColumns(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset, or its version of a number, tag, time or digest."""

    ref: str


class Proposals(msgspec.Struct, frozen=True, kw_only=True):
    """What was proposed of a dataset's columns: what is open, or what was decided."""

    name: str
    state: Literal["proposed", "confirmed", "rejected"] = "proposed"


class Decide(msgspec.Struct, frozen=True, kw_only=True):
    """Columns of a dataset of which something was proposed; none: all of them."""

    name: str
    columns: tuple[str, ...] = ()
    kind: str = ""  # "": whatever was proposed; otherwise only what was proposed as this


class FreshnessOf(msgspec.Struct, frozen=True, kw_only=True):
    """Every dataset that should be fresh, or one."""

    name: str = ""  # "": all


def _describe(scope: Scope, q: Describe) -> data.Entry:
    said = {name: getattr(q, name) for name in data.Description.__struct_fields__}
    return data.describe(scope, q.name, data.Description(**said))


def _describe_column(scope: Scope, q: DescribeColumn) -> data.Entry:
    return data.describe_column(
        scope, q.name, q.column, meaning=q.meaning, unit=q.unit, sensitivity=q.sensitivity
    )


def _freshness(scope: Scope, q: FreshnessOf) -> tuple[data.Freshness, ...]:
    return (data.freshness(scope, q.name),) if q.name else data.list_freshness(scope)


ROWS: tuple[AnyOperation, ...] = (
    Operation(
        name="data.search",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/search",
        request=Search,
        response=Page[Hit],
        run=lambda scope, q: search(
            scope, q.text, everywhere=q.everywhere, limit=q.limit, token=q.token
        ),
        positional=("text",),
        summary="Find datasets, feature views, models and deployments by their words.",
        summary_es="Busca conjuntos de datos, vistas, modelos y despliegues por sus palabras.",
    ),
    Operation(
        name="data.entry",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/datasets/{name}/entry",
        request=EntryOf,
        response=data.Entry,
        run=lambda scope, q: data.get_entry(scope, q.name),
        positional=("name",),
        summary="Show what the catalogue says of a dataset and its columns.",
        summary_es="Muestra lo que el catálogo dice de un conjunto y de sus columnas.",
    ),
    Operation(
        name="data.describe",
        permission=Permission.DATASET_WRITE,
        method="PATCH",
        path="/datasets/{name}/entry",
        request=Describe,
        response=data.Entry,
        run=_describe,
        events=("dataset.described",),
        positional=("name",),
        summary="Say what a dataset is: owner, licence, freshness, tags, links.",
        summary_es="Di qué es un conjunto: responsable, licencia, frescura, etiquetas, enlaces.",
    ),
    Operation(
        name="data.describe_column",
        permission=Permission.DATASET_WRITE,
        method="PATCH",
        path="/datasets/{name}/entry/columns/{column}",
        request=DescribeColumn,
        response=data.Entry,
        run=_describe_column,
        events=("dataset.described",),
        positional=("name", "column"),
        summary="Say what a column means, its unit, and how sensitive it is.",
        summary_es="Di qué significa una columna, su unidad y cuán sensible es.",
    ),
    Operation(
        name="data.propose_columns",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/datasets/{ref}/proposals",
        request=ProposeColumns,
        response=tuple[data.ColumnProposal, ...],
        work=lambda session, q: data.propose_columns(session, q.ref),
        events=("dataset.columns_proposed",),
        positional=("ref",),
        summary="Propose meaning and sensitivity of columns, by their names and values.",
        summary_es="Sugiere significado y sensibilidad de las columnas, por nombre y valores.",
    ),
    Operation(
        name="data.proposals",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/datasets/{name}/proposals",
        request=Proposals,
        response=tuple[data.ColumnProposal, ...],
        run=lambda scope, q: data.list_proposals(scope, q.name, q.state),
        positional=("name",),
        summary="List what was proposed of columns: open, confirmed or rejected.",
        summary_es="Lista lo sugerido de las columnas: abierto, confirmado o rechazado.",
    ),
    Operation(
        name="data.confirm_columns",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/datasets/{name}/proposals/confirm",
        request=Decide,
        response=data.Entry,
        run=lambda scope, q: data.confirm_columns(scope, q.name, q.columns, kind=q.kind),
        events=("dataset.columns_confirmed", "dataset.described"),
        positional=("name", "columns"),
        summary="Take over what was proposed of columns; what people wrote stays.",
        summary_es="Acepta lo sugerido de las columnas; lo que escribió alguien se queda.",
    ),
    Operation(
        name="data.reject_columns",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/datasets/{name}/proposals/reject",
        request=Decide,
        response=tuple[data.ColumnProposal, ...],
        run=lambda scope, q: data.reject_columns(scope, q.name, q.columns, kind=q.kind),
        events=("dataset.columns_rejected",),
        positional=("name", "columns"),
        summary="Turn down what was proposed of columns; it is not proposed again.",
        summary_es="Rechaza lo sugerido de las columnas; no se vuelve a sugerir.",
    ),
    Operation(
        name="data.freshness",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/freshness",
        request=FreshnessOf,
        response=tuple[data.Freshness, ...],
        run=_freshness,
        is_good=lambda found: all(one.ok for one in found),
        positional=("name",),
        summary="Tell which datasets are as fresh as they should be; late ones first.",
        summary_es="Dice qué conjuntos están tan frescos como deben; los atrasados, primero.",
    ),
)
