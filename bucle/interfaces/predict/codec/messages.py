"""What an inference request looks like as JSON: first the usual, quickly; then anything, kindly.

The quick form knows the type of every datatype's values, so that one pass of the decoder reads
and checks them.  What it refuses (nested data, bytes, mistakes) is read a second time without
types, to be understood or to be refused by the input's name and the value.
"""

from typing import Annotated, Any, ClassVar, TypeAlias, get_args, get_type_hints

import msgspec
import numpy as np
from msgspec import Meta

from bucle.base.errors import Invalid
from bucle.interfaces.predict.codec.calls import Scalar
from bucle.interfaces.predict.codec.datatypes import BOOL, BYTES, DTYPES, KNOWN

_FORM = '{"inputs": [{"name": ..., "shape": [n], "datatype": ..., "data": [...]}]}'
Parameters: TypeAlias = dict[str, Scalar]
_Size: TypeAlias = Annotated[int, Meta(ge=0)]


class _Typed(msgspec.Struct, tag_field="datatype", gc=False):
    name: str
    shape: list[_Size]


class _Bool(_Typed, tag="BOOL", gc=False):
    datatype: ClassVar[str] = "BOOL"
    data: list[bool | None]


class _Uint8(_Typed, tag="UINT8", gc=False):
    datatype: ClassVar[str] = "UINT8"
    data: list[Annotated[int, Meta(ge=0, le=2**8 - 1)] | None]


class _Uint16(_Typed, tag="UINT16", gc=False):
    datatype: ClassVar[str] = "UINT16"
    data: list[Annotated[int, Meta(ge=0, le=2**16 - 1)] | None]


class _Uint32(_Typed, tag="UINT32", gc=False):
    datatype: ClassVar[str] = "UINT32"
    data: list[Annotated[int, Meta(ge=0, le=2**32 - 1)] | None]


class _Uint64(_Typed, tag="UINT64", gc=False):
    datatype: ClassVar[str] = "UINT64"
    data: list[Annotated[int, Meta(ge=0)] | None]


class _Int8(_Typed, tag="INT8", gc=False):
    datatype: ClassVar[str] = "INT8"
    data: list[Annotated[int, Meta(ge=-(2**7), le=2**7 - 1)] | None]


class _Int16(_Typed, tag="INT16", gc=False):
    datatype: ClassVar[str] = "INT16"
    data: list[Annotated[int, Meta(ge=-(2**15), le=2**15 - 1)] | None]


class _Int32(_Typed, tag="INT32", gc=False):
    datatype: ClassVar[str] = "INT32"
    data: list[Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)] | None]


class _Int64(_Typed, tag="INT64", gc=False):
    datatype: ClassVar[str] = "INT64"
    data: list[Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None]


class _Fp16(_Typed, tag="FP16", gc=False):
    datatype: ClassVar[str] = "FP16"
    data: list[Annotated[float, Meta(ge=-65504.0, le=65504.0)] | None]


_FP32_MOST = 3.4028234663852886e38


class _Fp32(_Typed, tag="FP32", gc=False):
    datatype: ClassVar[str] = "FP32"
    data: list[Annotated[float, Meta(ge=-_FP32_MOST, le=_FP32_MOST)] | None]


class _Fp64(_Typed, tag="FP64", gc=False):
    datatype: ClassVar[str] = "FP64"
    data: list[float | None]


class _Text(_Typed, tag="BYTES", gc=False):
    datatype: ClassVar[str] = "BYTES"
    data: list[str | None]


_Quick: TypeAlias = (
    _Fp64 | _Fp32 | _Fp16 | _Int64 | _Int32 | _Int16 | _Int8 | _Uint64 | _Uint32 | _Uint16
    | _Uint8 | _Bool | _Text
)  # fmt: skip


class Output(msgspec.Struct, gc=False):
    """An output that is asked for."""

    name: str
    parameters: Parameters | None = None


class QuickRequest(msgspec.Struct, gc=False):
    """A request as most callers write it: flat data, no bytes."""

    inputs: list[_Quick]
    id: str = ""
    parameters: Parameters | None = None
    outputs: list[Output] | None = None


class Input(msgspec.Struct):
    """An input whose values were not looked at yet; once they were, it is a `Tensor`."""

    name: str
    shape: list[_Size]
    datatype: str
    data: Any = None  # None: its bytes follow the JSON
    parameters: Parameters | None = None


