"""`bucle.on_demand`: a Python function of one row, or of many, becomes a view."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias, TypedDict, Unpack

import pyarrow as pa

from bucle.base.capture import code_of as code_of  # noqa: PLC0414 - a name of this room
from bucle.base.errors import Invalid
from bucle.lifecycle.features.records import FeatureView, Kind, OnDemand

Said: TypeAlias = "Kind | type"
Function: TypeAlias = Callable[[pa.Table], object]

_KINDS: Mapping[object, Kind] = {
    float: "float64", int: "int64", bool: "bool", str: "string", datetime: "timestamp",
    **{kind: kind for kind in ("float64", "int64", "bool", "string", "timestamp")},
}  # fmt: skip


class About(TypedDict, total=False):
    """What a view says of itself."""

    name: str
    owner: str
    description: str


def on_demand(
    *,
    outputs: Mapping[str, Said],
    inputs: Sequence[str] = (),
    request: Mapping[str, Said] | None = None,
    **about: Unpack[About],
) -> Callable[[Function], FeatureView]:
    """Make a view of the function below: its features are computed when somebody asks.

    The function is given a `pyarrow.Table` with the features of `inputs` (views) and the columns
    of `request`, and returns a dict (or a table) with an array per output, or the one output's
    array.  It is taken along as text, with all of the project that it uses; what it imports must
    be installed where features are computed.  The view bears the function's name unless another
    one is given, and its docstring describes it unless something else does.

    Raises:
        Invalid: a type is none of float, int, bool, str and datetime, or the function uses
            something that can not be taken along.
    """

    def view_of(function: Function) -> FeatureView:
        doc = (function.__doc__ or "").strip().partition("\n")[0]
        return FeatureView(
            name=about.get("name", function.__name__),
            inputs=tuple(inputs),
            request={name: _kind(name, said) for name, said in (request or {}).items()},
            on_demand=tuple(
                OnDemand(name=name, type=_kind(name, said)) for name, said in outputs.items()
            ),
            function=code_of(function),
            owner=about.get("owner", ""),
            description=about.get("description", doc),
        )

    return view_of


def _kind(name: str, said: Said) -> Kind:
    if said not in _KINDS:
        raise Invalid(
            f"{name!r} is to be {said!r}, which is no type of a request or a computed feature",
            hint="float, int, bool, str or datetime",
        )
    return _KINDS[said]
