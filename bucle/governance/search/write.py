"""Say what can be found of a thing, in the transaction that changes the thing.

So the index is never older than what it describes, and a verb that fails leaves no trace in it.
"""

from typing import Any

import msgspec

from bucle.base.refs import Ref
from bucle.governance.scope import Scope
from bucle.governance.search import store
from bucle.governance.search.records import Findable


def put_findable(scope: Scope, entry: Findable) -> None:
    """Write what can be found of a thing over what was."""
    store.put(scope.tx, scope.project, entry)


def change_findable(scope: Scope, ref: Ref, **fields: Any) -> None:  # noqa: ANN401 - its fields
    """Change some of what can be found of a thing, and leave the rest as it was."""
    before = store.find(scope.tx, scope.project, ref.bare) or Findable(ref=ref.bare)
    store.put(scope.tx, scope.project, msgspec.structs.replace(before, **fields))


def rename_findable(scope: Scope, ref: Ref, name: str) -> None:
    """Let a thing be found by another name."""
    before = store.find(scope.tx, scope.project, ref.bare) or Findable(ref=ref.bare)
    store.drop(scope.tx, scope.project, ref.bare)
    renamed = msgspec.structs.replace(before, ref=Ref(ref.kind, name))
    store.put(scope.tx, scope.project, renamed)


def drop_findable(scope: Scope, ref: Ref) -> None:
    """Let a thing be found no more; one that was not found is no error."""
    store.drop(scope.tx, scope.project, ref.bare)
