"""What is known of a trace: one call through a program, and the spans that it was made of."""

from typing import Annotated, Any, Literal

import msgspec

from bucle.base.refs import Ref

State = Literal["STATE_UNSPECIFIED", "IN_PROGRESS", "OK", "ERROR"]

# The names of tags and metadata that the client gives a meaning.
NAME = "mlflow.traceName"
RUN = "mlflow.sourceRun"
SPANS = "mlflow.trace.spansLocation"
SPANS_HERE = "TRACKING_STORE"
FILES = "mlflow.artifactLocation"

Moment = Annotated[int, msgspec.Meta(ge=0, lt=2**62)]


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """One call through a program; times are milliseconds since 1970 (UTC)."""

    id: str
    experiment: str
    started_at: int
    duration_ms: int | None = None  # None: it goes on
    state: State = "IN_PROGRESS"
    client_id: str | None = None  # None: the client did not name the request
    request: str | None = None  # None: not told; else the beginning of what was asked
    response: str | None = None  # None: as above
    tags: dict[str, str] = {}
    metadata: dict[str, str] = {}
    assessments: tuple[dict[str, Any], ...] = ()

    @property
    def ref(self) -> Ref:
        """The trace's name in facts."""
        return Ref("trace", self.id)


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a trace; times are nanoseconds since 1970 (UTC)."""

    trace: str
    id: str
    name: str
    started_ns: int
    parent: str | None = None  # None: the root
    ended_ns: int | None = None  # None: it goes on
    type: str = ""
    status: Literal["UNSET", "OK", "ERROR"] = "UNSET"
    attributes: dict[str, Any] = {}
    body: str  # the whole span in OpenTelemetry's JSON


class TraceQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which traces to list, in which order; without one, the newest come first."""

    experiments: tuple[str, ...]
    filter: str = ""
    order_by: tuple[str, ...] = ()
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 100
    token: str | None = None  # None: from the beginning
