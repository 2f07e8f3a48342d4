import struct
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucle.base.errors import Invalid
from bucle.governance.access.principals import add_principal, grant
from bucle.governance.access.tokens import create_token
from bucle.governance.session import Session
from bucle.interfaces.predict.codec import Answer, Call, decode_infer, encode_infer
from bucle.interfaces.predict.process import ModelServer
from bucle.lifecycle import serving
from bucle.lifecycle.registry import Field
from tests.support.asgi import request

INFER = "/v2/models/demand/infer"
HEADER = "inference-header-content-length"
FIELDS = (
    Field(name="f", type="float64"),
    Field(name="i", type="int64"),
    Field(name="b", type="bool"),
    Field(name="s", type="string"),
)


def tensor(name: str, datatype: str, data: list[Any]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [len(data)], "data": data}


def decoded(*tensors: dict[str, Any], fields: tuple[Field, ...] = FIELDS, **more: Any) -> Call:
    return decode_infer(msgspec.json.encode({"inputs": tensors, **more}), {}, fields)


def in_bytes(
    tensors: list[tuple[str, str, list[int], bytes]], **more: Any
) -> tuple[bytes, dict[bytes, bytes]]:
    inputs = [
        {"name": name, "datatype": datatype, "shape": shape,
         "parameters": {"binary_data_size": len(content)}}
        for name, datatype, shape, content in tensors
    ]  # fmt: skip
    head = msgspec.json.encode({"inputs": inputs, **more})
    length = {HEADER.encode(): str(len(head)).encode()}
    return head + b"".join(content for *_, content in tensors), length


def plain(column: Any) -> list[Any]:
    return list(column) if isinstance(column, list) else column.tolist()


@pytest.mark.parametrize("many", [1, 40])
@pytest.mark.parametrize(
    ("name", "datatype", "sent", "taken"),
    [
        ("f", "FP64", 1.5, 1.5),
        ("f", "FP32", 1.5, 1.5),
        ("f", "FP16", 1.5, 1.5),
        ("f", "INT8", -128, -128.0),
        ("f", "UINT64", 2**63, 2.0**63),
        ("f", "INT64", 2**53 + 2, 2.0**53 + 2),
        ("i", "INT64", -(2**63), -(2**63)),
        ("i", "UINT8", 255, 255),
        ("i", "INT16", -(2**15), -(2**15)),
        ("i", "UINT32", 2**32 - 1, 2**32 - 1),
        ("i", "UINT64", 2**63 - 1, 2**63 - 1),
        ("i", "FP64", 3.0, 3),
        ("b", "BOOL", True, True),
        ("b", "UINT8", 1, True),
        ("b", "FP32", 0.0, False),
        ("s", "BYTES", "héllo", "héllo"),
    ],
)
def test_every_datatype_becomes_the_models_own_exactly(
    name: str, datatype: str, sent: Any, taken: Any, many: int
) -> None:
    call = decoded(tensor(name, datatype, [sent] * many))
    assert plain(call.columns[name]) == [taken] * many
    nested = {**tensor(name, datatype, [[sent]] * many), "shape": [many, 1]}
    assert plain(decoded(nested).columns[name]) == [taken] * many


