"""OpenTelemetry's spans off the wire: bytes that a client sent, and bytes that none would."""

import base64
import gzip
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucle.base.errors import Invalid
from bucle.interfaces.mlflow.otlp import (
    id_of,
    plain_attributes,
    spans_of_json,
    spans_of_protobuf,
    unpacked,
)
from tests.support.otlp import SPAN, TRACE, fixed, held, pair, request, varint, whole


def test_every_kind_of_attribute_is_read():
    double = varint(4 << 3 | 1) + struct.pack("<d", 0.5)
    listed = held(5, held(1, held(1, "a")) + held(1, whole(3, -1)))
    mapped = held(6, held(1, held(1, "k") + held(2, whole(2, 1))))
    span = held(1, TRACE) + held(2, SPAN) + held(5, "ñame") + fixed(7, 5) + fixed(8, 2**63 - 1)
    for key, value in (("text", held(1, "v")), ("int", whole(3, -(2**63))), ("double", double),
                       ("list", listed), ("map", mapped), ("none", b"")):  # fmt: skip
        span += pair(key, value)
    (found,) = spans_of_protobuf(request(span + held(15, whole(3, 2) + held(2, "why"))))
    assert (found["name"], found["start_time_unix_nano"], found["end_time_unix_nano"]) == (
        "ñame", 5, 2**63 - 1)  # fmt: skip
    assert (id_of(found, "trace_id"), id_of(found, "span_id")) == (TRACE.hex(), SPAN.hex())
    assert id_of(found, "parent_span_id") == ""
    assert found["status"] == {"code": 2, "message": "why"}
    assert plain_attributes(found["attributes"]) == {
        "text": "v", "int": -(2**63), "double": 0.5, "list": ["a", -1], "map": {"k": True},
        "none": None,
    }  # fmt: skip


def test_fields_that_we_do_not_know_are_left_unread():
    span = (
        held(1, TRACE) + held(99, b"what is this") + fixed(98, 1) + whole(97, 300) + held(2, SPAN)
    )
    (found,) = spans_of_protobuf(request(span) + whole(50, 1))
    assert set(found) == {"trace_id", "span_id"}


def test_json_says_the_same_as_protobuf():
    (found,) = spans_of_json(
        b"""{"resourceSpans": [{"resource": {}, "scopeSpans": [{"spans": [{
        "traceId": "000102030405060708090a0b0c0d0e0f", "spanId": "0001020304050607",
        "name": "a", "kind": "SPAN_KIND_CLIENT", "startTimeUnixNano": "7",
        "attributes": [{"key": "n", "value": {"intValue": "3"}},
                       {"key": "l", "value": {"arrayValue": {"values": [{"stringValue": "x"}]}}}],
        "status": {"code": "STATUS_CODE_ERROR"}, "unknown": {"a": 1}}]}]}]}"""
    )
    assert found["trace_id"] == base64.b64encode(TRACE).decode()
    assert (found["kind"], found["status"]["code"], found["start_time_unix_nano"]) == (3, 2, 7)
    assert plain_attributes(found["attributes"]) == {"n": 3, "l": ["x"]}


@pytest.mark.parametrize("body", [b"\xff", held(1, held(2, held(2, b"\x0a\xff"))), b"\x0a\x7f",
                                  request(whole(1, 5)), request(held(5, b"\xff\xfe")),
                                  b"\x80" * 11, b"\x0b"])  # fmt: skip
def test_bytes_that_are_no_request_are_refused(body):
    with pytest.raises(Invalid, match="protobuf"):
        spans_of_protobuf(body)


@given(st.binary(max_size=300))
def test_no_bytes_are_a_bug(body):
    for read in (spans_of_protobuf, lambda raw: spans_of_protobuf(request(raw)), spans_of_json):
        try:
            read(body)
        except Invalid:
            continue


SPANS_OF = b'{"resourceSpans":[{"scopeSpans":[{"spans":[%s]}]}]}'


@pytest.mark.parametrize("body", [b"[]", b"3", b'{"resourceSpans": 3}', b'{"resourceSpans": [3]}',
                                  SPANS_OF % b'{"traceId":"zz"}', SPANS_OF % b'"a"'])  # fmt: skip
def test_json_of_another_shape_is_refused(body):
    with pytest.raises(Invalid, match="JSON"):
        spans_of_json(body)


def test_compressed_bodies_are_unpacked_and_bombs_are_not():
    assert unpacked(gzip.compress(b"x"), "gzip") == unpacked(zlib.compress(b"x"), "deflate") == b"x"
    bomb = gzip.compress(bytes(65 << 20))
    for body, encoding in ((bomb, "gzip"), (b"x", "gzip"), (gzip.compress(b"x")[:-4], "gzip"),
                           (b"x", "br")):  # fmt: skip
        with pytest.raises(Invalid):
            unpacked(body, encoding)
