"""What a search of experiments can ask for."""

from bucle.base.filters import EQUAL, LIKE, LISTED, NUMERIC, PRESENT, Group, Kind, Language

_TEXT = Kind(type="text", operators=LIKE)
_MOMENT = Kind(type="number", operators=NUMERIC)
_ATTRIBUTES = {
    "name": _TEXT,
    "experiment_id": Kind(type="text", operators=EQUAL | LISTED),
    "creation_time": _MOMENT,
    "last_update_time": _MOMENT,
}
_ATTRIBUTE = Group(name="attribute", spellings=frozenset({"attribute"}), keys=_ATTRIBUTES)

FILTER = Language(
    groups=(
        _ATTRIBUTE,
        Group(
            name="tag",
            spellings=frozenset({"tag", "tags"}),
            keys=Kind(type="text", operators=LIKE | PRESENT),
        ),
    )
)
ORDER = Language(groups=(_ATTRIBUTE,))
