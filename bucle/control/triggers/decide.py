"""Decide which triggers fire: a pure function of declarations, states, events and the time."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from bucle.base.errors import Invalid
from bucle.base.quantity import parse_duration
from bucle.base.refs import Ref
from bucle.control.triggers.records import Decision, Firing, Trigger, TriggerState
from bucle.governance.audit.records import Event


def decide(
    triggers: Mapping[str, Trigger],
    states: Mapping[str, TriggerState],
    events: Sequence[Event],
    *,
    due: Collection[str],
    busy: Collection[str],
    now: datetime,
) -> Decision:
    """Decide which triggers fire.

    A trigger whose pipeline is busy, or that rests, does not fire; what asked for it is
    remembered where it does not repeat itself (new rows, a missed schedule), and forgotten
    where the next window will say it again (drift, performance).

    Args:
        triggers: the declared ones, by name.
        states: what they remember, by name.
        events: the facts since the last round, oldest first.
        due: the names of the schedules that came due.
        busy: the names of the pipelines that are queued, running or being rolled out.
        now: the moment of the round.
    """
    firings: list[Firing] = []
    changed: list[TriggerState] = []
    occupied = set(busy)
    for name, trigger in triggers.items():
        before = states.get(name, TriggerState(name=name))
        state = _heard(trigger, before, events, due=name in due)
        cause = state.pending_cause
        if cause and trigger.run not in occupied and rested(trigger, state, now):
            firings.append(
                Firing(trigger=name, pipeline=trigger.run, params=trigger.params, cause=cause)
            )
            occupied.add(trigger.run)
            state = TriggerState(name=name, last_fired_at=now)
        elif trigger.on in {"drift", "performance"}:
            state = msgspec.structs.replace(state, pending_cause="")
        if state != before:
            changed.append(state)
    return Decision(firings=tuple(firings), states=tuple(changed))


def rested(trigger: Trigger, state: TriggerState, now: datetime) -> bool:
    """Tell whether a trigger's cool-down is over."""
    if state.last_fired_at is None:
        return True
    return now - state.last_fired_at >= parse_duration(trigger.cooldown)


def next_due(cron: str, after: datetime) -> datetime:
    """Return the next moment of a cron expression (five fields, UTC).

    Raises:
        Invalid: it is not a cron expression.
    """
    try:
        from croniter import croniter

        moment: datetime = croniter(cron, after).get_next(datetime)
    except (ValueError, KeyError) as error:
        raise Invalid(
            f"{cron!r} is not a cron expression: {error}",
            hint="five fields: minute hour day month weekday, as '0 3 * * 1'",
        ) from error
    return moment.astimezone(UTC)


def _heard(
    trigger: Trigger, state: TriggerState, events: Sequence[Event], *, due: bool
) -> TriggerState:
    """Let a trigger hear what happened."""
    if trigger.on == "schedule":
        cause = f"schedule {trigger.cron}" if due else state.pending_cause
        return msgspec.structs.replace(state, pending_cause=cause)
    for event in events:
        if trigger.on == "new_data" and _is_about(event, "dataset.committed", trigger.dataset):
            rows = state.pending_rows + int(event.body.get("added_rows", 0))
            cause = f"{event.ref}: {rows} new rows" if rows >= trigger.min_rows else ""
            state = msgspec.structs.replace(state, pending_rows=rows, pending_cause=cause)
        elif trigger.on in {"drift", "performance"} and _is_about(
            event, "monitor.evaluated", trigger.monitor
        ):
            said = failing(event.body, trigger.on)
            state = msgspec.structs.replace(state, pending_cause=said)
    return state


def failing(body: Mapping[str, Any], signal: str) -> str:
    """Return what a monitor's report says against a signal; empty when all is well."""
    bad = [
        verdict
        for verdict in body.get("verdicts", ())
        if not verdict["ok"] and verdict["name"].split(":")[0] == signal
    ]
    return "; ".join(verdict["note"] or verdict["name"] for verdict in bad[:3])


def _is_about(event: Event, type_: str, name: str) -> bool:
    return event.type == type_ and Ref.parse(event.ref).name == name
