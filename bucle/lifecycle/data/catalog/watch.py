"""Look whether datasets are as fresh as they should be, and say it once when one is not."""

from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.data.catalog import store
from bucle.lifecycle.data.catalog.read import freshness
from bucle.lifecycle.data.catalog.records import Freshness

_NEVER = "never"  # what is said of a dataset to which nothing was committed


def watch_freshness(session: Session) -> tuple[Freshness, ...]:
    """Judge every dataset that has an objective; leave a fact where one became stale or fresh.

    A dataset that stays stale is said to be so once: until newer rows come, and are late again.
    """
    with session.begin(write=False) as scope:
        scope.require(Permission.DATASET_WRITE)
        wanted = store.list_objectives(scope.tx, scope.project)
        found = [(freshness(scope, name), said) for name, _, said in wanted]
    for one, said in found:
        now = "" if one.ok else _newest(one)
        if now != said:
            with session.begin() as scope:
                _say(scope, one, now, seen=said)
    return tuple(one for one, _ in found)


def list_freshness(scope: Scope) -> tuple[Freshness, ...]:
    """Judge every dataset that has an objective, and leave nothing; the stale ones first."""
    scope.require(Permission.DATASET_READ)
    wanted = store.list_objectives(scope.tx, scope.project)
    found = [freshness(scope, name) for name, _, _ in wanted]
    return tuple(sorted(found, key=lambda one: (one.ok, one.ref.name)))


def _newest(one: Freshness) -> str:
    return one.newest_at.isoformat() if one.newest_at else _NEVER


def _say(scope: Scope, one: Freshness, now: str, *, seen: str) -> None:
    scope.require(Permission.DATASET_WRITE, one.ref)
    if not store.set_stale(scope.tx, scope.project, one.ref.name, now, seen=seen):
        return  # another process said it meanwhile
    said = {"note": one.note, "newest_at": one.newest_at}
    if now:
        scope.record("dataset.became_stale", one.ref, **said)
    else:
        scope.record("dataset.became_fresh", one.ref, **said)
