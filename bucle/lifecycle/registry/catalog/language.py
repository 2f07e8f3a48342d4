"""What a search of models and of versions can ask for, with MLflow's names of things."""

from bucle.base.filters import EQUAL, LIKE, LISTED, NUMERIC, Group, Kind, Language

_TEXT = Kind(type="text", operators=LIKE)
_LISTED = Kind(type="text", operators=LIKE | LISTED)
_MOMENT = Kind(type="number", operators=NUMERIC)
_SPELLINGS = frozenset({"attribute", "attributes", "attr"})
_TAG = Group(name="tag", spellings=frozenset({"tag", "tags"}), keys=_TEXT)
_TIMES = {"timestamp": "last_updated_timestamp"}

MODELS = Language(
    groups=(Group(name="attribute", spellings=_SPELLINGS, keys={"name": _LISTED}), _TAG)
)
MODELS_ORDER = Language(
    groups=(
        Group(
            name="attribute",
            spellings=_SPELLINGS,
            keys={
                "name": _TEXT,
                "creation_timestamp": _MOMENT,
                "last_updated_timestamp": _MOMENT,
            },
            aliases=_TIMES,
        ),
    )
)
VERSIONS = Language(
    groups=(
        Group(
            name="attribute",
            spellings=_SPELLINGS,
            keys={
                "name": _LISTED,
                "version_number": _MOMENT,
                "run_id": Kind(type="text", operators=EQUAL | LISTED),
                "source_path": _LISTED,
            },
        ),
        _TAG,
    )
)
VERSIONS_ORDER = Language(
    groups=(
        Group(
            name="attribute",
            spellings=_SPELLINGS,
            keys={
                "name": _TEXT,
                "version_number": _MOMENT,
                "creation_timestamp": _MOMENT,
                "last_updated_timestamp": _MOMENT,
            },
            aliases=_TIMES,
        ),
    )
)
