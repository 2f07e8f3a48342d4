"""Draw what requests might say, of every kind and with what is missing."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from bucle.lifecycle.features.functions.call import TYPES
from bucle.lifecycle.features.records import Kind

_START = datetime(2000, 1, 1, tzinfo=UTC)
_EDGES: Mapping[Kind, tuple[object, ...]] = {
    "float64": (None, 0.0, -0.0, 1.0, -1.0, 1e-9, 1e12),
    "int64": (None, 0, 1, -1, 2**53 + 1, -(2**31)),
    "bool": (None, True, False),
    "string": (None, "", "a", "ñandú", "it's", "0"),
    "timestamp": (None, datetime(1970, 1, 1, tzinfo=UTC), datetime(2024, 2, 29, tzinfo=UTC)),
}
_EDGE_SHARE = 0.3


def drawn_request(
    request: Mapping[str, Kind], rows: int, rng: random.Random
) -> dict[str, pa.ChunkedArray]:
    """Return a column of random values for each of a request's columns."""
    return {
        name: pa.chunked_array([pa.array([_value(kind, rng) for _ in range(rows)], TYPES[kind])])
        for name, kind in request.items()
    }


def _value(kind: Kind, rng: random.Random) -> object:
    if kind == "bool" or rng.random() < _EDGE_SHARE:
        return rng.choice(_EDGES[kind])
    match kind:
        case "float64":
            return round(rng.lognormvariate(3, 2) * rng.choice((1, 1, 1, -1)), 4)
        case "int64":
            return rng.randint(-1_000, 1_000_000)
        case "timestamp":
            return _START + timedelta(seconds=rng.randrange(2**30))
    return "".join(rng.choice("abc xyzÑ") for _ in range(rng.randrange(1, 9)))
