"""`/v1/traces`: spans as OpenTelemetry sends them, kept under the client's names."""

import math
from collections.abc import Mapping
from typing import Any

from bucle.base.codec import encode
from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.interfaces.http.answers import Answer, Request, read_body
from bucle.interfaces.mlflow.endpoint import AnyEndpoint, Desk, Transfer
from bucle.interfaces.mlflow.otlp import (
    id_of,
    plain_attributes,
    spans_of_json,
    spans_of_protobuf,
    unpacked,
)
from bucle.lifecycle.tracking import traces
from bucle.lifecycle.tracking.traces import Span

_PROTOBUF = "application/x-protobuf"
_LIMIT_BYTES = 64 << 20
_LAST_NS = 2**63 - 1
_STATUSES = {1: "OK", 2: "ERROR"}


async def _receive(desk: Desk, request: Request, _values: dict[str, str]) -> Answer:
    experiment = request.headers.get("x-mlflow-experiment-id", "")
    if not experiment:
        raise Invalid("say which experiment the spans are of: x-mlflow-experiment-id")
    run = request.headers.get("x-mlflow-run-id", "")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip()
    encoding = request.headers.get("content-encoding", "").lower()
    body = await read_body(request, limit_bytes=_LIMIT_BYTES)

    def keep() -> None:
        spans = _spans(unpacked(body, encoding), media_type)
        with desk.session.begin() as scope:
            traces.put_spans(scope, experiment, spans)
            if run:
                ended = list({span.trace for span in spans if span.parent is None})
                traces.link_traces(scope, ended, Ref("run", run))

    await desk.threads.quick(keep)
    return Answer(media_type=_PROTOBUF)


def _spans(body: bytes, media_type: str) -> list[Span]:
    if media_type == "application/json":
        found = spans_of_json(body)
    elif media_type == _PROTOBUF:
        found = spans_of_protobuf(body)
    else:
        raise Invalid(f"content-type {media_type[:60]!r} is not read", hint=_PROTOBUF)
    if not found:
        raise Invalid("the body holds no spans")
    return [_span(one) for one in found]


def _span(raw: Mapping[str, Any]) -> Span:
    trace, id_ = id_of(raw, "trace_id"), id_of(raw, "span_id")
    if not trace or not id_:
        raise Invalid("a span has no id, or none of a trace")
    body = encode(_finite(raw)).decode()
    if "\\u0000" in body:
        raise Invalid("a span holds a NUL character", hint="leave it out")
    attributes = _finite(plain_attributes(raw.get("attributes", ())))
    started, ended = raw.get("start_time_unix_nano", 0), raw.get("end_time_unix_nano", 0)
    if not (0 <= started <= _LAST_NS and 0 <= ended <= _LAST_NS):
        raise Invalid(f"a span's times are {started} and {ended}, and no moments")
    return Span(
        trace=f"tr-{trace}",
        id=id_,
        parent=id_of(raw, "parent_span_id") or None,
        name=str(raw.get("name", "")),
        type=str(attributes.get("mlflow.spanType", "")),
        status=_STATUSES.get(raw.get("status", {}).get("code", 0), "UNSET"),  # type: ignore[arg-type]
        started_ns=started,
        ended_ns=ended or None,
        attributes=attributes,
        body=body,
    )


def _finite(value: Any) -> Any:  # noqa: ANN401 - any tree
    """Write NaN and the infinities as protobuf's JSON does: by name."""
    if isinstance(value, Mapping):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Transfer(method="POST", path="v1/traces", version="", handle=_receive),
)
