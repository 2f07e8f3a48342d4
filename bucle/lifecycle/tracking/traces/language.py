"""What a search of traces can ask for."""

from types import MappingProxyType

from bucle.base.filters import (
    EQUAL,
    LIKE,
    LISTED,
    NUMERIC,
    PRESENT,
    Group,
    Kind,
    Language,
    Operator,
)

_RLIKE: frozenset[Operator] = frozenset({"RLIKE"})
_TEXT = Kind(type="text", operators=LIKE | LISTED | _RLIKE)
_NUMBER = Kind(type="number", operators=NUMERIC)
_CONTENT = Kind(type="text", operators=LIKE - EQUAL)
_SAID = Kind(type="text", operators=LIKE | PRESENT | _RLIKE)
_JUDGED = Kind(type="any", operators=LIKE | NUMERIC | PRESENT | _RLIKE)
_ATTRIBUTES = {
    "request_id": _TEXT,
    "client_request_id": _TEXT,
    "timestamp_ms": _NUMBER,
    "execution_time_ms": _NUMBER,
    "end_time_ms": _NUMBER,
    "status": _TEXT,
    "name": _TEXT,
    "run_id": _TEXT,
    "text": _CONTENT,
}
_UNORDERED = frozenset({"text", "client_request_id"})
_ALIASES = MappingProxyType(
    {
        "timestamp": "timestamp_ms",
        "execution_time": "execution_time_ms",
        "end_time": "end_time_ms",
        "state": "status",
        "trace_id": "request_id",
        "id": "request_id",
    }
)


def _attribute(keys: dict[str, Kind]) -> Group:
    spellings = frozenset({"attribute", "attributes", "trace"})
    return Group(name="attribute", spellings=spellings, keys=keys, aliases=_ALIASES)


FILTER = Language(
    groups=(
        _attribute(_ATTRIBUTES),
        Group(name="tag", spellings=frozenset({"tag", "tags"}), keys=_SAID),
        Group(name="metadata", spellings=frozenset({"metadata", "request_metadata"}), keys=_SAID),
        Group(name="span", spellings=frozenset({"span"}), keys=_TEXT),
        Group(name="feedback", spellings=frozenset({"feedback"}), keys=_JUDGED),
        Group(name="expectation", spellings=frozenset({"expectation"}), keys=_JUDGED),
    )
)
ORDER = Language(
    groups=(
        _attribute(
            {
                key: kind
                for key, kind in _ATTRIBUTES.items()
                if key not in {"text", "client_request_id"}
            }
            | {"experiment_id": _NUMBER}
        ),
    )
)
