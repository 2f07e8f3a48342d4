"""The types of features, from the words in which they are kept to Arrow's."""

import re
from collections.abc import Callable, Sequence
from functools import cache

import pyarrow as pa

from bucle.lifecycle.data import Column


def empty_of(columns: Sequence[Column]) -> pa.Table | None:
    """Return a table of these columns without rows; None: the type of one is unknown."""
    types = [(each.name, type_named(each.type)) for each in columns]
    if any(type_ is None for _, type_ in types):
        return None
    return pa.schema(types).empty_table()


@cache
def type_named(text: str) -> pa.DataType | None:
    """Return the type that is written so; None: one that no feature has by itself."""
    for pattern, make in _PATTERNS:
        if found := pattern.fullmatch(text):
            return make(*found.groups())
    try:
        return pa.type_for_alias(text)
    except ValueError:
        return None


def _decimal(bits: str, digits: str, scale: str) -> pa.DataType:
    make = pa.decimal128 if bits == "128" else pa.decimal256
    return make(int(digits), int(scale))


def _list(of: str) -> pa.DataType | None:
    inner = type_named(of)
    return inner and pa.list_(inner)


def _struct(text: str) -> pa.DataType | None:
    fields = [part.partition(": ") for part in re.split(r", (?=\w+: )", text)]
    types = [(name, type_named(said)) for name, _, said in fields]
    if any(type_ is None for _, type_ in types):
        return None
    return pa.struct(types)


_PATTERNS: Sequence[tuple[re.Pattern[str], Callable[..., pa.DataType | None]]] = (
    (re.compile(r"timestamp\[(s|ms|us|ns)(?:, tz=(.+))?\]"), pa.timestamp),
    (re.compile(r"decimal(128|256)\((\d+), ?(-?\d+)\)"), _decimal),
    (re.compile(r"dictionary<values=([^,]+), .*>"), type_named),
    (re.compile(r"(?:large_)?list<[^:]+: (.+?)(?: not null)?>"), _list),
    (re.compile(r"struct<(.+)>"), _struct),
)
