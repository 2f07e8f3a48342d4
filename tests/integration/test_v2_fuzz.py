"""Whatever is sent to `/v2`: no 500 for a client's mistake, and answers in the protocol's form."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import jsonschema
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bucle.base.settings import load_settings
from bucle.interfaces.predict.process import ModelServer
from tests.support import open_inference
from tests.support.asgi import Answered, request
from tests.support.kinds import make_kinds_home

INFER = "/v2/models/kinds/infer"
HEADER = "inference-header-content-length"
GOOD = {
    "height": ("FP64", [1.5]),
    "floors": ("INT64", [2]),
    "lit": ("BOOL", [True]),
    "city": ("BYTES", ["here"]),
    "at": ("BYTES", ["2026-01-02"]),
}
FUZZ = settings(
    max_examples=150, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip

_numbers = st.integers(-(2**70), 2**70) | st.floats() | st.sampled_from([0, 1, -1, 2**53 + 1, 666])
_scalars = st.none() | st.booleans() | _numbers | st.text(max_size=20)
_json = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
_datatypes = st.sampled_from([
    "BOOL", "BYTES", "FP16", "FP32", "FP64", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16",
    "UINT32", "UINT64", "BF16", "", "fp64",
])  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    """Yield a model server in this process that serves `kinds`."""
    home = make_kinds_home(tmp_path_factory.mktemp("fuzz") / "home")
    running = ModelServer(load_settings({"BUCLE_HOME": str(home)}))
    running.watcher.restore()
    running.watcher.poll()
    yield running
    running.log.close()


def conforms(answered: Answered) -> None:
    """Check status and form."""
    assert answered.status < 500, answered.body
    if answered.status != 200:
        assert answered.status >= 400
        jsonschema.validate(answered.json, open_inference.ERROR)
        return
    length = int(answered.headers.get(HEADER, len(answered.body)))
    head = msgspec.json.decode(answered.body[:length])
    jsonschema.validate(head, open_inference.INFERENCE)
    said = sum(one.get("parameters", {}).get("binary_data_size", 0) for one in head["outputs"])
    assert length + said == len(answered.body)


@st.composite
def _tensors(draw: st.DrawFn) -> dict[str, Any]:
    """Return an input, good or spoilt in some places."""
    name = draw(st.sampled_from([*GOOD, "other", "x"]))
    datatype, values = GOOD.get(name, ("FP64", [1.5]))
    tensor: dict[str, Any] = {"name": name, "shape": [1], "datatype": datatype, "data": values}
    spoil = draw(
        st.sets(st.sampled_from(["name", "shape", "datatype", "data", "parameters"]), max_size=2)
    )
    if "name" in spoil:
        tensor["name"] = draw(_scalars)
    if "shape" in spoil:
        tensor["shape"] = draw(st.lists(st.integers(-2, 5) | st.just(2**40), max_size=4) | _json)
    if "datatype" in spoil:
        tensor["datatype"] = draw(_datatypes)
    if "data" in spoil:
        tensor["data"] = draw(st.lists(_scalars, max_size=5) | _json)
    if "parameters" in spoil:
        sizes = st.dictionaries(st.sampled_from(["binary_data_size", "shared_memory_region"]),
                                _scalars, max_size=2)  # fmt: skip
        tensor["parameters"] = draw(sizes | _json)
    return tensor


@st.composite
def _requests(draw: st.DrawFn) -> dict[str, Any]:
    inputs = [
        {"name": name, "shape": [1], "datatype": datatype, "data": values}
        for name, (datatype, values) in GOOD.items()
    ]
    if draw(st.booleans()):
        place = draw(st.integers(0, len(inputs) - 1))
        inputs[place] = draw(_tensors())
    elif draw(st.booleans()):
        inputs = draw(st.lists(_tensors(), max_size=4))
    sent: dict[str, Any] = {"inputs": inputs}
    names = st.sampled_from([
        "routing_key", "timeout", "binary_data_output", "sequence_id", "classification", "mine",
    ])  # fmt: skip
    if draw(st.booleans()):
        sent["parameters"] = draw(st.dictionaries(names, _scalars, max_size=3) | _json)
    if draw(st.booleans()):
        output = st.fixed_dictionaries(
            {"name": st.sampled_from(["prediction", "probability", "why"]) | _scalars},
            optional={"parameters": st.dictionaries(
                st.sampled_from(["binary_data", "classification"]), _scalars, max_size=2)},
        )  # fmt: skip
        sent["outputs"] = draw(st.lists(output, max_size=3) | _json)
    if draw(st.booleans()):
        sent["id"] = draw(_scalars)
    return sent


def _written(value: object) -> bytes:
    return msgspec.json.encode(value)  # NaN becomes null


@FUZZ
@given(sent=_requests())
def test_spoilt_requests_in_json(server: ModelServer, sent: dict[str, Any]) -> None:
    conforms(request(server.app, "POST", INFER, _written(sent)))


@FUZZ
@given(sent=_requests(), tail=st.binary(max_size=40), length=st.none() | st.integers(-2, 300)
       | st.text(alphabet="0123456789 -+.e²", max_size=4))  # fmt: skip
def test_spoilt_requests_in_bytes(
    server: ModelServer, sent: dict[str, Any], tail: bytes, length: int | str | None
) -> None:
    head = _written(sent)
    said = str(len(head) if length is None else length)
    conforms(request(server.app, "POST", INFER, head + tail, {HEADER: said}))


@FUZZ
@given(body=st.binary(max_size=60) | _json.map(_written))
def test_what_is_no_request_at_all(server: ModelServer, body: bytes) -> None:
    conforms(request(server.app, "POST", INFER, body))


@FUZZ
@given(
    parts=st.lists(
        st.sampled_from(["v2", "models", "kinds", "versions", "1", "infer", "ready", "health",
                         "live", "repository", "index", "load", "..", "", "%2e", "%ff", "%00"])
        | st.text(max_size=6),
        max_size=6,
    ),
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]),
)  # fmt: skip
def test_paths_that_somebody_made_up(server: ModelServer, parts: list[str], method: str) -> None:
    path = "/v2/" + "/".join(quote(part, safe="%") for part in parts)
    answered = request(server.app, method, path, b"")
    assert answered.status < 500, (method, path, answered.body)


def test_metadata_and_index_are_as_the_protocol_says(server: ModelServer) -> None:
    for path in ("/v2", "/v2/"):
        jsonschema.validate(request(server.app, "GET", path).json, open_inference.SERVER)
    for path in ("/v2/models/kinds", "/v2/models/kinds/versions/1"):
        jsonschema.validate(request(server.app, "GET", path).json, open_inference.MODEL)
    index = request(server.app, "POST", "/v2/repository/index")
    jsonschema.validate(index.json, open_inference.INDEX)
    for path in ("/v2/models/nobody", "/v2/models/kinds/versions/9", "/v2/models/nobody/ready"):
        answered = request(server.app, "GET", path)
        assert answered.status == 404
        jsonschema.validate(answered.json, open_inference.ERROR)


@pytest.mark.parametrize("depth", [500, 100_000])
def test_deep_json_is_a_bad_request(server: ModelServer, depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    for body in (deep, b'{"inputs": [{"data": ' + deep + b"}]}", b'{"x": ' + deep + b"}"):
        assert request(server.app, "POST", INFER, body).status == 400
