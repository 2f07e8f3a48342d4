"""Which triggers fire: a table of cases."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bucle.base.errors import Invalid
from bucle.control.triggers.decide import decide, next_due
from bucle.control.triggers.records import Decision, Trigger, TriggerState
from bucle.governance.audit.records import Event

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
FRESH = Trigger(on="new_data", run="train", dataset="rentals", min_rows=100)
DECAYED = Trigger(on="performance", run="train", monitor="m", cooldown="7d")
MOVED = Trigger(on="drift", run="train", monitor="m")
MONTHLY = Trigger(on="schedule", run="train", cron="0 3 1 * *")
BY_HAND = Trigger(on="manual", run="train")


def event(type_: str, ref: str, **body: Any) -> Event:
    """Return a fact."""
    return Event(
        project="p",
        number=1,
        id="E",
        at=NOW,
        actor="a",
        type=type_,
        ref=ref,
        body=body,
        previous="",
        digest="",
    )


def rows(count: int, dataset: str = "rentals") -> Event:
    """Return a commit of so many rows."""
    return event("dataset.committed", f"dataset:{dataset}@2", added_rows=count)


def report(*bad: str, monitor: str = "m") -> Event:
    """Return a monitor's report with these bad verdicts, and a good one."""
    verdicts = [{"name": name, "ok": False, "note": f"{name} is bad"} for name in bad]
    good = {"name": "volume", "ok": True, "note": "fine"}
    return event("monitor.evaluated", f"monitor:{monitor}", verdicts=[*verdicts, good])


def decided(
    trigger: Trigger,
    *events: Event,
    state: TriggerState | None = None,
    due: bool = False,
    busy: bool = False,
) -> Decision:
    """Decide on one trigger called `t`."""
    return decide(
        {"t": trigger},
        {"t": state} if state else {},
        events,
        due=["t"] if due else [],
        busy=["train"] if busy else [],
        now=NOW,
    )


@pytest.mark.parametrize(
    ("trigger", "events", "fires"),
    [
        (FRESH, [rows(100)], True),
        (FRESH, [rows(99)], False),
        (FRESH, [rows(60), rows(40)], True),
        (FRESH, [rows(500, "other")], False),
        (DECAYED, [report("performance:mae")], True),
        (DECAYED, [report("drift:heat")], False),
        (DECAYED, [report("performance:mae", monitor="other")], False),
        (DECAYED, [report("performance:mae"), report()], False),  # it is well again
        (MOVED, [report("drift:heat")], True),
        (MOVED, [report("prediction_drift:prediction")], False),
        (MOVED, [report()], False),
        (BY_HAND, [rows(500), report("drift:heat", "performance:mae")], False),
        (MONTHLY, [rows(500)], False),
        (FRESH, [], False),
    ],
)
def test_what_makes_a_trigger_fire(*, trigger: Trigger, events: list[Event], fires: bool) -> None:
    assert bool(decided(trigger, *events).firings) is fires


def test_a_firing_says_what_made_it_and_what_to_run() -> None:
    (firing,) = decided(FRESH, rows(120)).firings
    assert (firing.trigger, firing.pipeline) == ("t", "train")
    assert firing.cause == "dataset:rentals@2: 120 new rows"
    (firing,) = decided(DECAYED, report("performance:mae")).firings
    assert firing.cause == "performance:mae is bad"
    (firing,) = decided(MONTHLY, due=True).firings
    assert firing.cause == "schedule 0 3 1 * *"


def test_a_trigger_that_fired_begins_to_count_anew() -> None:
    (state,) = decided(FRESH, rows(120)).states
    assert (state.last_fired_at, state.pending_rows, state.pending_cause) == (NOW, 0, "")


def test_new_rows_add_up_from_round_to_round() -> None:
    (state,) = decided(FRESH, rows(60)).states
    assert decided(FRESH, rows(40), state=state).firings


@pytest.mark.parametrize(("days", "fires"), [(6, False), (7, True)])
def test_a_trigger_rests_for_its_cooldown(*, days: int, fires: bool) -> None:
    state = TriggerState(name="t", last_fired_at=NOW - days * DAY)
    found = decided(DECAYED, report("performance:mae"), state=state)
    assert bool(found.firings) is fires


def test_while_the_pipeline_is_busy_rows_and_schedules_wait_and_verdicts_are_forgotten() -> None:
    waits = decided(FRESH, rows(120), busy=True)
    assert waits.firings == ()
    assert decided(FRESH, state=waits.states[0]).firings
    missed = decided(MONTHLY, due=True, busy=True)
    assert decided(MONTHLY, state=missed.states[0]).firings
    assert decided(DECAYED, report("performance:mae"), busy=True) == Decision(firings=(), states=())


def test_two_triggers_of_one_pipeline_fire_once() -> None:
    found = decide(
        {"a": FRESH, "b": DECAYED}, {}, [rows(100), report("performance:mae")],
        due=[], busy=[], now=NOW,
    )  # fmt: skip
    assert [firing.trigger for firing in found.firings] == ["a"]


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("0 3 1 * *", datetime(2026, 3, 1, 3, tzinfo=UTC)),
        ("*/15 * * * *", datetime(2026, 3, 1, 0, 15, tzinfo=UTC)),
        ("0 0 * * 1", datetime(2026, 3, 2, tzinfo=UTC)),
    ],
)
def test_the_next_moment_of_a_schedule(cron: str, expected: datetime) -> None:
    assert next_due(cron, NOW) == expected


def test_a_schedule_that_is_none_is_refused() -> None:
    with pytest.raises(Invalid, match="'monthly' is not a cron expression"):
        next_due("monthly", NOW)