class Request(msgspec.Struct):
    """Any request."""

    inputs: list[Input]
    id: str = ""
    parameters: Parameters | None = None
    outputs: list[Output] | None = None


_QUICK = msgspec.json.Decoder(QuickRequest)
_ANY = msgspec.json.Decoder(Request)
_TYPED: tuple[type[_Typed], ...] = get_args(_Quick)
_VALUES: dict[str, Any] = {
    str(one.__struct_config__.tag): get_type_hints(one, include_extras=True)["data"]
    for one in _TYPED
}
# What decoding may raise; the last of a nesting deeper than Python's own limit.
NOT_UNDERSTOOD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def read_json(body: bytes) -> QuickRequest | Request:
    """Read a request whose values are all in the JSON.

    Raises:
        Invalid: it is not JSON (with the position), or not of that form; an input whose values
            are not what its datatype says is named.
    """
    try:
        return _QUICK.decode(body)
    except NOT_UNDERSTOOD:
        pass
    sent = read_head(body)
    for one in sent.inputs:
        if one.data is None:
            raise Invalid(
                f"the input {one.name!r} has no data",
                hint="write the values as data; bytes after the JSON need the header "
                "Inference-Header-Content-Length",
            )
        check_values(one)
    return sent


def read_head(body: bytes) -> Request:
    """Read a request's JSON; the values of its inputs are not looked at.

    Raises:
        Invalid: it is not JSON (with the position), or not of that form.
    """
    try:
        return _ANY.decode(body)
    except NOT_UNDERSTOOD as error:
        raise malformed(error, body, _FORM) from error


def check_values(one: Input) -> None:
    """Put an input's values flat, after a look at each.

    Raises:
        Invalid: a value is not what the datatype says, or data are nested unevenly.
    """
    check_datatype(one.name, one.datatype)
    if not isinstance(one.data, list):
        raise Invalid(
            f"the data of input {one.name!r} are {one.data!r:.40}, which is no list",
            hint=f"send {_FORM}",
        )
    values = _flat(one.name, one.data, len(one.shape))
    try:
        one.data = msgspec.convert(values, _VALUES[one.datatype])
    except msgspec.ValidationError:
        one.data = [_checked(one, value, place) for place, value in enumerate(values)]


def check_datatype(name: str, datatype: str) -> None:
    """Refuse a datatype that the protocol does not have.

    Raises:
        Invalid: it does not.
    """
    if datatype not in KNOWN:
        raise Invalid(
            f"the input {name!r} has the datatype {datatype!r:.40}, which there is not",
            hint=f"there are {', '.join(KNOWN)}",
        )


def malformed(error: Exception, body: bytes, form: str) -> Invalid:
    """Return what is said of a body that is not what was expected."""
    told = str(error) or "it is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        told = f"it holds bytes that are not UTF-8 ({error.object[error.start]:#04x})"
    elif "truncated" in told:  # the one complaint that comes without its place
        told = f"{told} (byte {len(body)})"
    return Invalid(f"the request is not understood: {told}", hint=f"send {form}")


def _flat(name: str, values: list[Any], depth: int) -> list[Any]:
    """Return values in row-major order; the protocol allows them nested as the shape is."""
    while depth > 1 and values and isinstance(values[0], list):
        depth -= 1
        size = len(values[0])
        if any(not isinstance(inner, list) or len(inner) != size for inner in values):
            raise Invalid(
                f"the data of input {name!r} are nested unevenly",
                hint="send lists of one length, or all values in one list",
            )
        values = [value for inner in values for value in inner]
    return values


def _checked(one: Input, value: object, place: int) -> Scalar:
    """Return a value as its datatype has it: 3.0 is a whole number, too.

    Raises:
        Invalid: it does not.
    """
    if value is None:
        return None
    datatype = one.datatype
    if isinstance(value, str) and datatype == BYTES:
        return value
    if isinstance(value, bool) and datatype == BOOL:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        dtype = DTYPES.get(datatype, DTYPES[BOOL])
        if dtype.kind == "f" and abs(value) <= float(np.finfo(dtype).max):
            return float(value)
        if dtype.kind in "iu" and value == int(value):
            bounds = np.iinfo(dtype)
            if bounds.min <= value <= bounds.max:
                return int(value)
    raise Invalid(
        f"the input {one.name!r} is {datatype}, and its value {place} is {value!r:.40}",
        hint=f"send values of {datatype}, or null where there is none",
    )
