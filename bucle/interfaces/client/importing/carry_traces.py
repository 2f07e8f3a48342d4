"""Carry traces with their spans; what was said of them (assessments) is told as left behind."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from bucle.base.codec import encode
from bucle.base.figure import plain_figure
from bucle.interfaces.client.importing import translate
from bucle.interfaces.client.importing.carrier import Carrier
from bucle.interfaces.client.importing.records import FoundExperiment, FoundTrace
from bucle.interfaces.client.importing.source import Unreadable

_CODES = {"UNSET": 0, "OK": 1, "ERROR": 2}
_STATES = {"OK", "ERROR", "IN_PROGRESS"}
_PREFIX = "tr-"


def carry_traces(carrier: Carrier, experiment: FoundExperiment, ours: str) -> None:
    """Carry an experiment's traces."""
    found = list(carrier.source.traces(experiment))
    before = carrier.looked([f"trace:{trace.id}" for trace in found])
    for trace in found:
        mark = carrier.mark(trace)
        if not carrier.is_new("traces", before.get(f"trace:{trace.id}"), mark):
            continue
        try:
            raw = carrier.source.spans(trace)
            spans = [_span(trace, one) for one in raw]
        except Unreadable as error:
            carrier.report.miss(f"the spans of trace {trace.id}", error.message)
            mark, spans = "", []
        except (KeyError, ValueError, TypeError) as error:
            carrier.report.miss(f"the spans of trace {trace.id}", f"not as MLflow writes: {error}")
            mark, spans = "", []
        fields = {"source": carrier.name, "trace": _trace(trace, ours), "spans": spans}
        carrier.carried("traces", f"trace {trace.id}", "imports.trace", fields | {"mark": mark})


def _trace(found: FoundTrace, experiment: str) -> dict[str, Any]:
    return {
        "id": found.id,
        "experiment": experiment,
        "started_at": found.at_ms,
        "duration_ms": found.took_ms,
        "state": found.state if found.state in _STATES else "STATE_UNSPECIFIED",
        "client_id": found.client_id or None,
        "request": found.request_preview or None,
        "response": found.response_preview or None,
        "tags": translate.clean(found.tags),
        "metadata": translate.clean(found.metadata),
    }


def _span(trace: FoundTrace, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a span as ours, and in OpenTelemetry's JSON, from either of MLflow's two forms."""
    plain = _newer(raw) if "context" in raw else raw
    attributes = dict(plain.get("attributes") or {})
    status = dict(plain.get("status") or {})
    word = str(status.get("code", "")).removeprefix("STATUS_CODE_")
    body = {
        "trace_id": plain["trace_id"],
        "span_id": plain["span_id"],
        "name": plain.get("name", ""),
        "kind": 1,
        "start_time_unix_nano": int(plain["start_time_unix_nano"]),
        "end_time_unix_nano": int(plain.get("end_time_unix_nano") or 0),
        "attributes": _pairs(attributes),
        "events": [
            {
                "name": event.get("name", ""),
                "time_unix_nano": int(event.get("time_unix_nano") or event.get("timestamp") or 0),
                "attributes": _pairs(dict(event.get("attributes") or {})),
            }
            for event in plain.get("events") or ()
        ],
        "status": {"code": _CODES.get(word, 0), "message": status.get("message", "")},
    }
    if plain.get("parent_span_id"):
        body["parent_span_id"] = plain["parent_span_id"]
    text = encode(body).decode().replace("\\u0000", "\\ufffd")
    return {
        "trace": trace.id,
        "id": base64.b64decode(plain["span_id"]).hex(),
        "parent": base64.b64decode(plain.get("parent_span_id") or "").hex() or None,
        "name": str(plain.get("name", "")),
        "type": str(_read(attributes.get("mlflow.spanType", ""))),
        "status": word if word in _CODES else "UNSET",
        "started_ns": body["start_time_unix_nano"],
        "ended_ns": body["end_time_unix_nano"] or None,
        "attributes": {name: _plain(_read(value)) for name, value in attributes.items()},
        "body": text,
    }


def _plain(value: object) -> object:
    """Return a value as every JSON holds it."""
    if isinstance(value, float):
        return plain_figure(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value.replace("\x00", "\ufffd") if isinstance(value, str) else value


def _newer(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a span of MLflow 2 in the form of MLflow 3: ids in base 64, times by their names."""
    context = raw["context"]
    return {
        "trace_id": _base64(context["trace_id"]),
        "span_id": _base64(context["span_id"]),
        "parent_span_id": _base64(raw["parent_id"]) if raw.get("parent_id") else "",
        "name": raw.get("name", ""),
        "start_time_unix_nano": raw["start_time"],
        "end_time_unix_nano": raw.get("end_time"),
        "status": {"code": raw.get("status_code", ""), "message": raw.get("status_message", "")},
        "attributes": raw.get("attributes"),
        "events": raw.get("events"),
    }


def _base64(digits: str) -> str:
    return base64.b64encode(bytes.fromhex(digits.removeprefix("0x"))).decode()


def _pairs(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return attributes as OpenTelemetry has them, in wrappings that say their types."""
    return [{"key": name, "value": _wrapped(_read(value))} for name, value in attributes.items()]


def _wrapped(value: object) -> dict[str, Any]:
    match value:
        case bool():
            return {"bool_value": value}
        case int():
            return {"int_value": str(value)}
        case float():
            return {"double_value": plain_figure(value)}
        case list() | tuple():
            return {"array_value": {"values": [_wrapped(one) for one in value]}}
        case dict():
            pairs = [{"key": str(name), "value": _wrapped(one)} for name, one in value.items()]
            return {"kvlist_value": {"values": pairs}}
    return {} if value is None else {"string_value": str(value).replace("\x00", "\ufffd")}


def _read(value: object) -> object:
    """Return what an attribute holds: MLflow 3 keeps it as JSON in a text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
