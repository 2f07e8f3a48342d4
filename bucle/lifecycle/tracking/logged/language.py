"""What a search of logged models can ask for, with MLflow's names of things."""

from bucle.base.filters import LIKE, LISTED, NUMERIC, Group, Kind, Language

_TEXT = Kind(type="text", operators=LIKE | LISTED)
_PLAIN = Kind(type="text", operators=LIKE)
_NUMBER = Kind(type="number", operators=NUMERIC)
_METRIC = Group(name="metric", spellings=frozenset({"metric", "metrics"}), keys=_NUMBER)
_ATTRIBUTE = Group(
    name="attribute",
    spellings=frozenset({"attribute", "attributes", "attr"}),
    keys={
        "name": _TEXT,
        "model_id": _TEXT,
        "model_type": _TEXT,
        "status": _TEXT,
        "source_run_id": _TEXT,
        "creation_timestamp": _NUMBER,
        "last_updated_timestamp": _NUMBER,
    },
    aliases={
        "creation_time": "creation_timestamp",
        "last_updated_time": "last_updated_timestamp",
    },
)

FILTER = Language(
    groups=(
        _ATTRIBUTE,
        _METRIC,
        Group(
            name="param",
            spellings=frozenset({"param", "params", "parameter", "parameters"}),
            keys=_PLAIN,
        ),
        Group(name="tag", spellings=frozenset({"tag", "tags"}), keys=_PLAIN),
    )
)
ORDER = Language(groups=(_ATTRIBUTE, _METRIC))
