"""The calls about traces of clients since 3.0, and the words that both kinds of client share."""

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.governance.session import Session
from bucle.interfaces.http.answers import Answer
from bucle.interfaces.mlflow.endpoint import AnyEndpoint, Endpoint, Nothing
from bucle.interfaces.mlflow.problems import NOT_IMPLEMENTED, refusal
from bucle.lifecycle.tracking import traces
from bucle.lifecycle.tracking.traces import State, Trace, TraceQuery

_DURATION = re.compile(r"(\d{1,12})(?:\.(\d{1,9}))?s")
_LAST_MS = 253_402_300_799_999  # the end of the year 9999, beyond which no date is written
_MOST = 500


class InExperiment(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment as the place of a trace."""

    experiment_id: str


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """Where a trace is."""

    type: str = "MLFLOW_EXPERIMENT"
    mlflow_experiment: InExperiment | None = None  # None: in a place that is not ours


class TraceInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A trace without its spans."""

    trace_id: str = ""
    client_request_id: str | None = None
    trace_location: Location | None = None
    request_preview: str | None = None
    response_preview: str | None = None
    request_time: str = ""
    execution_duration: str | None = None
    state: State = "STATE_UNSPECIFIED"
    trace_metadata: dict[str, str] = {}
    assessments: tuple[dict[str, Any], ...] = ()
    tags: dict[str, str] = {}


class WholeTrace(msgspec.Struct, frozen=True, kw_only=True):
    """A trace and its spans."""

    trace_info: TraceInfo
    spans: tuple[msgspec.Raw, ...] | msgspec.UnsetType = msgspec.UNSET


class OneTrace(msgspec.Struct, frozen=True, kw_only=True):
    """A request or an answer that is one trace."""

    trace: WholeTrace


class OfTrace(msgspec.Struct, frozen=True, kw_only=True):
    """Which trace."""

    trace_id: str


class OfTraces(msgspec.Struct, frozen=True, kw_only=True):
    """Which traces."""

    trace_ids: tuple[str, ...]
    experiment_ids: tuple[str, ...] | None = None  # None: of any experiment


class WholeTraces(msgspec.Struct, frozen=True, kw_only=True):
    """Traces and their spans."""

    traces: tuple[WholeTrace, ...]


class Infos(msgspec.Struct, frozen=True, kw_only=True):
    """Traces without their spans."""

    trace_infos: tuple[TraceInfo, ...]


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """Which traces to list."""

    locations: tuple[Location, ...]
    filter: str = ""
    max_results: int = 100
    order_by: tuple[str, ...] = ()
    page_token: str = ""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Traces, and where the next begin."""

    traces: tuple[TraceInfo, ...]
    next_page_token: str | msgspec.UnsetType = msgspec.UNSET


class Deletion(msgspec.Struct, frozen=True, kw_only=True):
    """Which traces are to go."""

    experiment_id: str
    max_timestamp_millis: int | None = None
    max_traces: int | None = None
    request_ids: tuple[str, ...] = ()


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """How many went."""

    traces_deleted: int


class SetTag(msgspec.Struct, frozen=True, kw_only=True):
    """A tag for a trace, which clients before 3.0 call a request."""

    trace_id: str = ""
    request_id: str = ""
    key: str
    value: str = ""


class DropTag(msgspec.Struct, frozen=True, kw_only=True):
    """Which tag is to go."""

    trace_id: str = ""
    request_id: str = ""
    key: str


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """Traces that belong to a run."""

    trace_ids: tuple[str, ...]
    run_id: str


def shown_trace(trace: Trace) -> TraceInfo:
    """Return a trace in the protocol's words."""
    return TraceInfo(
        trace_id=trace.id,
        client_request_id=trace.client_id,
        trace_location=Location(mlflow_experiment=InExperiment(experiment_id=trace.experiment)),
        request_preview=trace.request,
        response_preview=trace.response,
        request_time=_moment(trace.started_at),
        execution_duration=None if trace.duration_ms is None else _duration(trace.duration_ms),
        state=trace.state,
        trace_metadata=trace.metadata,
        assessments=trace.assessments,
        tags=trace.tags,
    )


def query_of_search(
    experiments: tuple[str, ...], search: "Search", order: tuple[str, ...]
) -> TraceQuery:
    """Return a search as the room takes it.

    Raises:
        Invalid: more traces at once than are given.
    """
    if not 1 <= search.max_results <= _MOST:
        raise Invalid(f"max_results is {search.max_results}; 1 to {_MOST} are allowed")
    return TraceQuery(
        experiments=experiments,
        filter=search.filter,
        order_by=order,
        limit=search.max_results,
        token=search.page_token or None,
    )


def delete(session: Session, asked: Deletion) -> Deleted:
    """Remove traces."""
    with session.begin() as scope:
        count = traces.remove_traces(
            scope,
            asked.experiment_id,
            before=None
            if asked.max_timestamp_millis is None
            else _fitted(asked.max_timestamp_millis),
            most=asked.max_traces,
            ids=asked.request_ids,
        )
    return Deleted(traces_deleted=count)


def set_tag(session: Session, asked: SetTag) -> None:
    """Set a tag of a trace."""
    with session.begin() as scope:
        traces.tag_trace(scope, asked.trace_id or asked.request_id, {asked.key: asked.value})


def drop_tag(session: Session, asked: DropTag) -> None:
    """Remove a tag of a trace."""
    with session.begin() as scope:
        traces.untag_trace(scope, asked.trace_id or asked.request_id, asked.key)


def _start(session: Session, asked: OneTrace) -> OneTrace:
    info = asked.trace.trace_info
    where = info.trace_location and info.trace_location.mlflow_experiment
    if not info.trace_id or not where:
        raise Invalid("a trace needs an id and an experiment")
    trace = Trace(
        id=info.trace_id,
        experiment=where.experiment_id,
        started_at=_milliseconds(info.request_time),
        duration_ms=_of_duration(info.execution_duration),
        state=info.state,
        client_id=info.client_request_id,
        request=info.request_preview,
        response=info.response_preview,
        tags=info.tags,
        metadata=info.trace_metadata,
        assessments=info.assessments,
    )
    with session.begin() as scope:
        kept = traces.put_trace(scope, trace)
    return OneTrace(trace=WholeTrace(trace_info=shown_trace(kept)))


def _get_info(session: Session, asked: OfTrace) -> OneTrace:
    with session.begin(write=False) as scope:
        found = traces.get_trace(scope, asked.trace_id)
    return OneTrace(trace=WholeTrace(trace_info=shown_trace(found)))


def _get(session: Session, asked: OfTrace) -> OneTrace:
    with session.begin(write=False) as scope:
        found = traces.get_trace(scope, asked.trace_id)
        spans = traces.spans_of(scope, [found.id])
    return OneTrace(trace=_whole(found, spans))


def _get_many(session: Session, asked: OfTraces) -> WholeTraces:
    with session.begin(write=False) as scope:
        found = traces.find_traces(scope, asked.trace_ids)
        spans = traces.spans_of(scope, asked.trace_ids)
    return WholeTraces(traces=tuple(_whole(one, spans) for one in _among(found, asked)))


def _get_infos(session: Session, asked: OfTraces) -> Infos:
    with session.begin(write=False) as scope:
        found = traces.find_traces(scope, asked.trace_ids)
    return Infos(trace_infos=tuple(shown_trace(one) for one in _among(found, asked)))


def _search(session: Session, asked: Search) -> Found:
    places = [one.mlflow_experiment for one in asked.locations]
    experiments = tuple(place.experiment_id for place in places if place)
    with session.begin(write=False) as scope:
        page = traces.search_traces(scope, query_of_search(experiments, asked, asked.order_by))
    return Found(
        traces=tuple(shown_trace(one) for one in page.items),
        next_page_token=page.next_token or msgspec.UNSET,
    )


def _link(session: Session, asked: Link) -> None:
    with session.begin() as scope:
        traces.link_traces(scope, asked.trace_ids, Ref("run", asked.run_id))


def _absent(_session: Session, _asked: Nothing) -> Answer:
    return refusal(NOT_IMPLEMENTED, "Bucle has no prompts, and no statistics of traces")


def _among(found: tuple[Trace, ...], asked: OfTraces) -> list[Trace]:
    return [
        one
        for one in found
        if asked.experiment_ids is None or one.experiment in asked.experiment_ids
    ]


def _whole(trace: Trace, spans: dict[str, tuple[str, ...]]) -> WholeTrace:
    own = tuple(msgspec.Raw(body.encode()) for body in spans.get(trace.id, ()))
    return WholeTrace(trace_info=shown_trace(trace), spans=own)


def _fitted(milliseconds: int) -> int:
    return max(0, min(milliseconds, _LAST_MS))


def _moment(milliseconds: int) -> str:
    """Write a moment as RFC 3339."""
    seconds, rest = divmod(_fitted(milliseconds), 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03}Z"


def _milliseconds(moment: str) -> int:
    try:
        found = datetime.fromisoformat(moment)
        return _fitted(int(found.timestamp() * 1_000_000) // 1000)
    except (ValueError, OverflowError) as error:
        raise Invalid(
            f"{moment[:60]!r} is not a moment", hint="2026-01-02T03:04:05.678Z"
        ) from error


def _duration(milliseconds: int) -> str:
    return f"{milliseconds // 1000}.{milliseconds % 1000:03}s"


def _of_duration(text: str | None) -> int | None:
    if text is None:
        return None
    found = _DURATION.fullmatch(text)
    if found is None:
        raise Invalid(f"{text[:60]!r} is not a duration", hint="1.250s")
    return int(found[1]) * 1000 + int((found[2] or "").ljust(3, "0")[:3] or 0)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(method="POST", path="mlflow/traces", version="3.0", request=OneTrace, handle=_start),
    Endpoint(method="GET", path="mlflow/traces/get", version="3.0", request=OfTrace, handle=_get),
    Endpoint(
        method="GET", path="mlflow/traces/batchGet", version="3.0", request=OfTraces,
        handle=_get_many,
    ),
    Endpoint(
        method="POST", path="mlflow/traces/batchGetInfos", version="3.0", request=OfTraces,
        handle=_get_infos,
    ),
    Endpoint(
        method="POST", path="mlflow/traces/search", version="3.0", request=Search, handle=_search
    ),
    Endpoint(
        method="GET", path="mlflow/traces/{trace_id}", version="3.0", request=OfTrace,
        handle=_get_info,
    ),
    Endpoint(
        method="PATCH", path="mlflow/traces/{trace_id}/tags", version="3.0", request=SetTag,
        handle=set_tag,
    ),
    Endpoint(
        method="DELETE", path="mlflow/traces/{trace_id}/tags", version="3.0", request=DropTag,
        handle=drop_tag,
    ),
    Endpoint(
        method="POST", path="mlflow/traces/delete-traces", version="3.0", request=Deletion,
        handle=delete,
    ),
    Endpoint(method="POST", path="mlflow/traces/link-to-run", request=Link, handle=_link),
    Endpoint(method="POST", path="mlflow/traces/link-prompts", request=Nothing, handle=_absent),
    *(
        Endpoint(
            method="POST", path=f"mlflow/traces/{word}", version="3.0", request=Nothing,
            handle=_absent,
        )
        for word in ("metrics", "calculate-filter-correlation")
    ),
)  # fmt: skip
