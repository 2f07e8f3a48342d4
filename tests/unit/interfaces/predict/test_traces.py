import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from bucle.base.errors import NotInstalled
from bucle.interfaces.predict.door import Door
from bucle.interfaces.predict.process import ModelServer
from bucle.interfaces.predict.requests import Request
from bucle.interfaces.predict.traces import open_traces, route_of
from tests.support.asgi import asked

ROW = {"heat": 5.0, "city": "here"}
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def collector() -> Iterator[tuple[str, list[Any]]]:
    """A receiver of OTLP over HTTP: its address, and the spans that came."""
    proto = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    spans: list[Any] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            sent = proto.ExportTraceServiceRequest.FromString(body)
            for resource in sent.resource_spans:
                names = {one.key: one.value.string_value for one in resource.resource.attributes}
                assert names["service.name"] == "bucle-model-server"
                spans.extend(span for scope in resource.scope_spans for span in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", spans
    server.shutdown()
    server.server_close()


def ask(server: ModelServer, path: str, row: dict[str, object], **headers: str) -> Any:
    return asyncio.run(asked(server.app, "POST", path, row, headers))


def attributes(span: Any) -> dict[str, Any]:
    found = {}
    for one in span.attributes:
        value = one.value
        found[one.key] = value.string_value or value.int_value
    return found


def test_a_sampled_request_is_a_span_of_its_callers_trace(
    start_server: Callable[..., ModelServer], collector: tuple[str, list[Any]]
) -> None:
    url, spans = collector
    server = start_server(otel_endpoint=url)
    answered = ask(server, "/predict/demand", ROW, traceparent=f"00-{TRACE}-{SPAN}-01")
    server._traces.close()
    (span,) = spans
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, SPAN)
    assert span.name == "POST /predict/{deployment}"
    told = attributes(span)
    assert told["http.response.status_code"] == 200
    assert (told["bucle.model"], told["bucle.variant"]) == ("model:demand@1", "champion")
    assert told["bucle.prediction_id"] == answered.headers["bucle-prediction-id"]
    assert answered.headers["traceresponse"] == f"00-{TRACE}-{span.span_id.hex()}-01"


def test_a_request_that_its_caller_did_not_sample_is_none(
    start_server: Callable[..., ModelServer], collector: tuple[str, list[Any]]
) -> None:
    url, spans = collector
    server = start_server(otel_endpoint=url)
    answered = ask(server, "/predict/demand", ROW, traceparent=f"00-{TRACE}-{SPAN}-00")
    server._traces.close()
    assert (answered.status, spans) == (200, [])
    assert "traceresponse" not in answered.headers


def test_a_failure_is_marked_and_a_broken_header_is_no_matter(
    start_server: Callable[..., ModelServer],
    collector: tuple[str, list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
    url, spans = collector
    server = start_server(otel_endpoint=url)
    ask(server, "/predict/demand", {**ROW, "heat": 666.0}, traceparent="what is this?")
    ask(server, "/predict/nothing", ROW)
    server._traces.close()
    failed, lost = sorted(spans, key=lambda span: span.start_time_unix_nano)
    assert (failed.status.code, attributes(failed)["http.response.status_code"]) == (2, 500)
    assert (lost.status.code, attributes(lost)["http.response.status_code"]) == (0, 404)


def test_a_collector_that_is_away_harms_no_request(
    start_server: Callable[..., ModelServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    server = start_server(otel_endpoint="http://127.0.0.1:9")
    assert ask(server, "/predict/demand", ROW).status == 200
    server._traces.close()


def test_without_an_endpoint_nothing_stands_between_a_request_and_its_door(
    server: ModelServer,
) -> None:
    assert type(server.door) is Door


@pytest.mark.parametrize(
    ("endpoint", "environ", "is_open"),
    [
        ("", {}, False),
        ("http://127.0.0.1:9", {}, True),
        ("", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, True),
        ("http://127.0.0.1:9", {"OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_an_endpoint_switches_traces_on(endpoint, environ, is_open) -> None:
    if is_open:
        pytest.importorskip("opentelemetry.sdk")
    traces = open_traces(endpoint, environ)
    assert (traces is not None) is is_open
    if traces is not None:
        traces.close()


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(NotInstalled) as error:
        open_traces("http://collector:4318", {})
    assert error.value.hint == "pip install 'bucle[otel]'"


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/predict/demand", "/predict/{deployment}"),
        ("/invocations", "/invocations"),
        ("/v2/models/demand/infer", "/v2/models/{deployment}/infer"),
        ("/v2/models/demand/versions/3/infer", "/v2/models/{deployment}/versions/{version}/infer"),
        ("/v2/repository/models/demand/load", "/v2/repository/models/{deployment}/load"),
        ("/v2/models", "/v2/models"),
        ("/health", "/health"),
        ("/", "/"),
        ("/some/other/4711", "{unknown}"),
    ],
)
def test_spans_of_one_route_have_one_name(path: str, route: str) -> None:
    assert route_of(Request("GET", path)) == route