@pytest.mark.parametrize("many", [1, 40])
@pytest.mark.parametrize(
    ("name", "datatype", "sent", "said"),
    [
        ("f", "FP64", "warm", "'f' is FP64, and its value .* is 'warm'"),
        ("f", "FP64", True, "is True"),
        ("f", "FP16", 65505.0, "'f' is FP16"),
        ("f", "FP32", 1e39, "'f' is FP32"),
        ("f", "BYTES", "a", "'f' takes FP64, not BYTES"),
        ("f", "BOOL", True, "'f' takes FP64, not BOOL"),
        ("f", "INT64", 2**53 + 1, "'f' takes FP64, which does not hold 9007199254740993"),
        ("f", "UINT64", 2**64, "no UINT64"),
        ("i", "INT8", 128, "'i' is INT8"),
        ("i", "UINT8", -1, "'i' is UINT8"),
        ("i", "INT64", 2**63, "'i' is INT64"),
        ("i", "INT32", 1.5, "'i' is INT32"),
        ("i", "UINT64", 2**63, "'i' takes INT64, which does not hold 9223372036854775808"),
        ("i", "FP64", 1.5, "'i' takes INT64, which does not hold 1.5"),
        ("i", "FP64", 1e30, "does not hold 1e\\+30"),
        ("b", "UINT8", 2, "'b' takes BOOL, which does not hold 2"),
        ("b", "BOOL", 1, "'b' is BOOL"),
        ("s", "FP64", 1.5, "'s' takes BYTES, not FP64"),
        ("s", "BYTES", 1, "'s' is BYTES"),
        ("f", "FP8", 1, "datatype 'FP8'"),
    ],
)
def test_what_a_type_does_not_hold_is_refused_by_name(
    name: str, datatype: str, sent: Any, said: str, many: int
) -> None:
    with pytest.raises(Invalid, match=said):
        decoded(tensor(name, datatype, [sent] * many))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shape": [2]}, r"shape \[2\] and 1 values"),
        ({"shape": [-1]}, "Expected `int` >= 0"),
        ({"shape": [1, 1, 1]}, "which is no column"),
        ({"shape": [2**40, 2**40]}, "and 1 values"),
        ({"shape": [0], "data": []}, "no rows"),
        ({"data": {"a": 1}}, "no list"),
        ({"data": None}, "has no data"),
        ({"parameters": {"shared_memory_region": "r"}, "data": None}, "has no data"),
    ],
)
def test_shapes_and_data_must_agree(change: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        decoded(tensor("f", "FP64", [1.5]) | change)


_VALUES = st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats(width=32)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    name=st.sampled_from(["f", "i", "b", "s", "other"]),
    datatype=st.sampled_from(["BOOL", "BYTES", "FP16", "FP32", "FP64", "INT8", "INT64", "UINT64"]),
    values=st.lists(_VALUES | st.text(max_size=3), min_size=1, max_size=20)
    | st.lists(st.integers(-200, 200), min_size=1, max_size=20),
)
def test_the_quick_reading_says_what_the_careful_one_says(
    name: str, datatype: str, values: list[Any]
) -> None:
    flat = tensor(name, datatype, msgspec.json.decode(msgspec.json.encode(values)))
    nested = flat | {"shape": [len(values), 1], "data": [[value] for value in flat["data"]]}
    assert _said(flat) == _said(nested)


def _said(one: dict[str, Any]) -> tuple[list[Any], list[type]] | str:
    try:
        column = plain(decoded(one).columns[one["name"]])
    except Invalid as error:
        return error.message
    return column, [type(value) for value in column]


