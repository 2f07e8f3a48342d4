"""Compare what is declared with what is: a pure function of two trees."""

from collections.abc import Mapping
from typing import Any

from bucle.base.refs import Ref
from bucle.control.reconcile.records import Change, Difference

Tree = Mapping[str, Any]


def plan(desired: Mapping[str, Tree], observed: Mapping[str, Tree]) -> tuple[Change, ...]:
    """Return the changes that make the observed things as declared, in the order declared.

    Args:
        desired: what is declared: the text of a ref -> its plain fields.
        observed: what is: the same.
    """
    changes = []
    for name, wanted in desired.items():
        if name not in observed:
            changes.append(Change(action="create", ref=Ref.parse(name)))
        elif found := differences(wanted, observed[name]):
            changes.append(Change(action="update", ref=Ref.parse(name), differences=found))
    changes.extend(
        Change(action="remove", ref=Ref.parse(name)) for name in observed if name not in desired
    )
    return tuple(changes)


def differences(desired: Tree, observed: Tree, under: str = "") -> tuple[Difference, ...]:
    """Return the fields that differ, by dotted name; lists are compared as a whole."""
    found: list[Difference] = []
    for key in dict.fromkeys((*desired, *observed)):
        field = f"{under}{key}"
        wanted, is_ = desired.get(key), observed.get(key)
        if isinstance(wanted, Mapping) and isinstance(is_, Mapping):
            found.extend(differences(wanted, is_, f"{field}."))
        elif wanted != is_:
            found.append(Difference(field=field, observed=is_, desired=wanted))
    return tuple(found)
