"""Read traces: one, some, or those that a search string describes."""

from collections.abc import Sequence
from dataclasses import replace

from bucle.base.errors import Invalid
from bucle.base.filters import (
    EQUAL,
    NUMERIC,
    PRESENT,
    Condition,
    OrderTerm,
    parse_filter,
    parse_order,
)
from bucle.base.page import Page, decode_offset, encode_token
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.experiments import number_of
from bucle.lifecycle.tracking.traces import store
from bucle.lifecycle.tracking.traces.language import FILTER, ORDER
from bucle.lifecycle.tracking.traces.records import Trace, TraceQuery
from bucle.lifecycle.tracking.traces.write import known_trace

_NEWEST = OrderTerm(group="attribute", key="timestamp_ms", descending=True)
_BY_ID = OrderTerm(group="attribute", key="request_id", descending=False)


def get_trace(scope: Scope, id_: str) -> Trace:
    """Return a trace.

    Raises:
        NotFound: there is no such trace.
    """
    scope.require(Permission.RUN_READ, Ref("trace", id_))
    return known_trace(scope, id_)


def find_traces(scope: Scope, ids: Sequence[str]) -> tuple[Trace, ...]:
    """Return those of some traces that there are, in the order of the ids."""
    scope.require(Permission.RUN_READ)
    return store.find_traces(scope.tx, scope.project, ids)


def spans_of(scope: Scope, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the spans of traces, as OpenTelemetry's JSON, the earliest first."""
    scope.require(Permission.RUN_READ)
    return store.list_spans(scope.tx, scope.project, ids)


def search_traces(scope: Scope, query: TraceQuery) -> Page[Trace]:
    """List the traces that a search string describes.

    Raises:
        Invalid: the filter, the order or the token can not be read.
    """
    scope.require(Permission.RUN_READ)
    conditions = [_typed(one) for one in parse_filter(query.filter, FILTER)]
    order = [parse_order(term, ORDER) for term in query.order_by] or [_NEWEST]
    if not any(term.key == _BY_ID.key for term in order):
        order.append(_BY_ID)
    experiments = [number_of(id_) for id_ in query.experiments]
    offset = decode_offset(query.token, "traces")
    window = (offset, query.limit + 1)
    found = store.search(scope.tx, scope.project, experiments, conditions, order, window)
    more = len(found) > query.limit
    return Page(
        items=found[: query.limit],
        next_token=encode_token("traces", offset + query.limit) if more else None,
    )


def _typed(condition: Condition) -> Condition:
    """Ask what was said in numbers where a number is asked for."""
    if condition.group not in {"feedback", "expectation"}:
        return condition
    is_number = isinstance(condition.value, int | float)
    if condition.operator not in EQUAL | PRESENT and is_number != (condition.operator in NUMERIC):
        raise Invalid(
            f"{condition.group} {condition.key!r} can not be compared so",
            hint="numbers by < and >, texts by LIKE",
        )
    return replace(condition, group=f"{condition.group} number") if is_number else condition
