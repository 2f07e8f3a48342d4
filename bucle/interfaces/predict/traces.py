"""OpenTelemetry: one span per sampled request, with the trace that its caller began.

Off unless an endpoint is set, and then nothing of it is imported and no request passes through
here.  What is sampled and where it goes is said by OpenTelemetry's own variables (`OTEL_...`);
without any, one request in a hundred is, and every request of a trace that is sampled already.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bucle.base.errors import NotInstalled
from bucle.base.version import __version__
from bucle.interfaces.predict.door import Door, Routes
from bucle.interfaces.predict.refusals import Refusals
from bucle.interfaces.predict.requests import Done, Limits, Reply, Request

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_SAMPLER = "OTEL_TRACES_SAMPLER"
_SHARE = 0.01
_CARRIED = (b"traceparent", b"tracestate")
_TOLD = {
    b"bucle-deployment": "bucle.deployment",
    b"bucle-model": "bucle.model",
    b"bucle-variant": "bucle.variant",
    b"bucle-prediction-id": "bucle.prediction_id",
}
_NAMED = frozenset({"predict", "invocations", "explain", "openapi", "docs"})
_KNOWN = frozenset({"admin", "health", "metrics", "openapi.json", "ping", "v2", "version"})
_BUG = 500


def open_traces(endpoint: str, environ: Mapping[str, str]) -> "Traces | None":
    """Return what makes spans, or None where nobody wants any.

    Raises:
        NotInstalled: an endpoint is set and OpenTelemetry is not installed.
    """
    asked = endpoint or next((environ[name] for name in _ENDPOINTS if environ.get(name)), "")
    if not asked or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    try:
        import opentelemetry.exporter.otlp.proto.http.trace_exporter as exporting
        import opentelemetry.sdk.trace as sdk
    except ImportError as error:
        raise NotInstalled(
            f"traces are to go to {asked!r}, and OpenTelemetry is not installed",
            hint="pip install 'bucle[otel]'",
        ) from error
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    named = {} if environ.get("OTEL_SERVICE_NAME") else {"service.name": "bucle-model-server"}
    resource = Resource.create({**named, "service.version": __version__})
    # The SDK reads its own variables; of them only the sampler has another default here.
    sampler = None if environ.get(_SAMPLER) else ParentBased(TraceIdRatioBased(_SHARE))
    provider = sdk.TracerProvider(sampler=sampler, resource=resource)
    exporter = (
        exporting.OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        if endpoint
        else exporting.OTLPSpanExporter()
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Traces(provider)


class Traces:
    """Makes spans; they are handed over by a thread of OpenTelemetry's."""

    def __init__(self, provider: Any) -> None:  # noqa: ANN401 - opentelemetry.sdk's TracerProvider
        from opentelemetry.trace import SpanKind, Status, StatusCode
        from opentelemetry.trace.propagation import tracecontext

        self._provider = provider
        self._tracer = provider.get_tracer("bucle.predict", __version__)
        self._kind = SpanKind.SERVER
        self._failed = Status(StatusCode.ERROR)
        self._propagator = tracecontext.TraceContextTextMapPropagator()

    def begin(self, request: Request, done: Done) -> Done:
        """Begin a request's span; the returned function ends it and answers."""
        carried = {
            name.decode(): request.headers[name].decode("latin-1")
            for name in _CARRIED
            if name in request.headers
        }
        span = self._tracer.start_span(
            f"{request.method} {route_of(request)}",
            context=self._propagator.extract(carried) if carried else None,
            kind=self._kind,
        )
        if not span.is_recording():
            return done
        span.set_attributes(
            {
                "http.request.method": request.method,
                "http.route": route_of(request),
                "url.path": request.path,
                "http.request.body.size": len(request.body),
            }
        )

        def end(reply: Reply) -> None:
            span.set_attribute("http.response.status_code", reply.status)
            for name, value in reply.all_headers:
                if name in _TOLD:
                    span.set_attribute(_TOLD[name], value.decode("latin-1"))
            if reply.status >= _BUG:
                span.set_status(self._failed)
            span.end()
            told = span.get_span_context()
            response = f"00-{told.trace_id:032x}-{told.span_id:016x}-01".encode()
            headers = (*reply.headers, (b"traceresponse", response))
            done(msgspec.structs.replace(reply, headers=headers))

        return end

    def close(self) -> None:
        """Hand over what is left."""
        self._provider.shutdown()


class TracedDoor(Door):
    """A door whose requests have spans."""

    def __init__(
        self, rooms: Sequence[Routes], refusals: Refusals, limits: Limits, traces: Traces
    ) -> None:
        super().__init__(rooms, refusals, limits)
        self._traces = traces

    def answer(self, request: Request, done: Done) -> None:
        """Answer a request whose body is complete; `done` is called once, now or later."""
        super().answer(request, self._traces.begin(request, done))


def route_of(request: Request) -> str:
    """Return the address with names left out: spans of one route have one name."""
    parts = list(request.segments)
    if parts and parts[0] in _NAMED and len(parts) > 1:
        parts[1] = "{deployment}"
    elif parts[:2] == ["v2", "models"] or parts[:3] == ["v2", "repository", "models"]:
        at = parts.index("models") + 1
        parts[at : at + 1] = ["{deployment}"] if parts[at:] else []
        if parts[at + 1 : at + 2] == ["versions"] and parts[at + 2 :]:
            parts[at + 2] = "{version}"
    elif parts and parts[0] not in _NAMED and parts[0] not in _KNOWN:
        return "{unknown}"
    return "/" + "/".join(parts)
