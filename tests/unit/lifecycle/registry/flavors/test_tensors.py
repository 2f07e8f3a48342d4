"""A file of named arrays comes back as it was, and one that was tampered with is refused."""

import json
import struct

import numpy as np
import pytest

from bucle.base.errors import Invalid
from bucle.lifecycle.registry.flavors.tensors import dump_tensors, load_tensors

ARRAYS = {
    "weights": np.arange(6.0).reshape(3, 2),
    "empty": np.zeros((0, 4), np.float32),
    "flags": np.array([True, False]),
    "one": np.array(7, np.int64),
}


def test_arrays_and_words_come_back_as_they_were() -> None:
    arrays, words = load_tensors(dump_tensors(ARRAYS, {"link": "sigmoid"}))
    assert words == {"link": "sigmoid"}
    assert set(arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert np.array_equal(arrays[name], array)


def test_equal_arrays_give_equal_bytes_in_any_order() -> None:
    turned = dict(reversed(list(ARRAYS.items())))
    assert dump_tensors(turned, {}) == dump_tensors(ARRAYS, {})


def test_the_layout_is_that_of_safetensors() -> None:
    content = dump_tensors({"a": np.array([1.0, 2.0], np.float32)}, {"k": "v"})
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length])
    assert header == {
        "__metadata__": {"k": "v"},
        "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
    }
    assert content[8 + length :] == np.array([1.0, 2.0], "<f4").tobytes()


def _file(header: object, body: bytes = b"") -> bytes:
    told = json.dumps(header).encode()
    return struct.pack("<Q", len(told)) + told + body


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"abc",
        struct.pack("<Q", 1 << 40),
        _file([1, 2]),
        _file({"a": {"dtype": "F64", "shape": [2], "data_offsets": [0, 16]}}, b"short"),
        _file({"a": {"dtype": "F64", "shape": [1], "data_offsets": [-8, 0]}}, bytes(8)),
        _file({"a": {"dtype": "F64", "shape": [-1], "data_offsets": [0, 8]}}, bytes(8)),
        _file({"a": {"dtype": "O", "shape": [1], "data_offsets": [0, 8]}}, bytes(8)),
        _file({"a": {"dtype": "F64", "shape": "1", "data_offsets": [0, 8]}}, bytes(8)),
        _file({"a": {}}),
    ],
)
def test_a_file_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid, match=r"no file of tensors|does not fit|does not lie"):
        load_tensors(content)


def test_text_is_no_tensor() -> None:
    with pytest.raises(Invalid, match="'a' is of object"):
        dump_tensors({"a": np.array(["x"], dtype=object)}, {})
