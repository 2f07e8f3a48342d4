"""Alerts from window to window: raised once, updated when something else is wrong, closed once."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.lifecycle.monitoring import Alert, MissingRule, MonitorSpec, VolumeRule
from bucle.lifecycle.monitoring.alerts import CAUSES, Judged, follow, watched

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ALL = frozenset(CAUSES.values())


def judged(*verdicts: Verdict, day: int = 0, watch: frozenset[str] = ALL) -> Judged:
    """Return what a day's window showed."""
    ids = {cause: f"{cause}-{day}" for cause in ALL}
    at = NOW + day * DAY
    return Judged(monitor=Ref("monitor", "m"), at=at, verdicts=verdicts, watched=watch, ids=ids)


def verdict(name: str, *, ok: bool = False, value: float = 2, limit: float = 1) -> Verdict:
    """Return a verdict with evidence."""
    return Verdict(name=name, ok=ok, value=value, limit=limit, note=f"{name} is {value:g}")


def opened(*verdicts: Verdict) -> Mapping[str, Alert]:
    """Return the alerts that a first window raised, by cause."""
    return {alert.cause: alert for alert in follow({}, judged(*verdicts))}


def test_each_cause_has_one_alert_however_many_verdicts_are_bad() -> None:
    found = opened(verdict("drift:a"), verdict("drift:b"), verdict("volume"), verdict("types"))
    assert set(found) == {"drift", "volume", "data"}
    assert [one.name for one in found["drift"].verdicts] == ["drift:a", "drift:b"]
    assert found["drift"].opened_at == NOW


def test_a_summary_says_the_worst_first_since_when_and_what_to_do() -> None:
    found = opened(*[verdict(f"drift:c{n}", value=n) for n in range(2, 7)])["drift"].summary
    assert found.startswith("drift:c6 is 6; drift:c5 is 5; drift:c4 is 4 and 2 more, since 2026-01")
    assert "retrain" in found


def test_the_same_trouble_again_is_no_news() -> None:
    before = opened(verdict("drift:a"))
    assert follow(before, judged(verdict("drift:a", value=5), day=1)) == ()


def test_other_trouble_of_the_same_cause_updates_and_keeps_its_beginning() -> None:
    before = opened(verdict("drift:a"))
    (alert,) = follow(before, judged(verdict("drift:a"), verdict("drift:b"), day=1))
    assert (alert.ref, alert.opened_at) == (before["drift"].ref, NOW)
    assert (alert.updated_at, alert.closed_at) == (NOW + DAY, None)


def test_a_good_window_closes_once() -> None:
    before = opened(verdict("volume"))
    (alert,) = follow(before, judged(verdict("volume", ok=True), day=2))
    assert alert.closed_at == NOW + 2 * DAY
    assert follow({}, judged(verdict("volume", ok=True), day=3)) == ()


def test_a_window_that_says_nothing_closes_nothing() -> None:
    before = opened(verdict("drift:a"), verdict("performance:mae"))
    silent = Verdict(name="drift", ok=True, note="3 rows say nothing of drift")
    mute = Verdict(name="performance:mae", ok=True, note="0 labels")
    assert follow(before, judged(silent, mute, day=1)) == ()


def test_what_is_no_longer_watched_is_closed() -> None:
    before = opened(verdict("drift:a"))
    (alert,) = follow(before, judged(day=1, watch=frozenset({"volume"})))
    assert alert.closed_at is not None


def test_a_rule_of_volume_watches_volume_only() -> None:
    spec = MonitorSpec(name="m", deployment="d", volume=VolumeRule())
    assert watched(spec) == {"volume"}
    spec = MonitorSpec(name="m", deployment="d", missing=MissingRule())
    assert watched(spec) == {"data"}
