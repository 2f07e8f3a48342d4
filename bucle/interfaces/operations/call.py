"""Call an operation: the one way in, for every door."""

from typing import Any

import msgspec

from bucle.governance.session import Session
from bucle.interfaces.operations.table import AnyOperation


def call(session: Session, operation: AnyOperation, request: msgspec.Struct) -> Any:  # noqa: ANN401 - the row's response
    """Run a verb in its own transaction, or hand it the session if it works long.

    Raises:
        BucleError: whatever the verb refuses, denies or does not find.
        RuntimeError: the verb recorded a fact that its row does not declare (a bug).
    """
    if operation.work is not None:
        with session.begin(write=False) as scope:
            scope.require(operation.permission)
        return operation.work(session, request)
    assert operation.run is not None
    with session.begin(write=operation.writes) as scope:
        scope.require(operation.permission)
        answer = operation.run(scope, request)
        undeclared = {fact.type for fact in scope.facts} - set(operation.events)
        if undeclared:
            raise RuntimeError(f"{operation.name} recorded undeclared facts: {sorted(undeclared)}")
        return answer
