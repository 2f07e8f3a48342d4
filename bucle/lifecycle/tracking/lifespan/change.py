"""Put runs aside, take them back, and forget for good what was put aside long enough ago."""

from datetime import timedelta

import msgspec

from bucle.base.errors import NotFound
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.experiments import list_deleted_experiments, purge_experiment
from bucle.lifecycle.tracking.files import remove_files_of
from bucle.lifecycle.tracking.lifespan import store
from bucle.lifecycle.tracking.logged import purge_logged_models
from bucle.lifecycle.tracking.parcels import forget_writers
from bucle.lifecycle.tracking.search import get_head
from bucle.lifecycle.tracking.traces import purge_traces

_AT_ONCE = 1_000


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """What was forgotten."""

    runs: int
    experiments: int
    logged_models: int = 0
    traces: int = 0
    more: bool  # whether there is more to forget: call again


def delete_run(scope: Scope, ref: Ref) -> None:
    """Put a run aside: it is in no listing, takes nothing more, and can be restored.

    Raises:
        NotFound: there is no such run.
    """
    scope.require(Permission.RUN_WRITE, ref)
    head = get_head(scope, ref)
    if head.stage == "active":
        store.set_stage(scope.tx, scope.project, ref.name, "deleted", scope.now)
        scope.record("run.deleted", ref, name=head.name)


def restore_run(scope: Scope, ref: Ref) -> None:
    """Take a run back that was put aside.

    Raises:
        NotFound: there is no such run.
    """
    scope.require(Permission.RUN_WRITE, ref)
    head = get_head(scope, ref)
    if head.stage != "active":
        store.set_stage(scope.tx, scope.project, ref.name, "active", None)
        scope.record("run.restored", ref, name=head.name)


def purge_run(scope: Scope, ref: Ref) -> None:
    """Forget a deleted run for good; what the audit says of it stays.

    Raises:
        NotFound: there is no such deleted run.
    """
    scope.require(Permission.RUN_PURGE, ref)
    head = get_head(scope, ref)
    if head.stage != "deleted":
        raise NotFound(f"{ref} is not deleted", hint=f"bucle tracking delete {ref.name}")
    store.forget(scope.tx, scope.project, [ref.name])
    forget_writers(scope, [ref.name])
    remove_files_of(scope, [ref])
    scope.record("run.purged", ref, name=head.name)


def purge(scope: Scope, *, older_than_s: float = 0) -> Purged:
    """Forget runs, experiments and logged models that were deleted so long ago, a thousand at once.

    An experiment goes with all of its runs, logged models and traces, and only when none of them
    is left.  Contents stay in the content store, where others may have the same.
    """
    scope.require(Permission.RUN_PURGE)
    before = scope.now - timedelta(seconds=older_than_s)
    numbers = list_deleted_experiments(scope, before)
    found = store.list_deleted(scope.tx, scope.project, before, _AT_ONCE + 1, numbers)
    ids = found[:_AT_ONCE]
    store.forget(scope.tx, scope.project, ids)
    forget_writers(scope, ids)
    remove_files_of(scope, [Ref("run", id_) for id_ in ids])
    for id_ in ids:
        scope.record("run.purged", Ref("run", id_))
    models = purge_logged_models(scope, before, numbers, _AT_ONCE)
    removed = purge_traces(scope, numbers, _AT_ONCE)
    more = len(found) > _AT_ONCE or _AT_ONCE in {models, removed}
    if numbers and not more:
        store.forget_datasets(scope.tx, scope.project, numbers)
        for number in numbers:
            purge_experiment(scope, number)
    return Purged(
        runs=len(ids),
        experiments=0 if more else len(numbers),
        logged_models=models,
        traces=removed,
        more=more,
    )
