"""What control remembers between rounds: how far it read, what triggers heard, what is next."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from bucle.base.quantity import parse_duration
from bucle.control.triggers import store
from bucle.control.triggers.decide import next_due
from bucle.control.triggers.records import TriggerState
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope

START = datetime(1970, 1, 1, tzinfo=UTC)


def cursor(scope: Scope, name: str, *, lock: bool = False) -> int:
    """Return the number of the last event that a reader has dealt with.

    With `lock`, another round of the same reader waits for this transaction.
    """
    scope.require(Permission.CONTROL_READ)
    return store.get_cursor(scope.tx, scope.project, name, lock=lock)


def move_cursor(scope: Scope, name: str, number: int) -> None:
    """Say that a reader has dealt with the events up to a number."""
    scope.require(Permission.CONTROL_RUN)
    store.set_cursor(scope.tx, scope.project, name, number)


def states(scope: Scope) -> dict[str, TriggerState]:
    """Return what each trigger remembers."""
    scope.require(Permission.CONTROL_READ)
    return store.list_states(scope.tx, scope.project)


def keep_states(scope: Scope, changed: Iterable[TriggerState]) -> None:
    """Write what triggers remember."""
    scope.require(Permission.CONTROL_RUN)
    store.save_states(scope.tx, scope.project, changed)


def schedules(scope: Scope) -> dict[str, tuple[str, datetime]]:
    """Return each schedule's rule and next moment."""
    scope.require(Permission.CONTROL_READ)
    return store.list_schedules(scope.tx, scope.project)


def next_schedule(scope: Scope) -> datetime | None:
    """Return when the next schedule comes due."""
    scope.require(Permission.CONTROL_READ)
    return store.next_schedule(scope.tx, scope.project)


def keep_schedules(scope: Scope, rules: Mapping[str, str], due: Collection[str]) -> None:
    """Plan the next moment of what came due or is new; forget what is no longer declared."""
    scope.require(Permission.CONTROL_RUN)
    planned = store.list_schedules(scope.tx, scope.project)
    store.drop_schedules(scope.tx, scope.project, planned.keys() - rules.keys())
    for name, rule in rules.items():
        known = planned.get(name)
        if known is None or known[0] != rule or name in due:
            store.save_schedule(scope.tx, scope.project, name, rule, next_moment(rule, scope.now))


def next_moment(rule: str, after: datetime) -> datetime:
    """Return when a rule comes due next: `cron <five fields>`, or `every <duration>`.

    Multiples of a duration count from 1970, so that `every 1d` is midnight UTC on every
    machine and after every restart.
    """
    kind, _, text = rule.partition(" ")
    if kind == "cron":
        return next_due(text, after)
    step = max(parse_duration(text), timedelta(seconds=1))
    return START + ((after - START) // step + 1) * step