def test_a_matrix_stands_for_all_columns_in_the_models_order() -> None:
    fields = FIELDS[:2]
    for rows in (2, 50):
        values = [[float(row), row] for row in range(rows)]
        one = {"name": "x", "shape": [rows, 2], "datatype": "FP32", "data": values}
        call = decoded(one, fields=fields)
        assert plain(call.columns["f"]) == [float(row) for row in range(rows)]
        assert plain(call.columns["i"]) == list(range(rows))
    with pytest.raises(Invalid, match="the model takes 2 columns"):
        decoded(
            {"name": "x", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}, fields=fields
        )
    with pytest.raises(Invalid, match=r"'i' takes INT64, which does not hold 0\.5"):
        decoded({"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 0.5]}, fields=fields)


def test_parameters_say_key_and_timeout_and_the_callers_own_go_back() -> None:
    call = decoded(
        tensor("f", "FP64", [1.5]),
        parameters={"routing_key": "ann", "timeout": 250_000, "trace": "a", "priority": 0},
    )
    assert (call.routing_key, call.timeout_s) == ("ann", 0.25)
    assert call.parameters == {"trace": "a"}
    said = msgspec.json.decode(encode_infer(answered(), call, "demand", OUTPUTS)[0])
    assert said["parameters"]["trace"] == "a"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"parameters": {"timeout": "soon"}}, "'timeout' is 'soon'"),
        ({"parameters": {"timeout": -1}}, "'timeout' is -1"),
        ({"parameters": {"binary_data_output": 1}}, "'binary_data_output' is 1"),
        ({"parameters": {"a": [1]}}, "parameters"),
        ({"outputs": [{"name": "p", "parameters": {"classification": 2}}]}, "'classification'"),
        ({"outputs": [{"name": "p", "parameters": {"binary_data": "yes"}}]}, "'binary_data'"),
        ({"outputs": "p"}, "outputs"),
        ({"id": 7}, "id"),
    ],
)
def test_what_is_not_offered_or_not_understood_is_refused(more: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        decoded(tensor("f", "FP64", [1.5]), **more)


def test_bytes_are_read_without_copying() -> None:
    values = np.arange(64.0)
    body, headers = in_bytes([("f", "FP64", [64], values.tobytes())])
    body = body.replace(b'{"inputs"', b" " * (-int(headers[HEADER.encode()]) % 8) + b'{"inputs"')
    headers = {HEADER.encode(): str(len(body) - values.nbytes).encode()}
    call = decode_infer(body, headers, FIELDS)
    column = call.columns["f"]
    assert isinstance(column, np.ndarray)
    np.testing.assert_array_equal(column, values)
    assert column.base is not None or not column.flags.writeable


def test_every_datatype_comes_as_bytes() -> None:
    text = b"".join(struct.pack("<I", len(one)) + one for one in (b"", "ñ".encode()))
    body, headers = in_bytes([
        ("f", "FP16", [2], np.array([1.5, -2], "<f2").tobytes()),
        ("i", "UINT16", [2, 1], np.array([1, 65535], "<u2").tobytes()),
        ("b", "BOOL", [2], b"\x00\x01"),
        ("s", "BYTES", [2], text),
    ])  # fmt: skip
    call = decode_infer(body, headers, FIELDS)
    assert {name: plain(column) for name, column in call.columns.items()} == {
        "f": [1.5, -2.0], "i": [1, 65535], "b": [False, True], "s": ["", "ñ"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("tensors", "length", "said"),
    [
        ([("f", "FP64", [2], b"12345678")], None, r"are 16 bytes, and 8 bytes"),
        ([("b", "BOOL", [1], b"\x02")], None, "neither 0 nor 1"),
        ([("s", "BYTES", [1], b"\xff\xff\xff\xffab")], None, "a text of 4294967295 bytes"),
        ([("s", "BYTES", [1], b"\x01\x00")], None, "1 values by its shape"),
        ([("s", "BYTES", [1], b"\x01\x00\x00\x00\xff")], None, "no UTF-8"),
        ([("s", "BYTES", [2], b"\x01\x00\x00\x00a")], None, "2 values by its shape, and 1 texts"),
        ([("f", "FP64", [1], b"12345678")], b"9999", "is '9999'"),
        ([("f", "FP64", [1], b"12345678")], b"-1", "is '-1'"),
        ([("f", "FP64", [1], b"12345678")], b"1e3", "is '1e3'"),
        ([("f", "FP64", [1], b"12345678")], b"4", "not understood"),
        ([("f", "FP64", [1], b"12345678")], b"0", "bytes alone"),
        ([("i", "INT64", [2**62], b"")], None, "bytes, and 0 bytes"),
    ],
)
def test_bytes_that_do_not_fit_are_refused(tensors: Any, length: Any, said: str) -> None:
    body, headers = in_bytes(tensors)
    with pytest.raises(Invalid, match=said):
        decode_infer(body, {HEADER.encode(): length} if length else headers, FIELDS)


def test_bytes_behind_the_last_input_are_refused() -> None:
    body, headers = in_bytes([("f", "FP64", [1], b"12345678")])
    with pytest.raises(Invalid, match="3 bytes are left behind"):
        decode_infer(body + b"abc", headers, FIELDS)


def test_bytes_alone_are_the_values_of_the_only_column() -> None:
    call = decode_infer(np.arange(3.0).tobytes(), {HEADER.encode(): b"0"}, FIELDS[:1])
    assert (plain(call.columns["f"]), call.binary) == ([0.0, 1.0, 2.0], True)


OUTPUTS = (
    Field(name="prediction", type="string"),
    Field(name="probability", type="list<float64>"),
)


def answered() -> Answer:
    outputs = {"prediction": ["a", "ñ"], "probability": np.array([[0.1, 0.9], [np.nan, 0.4]])}
    return Answer("deployment:demand@3", "model:demand@7", "champion", ["A", "B"], outputs)


def test_an_answer_in_bytes_says_where_they_begin() -> None:
    call = Call({}, 2, binary=True)
    body, headers = encode_infer(answered(), call, "demand", OUTPUTS)
    ((name, length),) = headers
    assert name.decode() == HEADER
    head, tail = body[: int(length)], body[int(length) :]
    first, second = msgspec.json.decode(head)["outputs"]
    assert (first["parameters"], second["parameters"]) == (
        {"binary_data_size": 11}, {"binary_data_size": 32},
    )  # fmt: skip
    assert tail[:11] == b"\x01\x00\x00\x00a\x02\x00\x00\x00" + "ñ".encode()
    np.testing.assert_array_equal(np.frombuffer(tail[11:]), [0.1, 0.9, np.nan, 0.4])


def test_single_outputs_may_come_as_bytes() -> None:
    call = decoded(
        tensor("f", "FP64", [1.5]),
        outputs=[{"name": "prediction"},
                 {"name": "probability", "parameters": {"binary_data": True}}],
    )  # fmt: skip
    body, ((_, length),) = encode_infer(answered(), call, "demand", OUTPUTS)
    first, second = msgspec.json.decode(body[: int(length)])["outputs"]
    assert first["data"] == ["a", "ñ"]
    assert "data" not in second


def test_not_a_number_is_null_in_json() -> None:
    said = msgspec.json.decode(encode_infer(answered(), Call({}, 2), "demand", OUTPUTS)[0])
    assert said["outputs"][1] == {
        "name": "probability", "shape": [2, 2], "datatype": "FP64", "data": [0.1, 0.9, None, 0.4],
    }  # fmt: skip


# Over the door.


def row(heat: float = 1.5) -> dict[str, Any]:
    return {"inputs": [tensor("heat", "FP64", [heat]), tensor("city", "BYTES", ["here"])]}


def test_bytes_are_answered_with_bytes_over_the_door(server: ModelServer) -> None:
    text = struct.pack("<I", 4) + b"here"
    body, headers = in_bytes(
        [("heat", "FP64", [1], struct.pack("<d", 1.5)), ("city", "BYTES", [1], text)],
        parameters={"binary_data_output": True},
    )
    given = {name.decode(): value.decode() for name, value in headers.items()}
    answered = request(server.app, "POST", INFER, body, given)
    assert answered.headers["content-type"] == "application/octet-stream"
    length = int(answered.headers[HEADER])
    assert struct.unpack("<d", answered.body[length:]) == (1.5,)


def test_an_output_that_there_is_not_is_refused_before_anything_is_predicted(
    server: ModelServer,
) -> None:
    answered = request(server.app, "POST", INFER, row() | {"outputs": [{"name": "why"}]})
    assert answered.status == 400
    assert "no output 'why'" in answered.json["error"]
    assert server.log.health().logged_rows == 0


def test_what_is_unloaded_is_not_answered_until_it_is_loaded(
    server: ModelServer, start_server: Callable[..., ModelServer]
) -> None:
    models = "/v2/repository/models/demand"
    assert request(server.app, "POST", f"{models}/unload").status == 200
    refused = request(server.app, "POST", INFER, row())
    assert (refused.status, "was unloaded" in refused.json["error"]) == (503, True)
    assert request(server.app, "POST", "/predict/demand", {"heat": 1, "city": "a"}).status == 503
    assert request(server.app, "GET", "/v2/models/demand/ready").status == 503
    assert request(server.app, "GET", "/v2/health/ready").status == 200
    index = request(server.app, "POST", "/v2/repository/index").json
    assert index == [
        {"name": "demand", "version": "1", "state": "UNAVAILABLE", "reason": "unloaded"}
    ]
    other = start_server()  # another worker, or this one when it was started again
    assert request(other.app, "POST", INFER, row()).status == 503
    assert request(server.app, "POST", f"{models}/load").status == 200
    assert request(server.app, "POST", INFER, row()).status == 200
    other.watcher.poll()
    assert request(other.app, "POST", INFER, row()).status == 200
    ready = request(server.app, "POST", "/v2/repository/index", {"ready": True}).json
    assert [one["state"] for one in ready] == ["READY"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("index", b"[1", 400),
        ("index", b'{"ready": "yes"}', 400),
        ("models/nobody/load", b"", 404),
        ("models/demand/load", b'{"parameters": {"config": "{}"}}', 400),
        ("models/demand/unload", b'{"parameters": {"unload_dependents": true}}', 200),
    ],
)
def test_the_repository_refuses_what_it_does_not_understand(
    server: ModelServer, path: str, body: bytes, status: int
) -> None:
    assert request(server.app, "POST", f"/v2/repository/{path}", body).status == status


def test_loading_and_unloading_need_the_right_token_where_predictions_need_one(
    start_server: Callable[..., ModelServer], session: Session
) -> None:
    with session.begin() as scope:
        add_principal(scope, "reader", kind="service")
        grant(scope, "reader", "viewer")
        reader = create_token(scope, principal="reader").bearer
        owner = create_token(scope).bearer
    serving.publish(session)
    app = start_server(host="0.0.0.0").app

    def unload(token: str) -> int:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return request(app, "POST", "/v2/repository/models/demand/unload", b"", headers).status

    assert [unload(token) for token in ("", reader, owner)] == [401, 403, 200]
