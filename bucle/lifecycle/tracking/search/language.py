"""What a search of runs can ask for, with MLflow's names of things."""

from bucle.base.filters import LIKE, LISTED, NUMERIC, PRESENT, Group, Kind, Language

_NUMBER = Kind(type="number", operators=NUMERIC)
_TEXT = Kind(type="text", operators=LIKE)
_NAMED = Kind(type="text", operators=LIKE | PRESENT)
_LISTED = Kind(type="text", operators=LIKE | LISTED)
_ALIASES = {
    "created": "start_time",
    "Created": "start_time",
    "run name": "run_name",
    "Run name": "run_name",
    "Run Name": "run_name",
}
_ATTRIBUTES = {
    "artifact_uri": _TEXT,
    "end_time": _NUMBER,
    "run_id": _LISTED,
    "run_name": _TEXT,
    "start_time": _NUMBER,
    "status": _TEXT,
    "user_id": _TEXT,
}
_ATTRIBUTE = Group(
    name="attribute",
    spellings=frozenset({"attribute", "attributes", "attr", "run"}),
    keys=_ATTRIBUTES,
    aliases=_ALIASES,
)
_METRIC = Group(name="metric", spellings=frozenset({"metric", "metrics"}), keys=_NUMBER)
_PARAM = Group(
    name="param",
    spellings=frozenset({"param", "params", "parameter", "parameters"}),
    keys=_NAMED,
)
_TAG = Group(name="tag", spellings=frozenset({"tag", "tags"}), keys=_NAMED)
_DATASET = Group(
    name="dataset",
    spellings=frozenset({"dataset", "datasets"}),
    keys=dict.fromkeys(("name", "digest", "context"), _LISTED),
)

FILTER = Language(groups=(_ATTRIBUTE, _METRIC, _PARAM, _TAG, _DATASET))
ORDER = Language(groups=(_ATTRIBUTE, _METRIC, _PARAM, _TAG))
