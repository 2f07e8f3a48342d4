"""Sub-room traces: calls through a program, span by span."""

from bucle.lifecycle.tracking.traces.adopt import AdoptedTrace, adopt_trace
from bucle.lifecycle.tracking.traces.assess import (
    assess,
    change_assessment,
    drop_assessment,
    get_assessment,
)
from bucle.lifecycle.tracking.traces.read import find_traces, get_trace, search_traces, spans_of
from bucle.lifecycle.tracking.traces.records import Moment, Span, State, Trace, TraceQuery
from bucle.lifecycle.tracking.traces.remove import purge_traces, remove_traces
from bucle.lifecycle.tracking.traces.write import (
    link_traces,
    put_spans,
    put_trace,
    tag_trace,
    untag_trace,
)

__all__ = [
    "AdoptedTrace",
    "Moment",
    "Span",
    "State",
    "Trace",
    "TraceQuery",
    "adopt_trace",
    "assess",
    "change_assessment",
    "drop_assessment",
    "find_traces",
    "get_assessment",
    "get_trace",
    "link_traces",
    "purge_traces",
    "put_spans",
    "put_trace",
    "remove_traces",
    "search_traces",
    "spans_of",
    "tag_trace",
    "untag_trace",
]
