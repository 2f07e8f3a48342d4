"""Read the fleet: summed for thousands, one by one, and how plans went out."""

from bucle.base.page import Page
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.serving.fleet import store
from bucle.lifecycle.serving.fleet.records import (
    FleetRollout,
    FleetSpec,
    FleetSummary,
    Follower,
    Release,
    Releases,
)
from bucle.lifecycle.serving.fleet.release import LOST_AFTER

_MOST_PROBLEMS = 5
_SHOWN_DIGITS = 12


def summarize(scope: Scope) -> FleetSummary:
    """Count the followers of the project."""
    scope.require(Permission.SERVING_READ)
    since = scope.now - LOST_AFTER
    by_health = store.count_by(scope.tx, scope.project, since, "healthy")
    problems = store.count_by(scope.tx, scope.project, since, "problem")
    worst = sorted((told for told in problems if told), key=lambda told: -problems[told])
    plans = store.count_by(scope.tx, scope.project, since, "plan")
    return FleetSummary(
        followers=sum(by_health.values()),
        healthy=by_health.get("True", 0),
        lost=store.lost_followers(scope.tx, scope.project, since),
        by_plan={plan[:_SHOWN_DIGITS] or "none": count for plan, count in plans.items()},
        by_version=store.count_by(scope.tx, scope.project, since, "version"),
        rollout=store.find_rollout(scope.tx, scope.project),
        problems=tuple(f"{problems[told]} x {told}" for told in worst[:_MOST_PROBLEMS]),
    )


def list_followers(scope: Scope, *, limit: int = 100, token: str | None = None) -> Page[Follower]:
    """List followers by their ids."""
    scope.require(Permission.SERVING_READ)
    return store.list_followers(scope.tx, scope.project, limit=limit, token=token)


def fleet_history(scope: Scope, *, limit: int = 50, token: str | None = None) -> Page[FleetRollout]:
    """List how plans went out to the followers, newest first."""
    scope.require(Permission.SERVING_READ)
    return store.list_rollouts(scope.tx, scope.project, limit=limit, token=token)


def fleet_spec(scope: Scope) -> FleetSpec:
    """Return in which waves plans go out."""
    scope.require(Permission.SERVING_READ)
    return store.find_spec(scope.tx, scope.project)


def releases(scope: Scope, known: FleetRollout | None = None) -> Releases | None:
    """Return what followers get; None: no plan was published, or all is as in `known`."""
    scope.require(Permission.SERVING_READ)
    rollout = store.find_rollout(scope.tx, scope.project)
    if rollout is None or rollout == known:
        return None
    target = store.content_of(scope.tx, scope.project, rollout.number)
    if target is None:
        return None
    stable = store.content_of(scope.tx, scope.project, rollout.stable)
    return Releases(
        rollout=rollout,
        target=Release(digest=target[0], content=target[1]),
        stable=Release(digest=stable[0], content=stable[1]) if stable else None,
    )
