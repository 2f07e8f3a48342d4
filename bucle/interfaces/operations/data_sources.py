"""The verbs of sources that datasets are drawn from: SQL, HTTP, object stores, folders, topics."""

from typing import Annotated, Literal

import msgspec

from bucle.base.page import Page
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.interfaces.operations.fields import Limit
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle import data

_Url = Annotated[
    str,
    msgspec.Meta(
        description="postgresql://..., https://..., s3://bucket/in/*.csv, file:///in/*.csv or "
        "topic:name; ${NAME} stands for what the environment of whoever pulls says"
    ),
]
_Watermark = Annotated[
    str, msgspec.Meta(description="SQL: a column that grows with each change of a row")
]
_Lag = Annotated[
    str, msgspec.Meta(description="SQL: how far behind the watermark rows may come late: 10m")
]
_Schedule = Annotated[
    str, msgspec.Meta(description="five fields of cron (UTC) or a duration such as 10m")
]
_Again = Annotated[bool, msgspec.Meta(description="try files that are broken once more")]


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset and where to draw it from; the fields are those of `source` in bucle.yaml."""

    name: str
    url: _Url
    query: str = ""
    table: str = ""
    watermark: _Watermark = ""
    lag: _Lag = ""
    mode: Literal["", "append", "upsert", "replace"] = ""
    schedule: _Schedule = ""
    format: Literal["", "parquet", "csv", "json", "arrow", "excel"] = ""
    headers: dict[str, str] = {}
    most_bytes: str = "1 GB"
    timeout: str = "60s"
    settle: str = "5s"
    marker: str = ""
    evolve: bool = False
    lines: Literal["fail", "quarantine"] = "fail"
    quote: Literal["", "yes", "no"] = ""
    columns: tuple[str, ...] = ()
    sheet: str = ""
    header_row: Annotated[int, msgspec.Meta(ge=1)] = 1


class SourceOf(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset."""

    name: str


class Pull(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset to pull from its source."""

    name: str
    again: _Again = False


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the sources."""

    limit: Limit = 100
    token: str | None = None  # None: the first page


class Arrivals(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the files that were found at a dataset's source."""

    name: str
    status: Literal["", "taken", "broken"] = ""
    limit: Limit = 100
    token: str | None = None  # None: the first page


def _declare(scope: Scope, q: Source) -> data.SourceReport:
    fields = {name: getattr(q, name) for name in q.__struct_fields__ if name != "name"}
    data.declare_source(scope, q.name, data.SourceSpec(**fields))
    return _next(scope, data.get_source(scope, q.name))


def _list(scope: Scope, q: Sources) -> Page[data.SourceReport]:
    page = data.list_sources(scope, limit=q.limit, token=q.token)
    return Page(items=tuple(_next(scope, one) for one in page.items), next_token=page.next_token)


def _next(scope: Scope, report: data.SourceReport) -> data.SourceReport:
    """Say when control pulls next; a source that failed rests longer each time."""
    from bucle.control.triggers.memory import next_moment  # lazy: cron's library takes its time

    rule = data.pull_rules(scope).get(report.dataset.name)
    if rule is None:
        return report
    state = data.find_source_state(scope, report.dataset.name)
    rests = data.rests_until(state) if state else None
    start = max(scope.now, rests) if rests else scope.now
    return msgspec.structs.replace(report, next_at=next_moment(rule, start))


def _pull(session: Session, q: Pull) -> data.Pulled:
    return data.pull(session, q.name, again=q.again)


ROWS: tuple[AnyOperation, ...] = (
    Operation(
        name="data.source",
        permission=Permission.CONTROL_APPLY,
        method="PUT",
        path="/datasets/{name}/source",
        request=Source,
        response=data.SourceReport,
        run=_declare,
        events=("dataset.declared",),
        positional=("name",),
        summary="Declare where a dataset is drawn from: a database, document, folder or topic.",
        summary_es="Declara de dónde sale un conjunto: base de datos, documento, carpeta o tema.",
    ),
    Operation(
        name="data.unsource",
        permission=Permission.DATASET_WRITE,
        method="DELETE",
        path="/datasets/{name}/source",
        request=SourceOf,
        response=data.DatasetSpec,
        run=lambda scope, q: data.remove_source(scope, q.name),
        events=("dataset.declared",),
        positional=("name",),
        summary="Let a dataset be drawn no more, and forget how far it was.",
        summary_es="Deja de extraer un conjunto y olvida hasta dónde se llegó.",
    ),
    Operation(
        name="data.sources",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/sources",
        request=Sources,
        response=Page[data.SourceReport],
        run=_list,
        summary="List the sources of datasets: last and next pull, rows, errors.",
        summary_es="Lista los orígenes de los conjuntos: última y próxima extracción, filas, "
        "errores.",
    ),
    Operation(
        name="data.show_source",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/datasets/{name}/source",
        request=SourceOf,
        response=data.SourceReport,
        run=lambda scope, q: _next(scope, data.get_source(scope, q.name)),
        positional=("name",),
        summary="Show a dataset's source and how its pulls go.",
        summary_es="Muestra el origen de un conjunto y cómo van sus extracciones.",
    ),
    Operation(
        name="data.arrivals",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/datasets/{name}/arrivals",
        request=Arrivals,
        response=Page[data.Arrival],
        run=lambda scope, q: data.list_arrivals(
            scope, q.name, status=q.status, limit=q.limit, token=q.token
        ),
        positional=("name",),
        summary="List the files that arrived at a dataset's source: taken or broken.",
        summary_es="Lista los ficheros que llegaron a un origen: tomados o rotos.",
    ),
    Operation(
        name="data.pull",
        permission=Permission.DATASET_WRITE,
        method="POST",
        path="/datasets/{name}/pull",
        request=Pull,
        response=data.Pulled,
        work=_pull,
        events=(
            "dataset.pulled", "dataset.pull_failed", "dataset.committed", "dataset.quarantined",
            "dataset.refused",
        ),
        positional=("name",),
        is_good=lambda pulled: all(file.status != "broken" for file in pulled.files),
        summary="Take what is new at a dataset's source into its next version.",
        summary_es="Trae lo nuevo del origen de un conjunto a su versión siguiente.",
    ),
)  # fmt: skip
