"""The calls about traces of clients before 3.0: begun and ended in two calls, spans in a file."""

import secrets
from collections.abc import Iterable

import msgspec

from bucle.base.errors import Invalid
from bucle.governance.session import Session
from bucle.interfaces.mlflow.endpoint import AnyEndpoint, Endpoint
from bucle.interfaces.mlflow.traces import (
    Deletion,
    DropTag,
    Search,
    SetTag,
    delete,
    drop_tag,
    query_of_search,
    set_tag,
)
from bucle.lifecycle.tracking import traces
from bucle.lifecycle.tracking.traces import Moment, State, Trace


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A tag, or a piece of metadata."""

    key: str
    value: str = ""


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """A trace without its spans."""

    request_id: str
    experiment_id: str
    timestamp_ms: int
    execution_time_ms: int | msgspec.UnsetType = msgspec.UNSET
    status: str
    request_metadata: list[Pair]
    tags: list[Pair]


class OneInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that is one trace."""

    trace_info: Info


class Begin(msgspec.Struct, frozen=True, kw_only=True):
    """What is known when a trace begins."""

    experiment_id: str
    timestamp_ms: Moment
    request_metadata: tuple[Pair, ...] = ()
    tags: tuple[Pair, ...] = ()


class End(msgspec.Struct, frozen=True, kw_only=True):
    """How a trace ended."""

    request_id: str
    timestamp_ms: Moment
    status: str
    request_metadata: tuple[Pair, ...] = ()
    tags: tuple[Pair, ...] = ()


class OfRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which trace."""

    request_id: str


class SearchInfos(msgspec.Struct, frozen=True, kw_only=True):
    """Which traces to list."""

    experiment_ids: tuple[str, ...]
    filter: str = ""
    max_results: int = 100
    order_by: tuple[str, ...] = ()
    page_token: str = ""


class FoundInfos(msgspec.Struct, frozen=True, kw_only=True):
    """Traces, and where the next begin."""

    traces: tuple[Info, ...]
    next_page_token: str | msgspec.UnsetType = msgspec.UNSET


def _begin(session: Session, asked: Begin) -> OneInfo:
    trace = Trace(
        id=f"tr-{secrets.token_hex(16)}",
        experiment=asked.experiment_id,
        started_at=asked.timestamp_ms,
        tags=_by_name(asked.tags),
        metadata=_by_name(asked.request_metadata),
    )
    with session.begin() as scope:
        return OneInfo(trace_info=_shown(traces.put_trace(scope, trace)))


def _end(session: Session, asked: End) -> OneInfo:
    states: dict[str, State] = {"OK": "OK", "ERROR": "ERROR", "IN_PROGRESS": "IN_PROGRESS"}
    if asked.status not in states:
        raise Invalid(f"{asked.status[:60]!r} is not a trace's status", hint="OK or ERROR")
    with session.begin() as scope:
        before = traces.get_trace(scope, asked.request_id)
        after = msgspec.structs.replace(
            before,
            duration_ms=max(asked.timestamp_ms - before.started_at, 0),
            state=states[asked.status],
            tags=_by_name(asked.tags),
            metadata=_by_name(asked.request_metadata),
        )
        return OneInfo(trace_info=_shown(traces.put_trace(scope, after)))


def _get(session: Session, asked: OfRequest) -> OneInfo:
    with session.begin(write=False) as scope:
        return OneInfo(trace_info=_shown(traces.get_trace(scope, asked.request_id)))


def _search(session: Session, asked: SearchInfos) -> FoundInfos:
    search = Search(
        locations=(),
        filter=asked.filter,
        max_results=asked.max_results,
        page_token=asked.page_token,
    )
    query = query_of_search(asked.experiment_ids, search, asked.order_by)
    with session.begin(write=False) as scope:
        page = traces.search_traces(scope, query)
    return FoundInfos(
        traces=tuple(_shown(one) for one in page.items),
        next_page_token=page.next_token or msgspec.UNSET,
    )


def _shown(trace: Trace) -> Info:
    duration = trace.duration_ms
    return Info(
        request_id=trace.id,
        experiment_id=trace.experiment,
        timestamp_ms=trace.started_at,
        execution_time_ms=msgspec.UNSET if duration is None else duration,
        status="TRACE_STATUS_UNSPECIFIED" if trace.state == "STATE_UNSPECIFIED" else trace.state,
        request_metadata=_pairs(trace.metadata.items()),
        tags=_pairs(trace.tags.items()),
    )


def _pairs(said: Iterable[tuple[str, str]]) -> list[Pair]:
    return [Pair(key=name, value=value) for name, value in said]


def _by_name(pairs: Iterable[Pair]) -> dict[str, str]:
    return {pair.key: pair.value for pair in pairs}


_ONE = "mlflow/traces/{request_id}"
ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(method="POST", path="mlflow/traces", request=Begin, handle=_begin),
    Endpoint(method="GET", path="mlflow/traces", request=SearchInfos, handle=_search),
    Endpoint(method="POST", path="mlflow/traces/delete-traces", request=Deletion, handle=delete),
    Endpoint(method="PATCH", path=_ONE, request=End, handle=_end),
    Endpoint(method="GET", path=f"{_ONE}/info", request=OfRequest, handle=_get),
    Endpoint(method="PATCH", path=f"{_ONE}/tags", request=SetTag, handle=set_tag),
    Endpoint(method="DELETE", path=f"{_ONE}/tags", request=DropTag, handle=drop_tag),
)
