"""Windows of real logged predictions, the ordinary ones and the strange ones."""

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from bucle.base.errors import Denied, Invalid, NotFound
from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.governance.audit.read import list_events
from bucle.governance.principals import ANONYMOUS
from bucle.governance.session import House, Session
from bucle.lifecycle import monitoring, serving
from bucle.lifecycle.monitoring import (
    DriftRule,
    MissingRule,
    MonitorReport,
    MonitorSpec,
    PerformanceRule,
    VolumeRule,
)
from bucle.lifecycle.monitoring.window import stretches
from tests.support.logged import log_predictions

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
HEATS = [float(n % 100) for n in range(400)]
CITIES = [("here", "there")[n % 2] for n in range(400)]
WETS = [n % 4 == 0 for n in range(400)]
EVERYTHING = MonitorSpec(
    name="m",
    deployment="demand",
    volume=VolumeRule(),
    missing=MissingRule(),
    drift=DriftRule(),
    performance=PerformanceRule(metric="mae", max_ratio=1.5),
)


@pytest.fixture
def log(house: House, tmp_path: Path) -> Any:
    """Return a function that logs 400 usual rows, or other columns."""

    def write(at: datetime = NOW - HOUR, **columns: list[Any]) -> list[str]:
        outputs = columns.pop("outputs", None)
        given: dict[str, list[Any]] = {"heat": HEATS, "city": CITIES, "wet": WETS} | columns
        given = {name: values for name, values in given.items() if values}
        said = {"prediction": outputs} if outputs else None
        return log_predictions(house, tmp_path, given, at=at, outputs=said)

    return write


def judged(
    session: Session, spec: MonitorSpec = EVERYTHING, labels: pa.Table | None = None,
    at: datetime = NOW,
) -> tuple[MonitorReport, dict[str, Verdict]]:  # fmt: skip
    """Declare and evaluate; return the report, and its verdicts by name."""
    with session.begin() as scope:
        monitoring.declare_monitor(scope, spec)
    report = monitoring.evaluate(session, spec.name, at, labels)
    json.dumps([verdict.note for verdict in report.verdicts])
    return report, {verdict.name: verdict for verdict in report.verdicts}


def events(session: Session) -> list[str]:
    """Return the facts of monitoring, oldest first."""
    with session.begin(write=False) as scope:
        found = list_events(scope, limit=1000).items
    return [one.type for one in reversed(found) if one.type.startswith(("alert", "monitor.e"))]


def of(ids: list[str], values: list[Any]) -> pa.Table:
    """Return labels."""
    return pa.table({"prediction_id": ids, "label": values})


def test_a_usual_window_has_nothing_to_say(session: Session, log: Any) -> None:
    ids = log()
    report, verdicts = judged(session, labels=of(ids, [2 * heat + 1 for heat in HEATS]))
    assert all(verdict.ok for verdict in report.verdicts)
    assert (report.predictions, report.labelled, report.metrics["mae"]) == (400, 400, 1)
    assert report.drift.keys() == {"heat", "city", "wet", "prediction"}
    assert max(report.drift.values()) < 0.02
    assert verdicts["performance:mae"].limit == 3
    assert events(session) == ["monitor.evaluated"]


def test_drift_of_a_feature_and_of_the_answers_is_one_alert(session: Session, log: Any) -> None:
    log(heat=[heat + 60 for heat in HEATS])
    _, verdicts = judged(session)
    assert not verdicts["drift:heat"].ok
    assert not verdicts["prediction_drift:prediction"].ok
    assert verdicts["drift:city"].ok
    with session.begin(write=False) as scope:
        (alert,) = monitoring.list_alerts(scope, open_only=True)
    assert (alert.cause, len(alert.verdicts)) == ("drift", 2)


def test_js_measures_the_same_move_in_bits(session: Session, log: Any) -> None:
    log(heat=[heat + 1000 for heat in HEATS])
    spec = MonitorSpec(name="m", deployment="demand", drift=DriftRule(method="js", limit=0.1))
    report, verdicts = judged(session, spec)
    assert not verdicts["drift:heat"].ok
    assert 0.5 < report.drift["heat"] <= 1


def test_labels_later_than_the_ratio_allows_are_a_performance_alert(
    session: Session, log: Any
) -> None:
    ids = log()
    _, verdicts = judged(session, labels=of(ids, [2 * heat + 4 for heat in HEATS]))
    verdict = verdicts["performance:mae"]
    assert (verdict.ok, verdict.value, verdict.limit) == (False, 4, 3)
    assert "was 2 when the model was registered" in verdict.note


def test_answers_of_another_version_do_not_speak_for_the_champion(
    house: House, session: Session, tmp_path: Path
) -> None:
    columns: dict[str, list[Any]] = {"heat": HEATS, "city": CITIES, "wet": WETS}
    at = NOW - HOUR
    far = {"prediction": [9999.0] * 400}
    ids = log_predictions(house, tmp_path, columns, at=at, model="model:demand@7", outputs=far)
    report, verdicts = judged(session, labels=of(ids, HEATS))
    assert (report.predictions, report.labelled, report.metrics) == (400, 0, {})
    assert verdicts["prediction_drift:prediction"].limit is None
    assert verdicts["drift:heat"].ok


def test_an_empty_window_says_so_and_alarms_nobody(session: Session) -> None:
    report, verdicts = judged(session)
    assert all(verdict.ok and verdict.note for verdict in report.verdicts)
    assert set(verdicts) == {"volume", "missing", "drift", "performance:mae"}
    assert report.predictions == 0


def test_silence_after_usual_days_is_a_volume_alert_and_traffic_closes_it(
    session: Session, log: Any
) -> None:
    for day in range(6, 1, -1):
        log(at=NOW - day * DAY)
    spec = MonitorSpec(name="m", deployment="demand", volume=VolumeRule())
    _, verdicts = judged(session, spec)
    assert (verdicts["volume"].ok, verdicts["volume"].value, verdicts["volume"].limit) == (
        False, 0, 200,
    )  # fmt: skip
    assert "400 are usual" in verdicts["volume"].note
    log(at=NOW + HOUR)
    _, verdicts = judged(session, spec, at=NOW + DAY)
    assert verdicts["volume"].ok
    assert events(session) == [
        "alert.raised", "monitor.evaluated", "alert.closed", "monitor.evaluated",
    ]  # fmt: skip


def test_a_declared_volume_needs_no_history(session: Session, log: Any) -> None:
    log()
    rule = VolumeRule(expected_per_hour=100)
    _, verdicts = judged(session, MonitorSpec(name="m", deployment="demand", volume=rule))
    assert (verdicts["volume"].ok, verdicts["volume"].value, verdicts["volume"].limit) == (
        False, 400, 1200,
    )  # fmt: skip


def test_a_column_of_nulls_is_missing_and_not_drifted(session: Session, log: Any) -> None:
    log(heat=[None] * 400, outputs=HEATS)
    _, verdicts = judged(session)
    assert (verdicts["missing:heat"].ok, verdicts["missing:heat"].value) == (False, 1)
    assert (verdicts["drift:heat"].ok, verdicts["drift:heat"].limit) == (True, None)


def test_a_column_that_is_gone_is_missing(session: Session, log: Any) -> None:
    log(city=[], wet=[])
    _, verdicts = judged(session)
    assert not verdicts["missing:city"].ok
    assert not verdicts["missing:wet"].ok


def test_a_new_column_is_nobodys_business(session: Session, log: Any) -> None:
    log(wind=[float(n) for n in range(400)])
    report, verdicts = judged(session)
    assert all(verdict.ok for verdict in report.verdicts)
    assert "drift:wind" not in verdicts


def test_numbers_that_come_as_texts_are_read(session: Session, log: Any) -> None:
    log(heat=[f" {heat} " for heat in HEATS], outputs=[2 * heat for heat in HEATS])
    _, verdicts = judged(session)
    assert (verdicts["types"].ok, verdicts["drift:heat"].ok) == (True, True)


def test_texts_where_numbers_were_are_told_by_column(session: Session, log: Any) -> None:
    texts = ["n/a", "nan", "1e", ""] * 10 + [str(heat) for heat in HEATS[40:]]
    log(heat=texts, outputs=HEATS)
    _, verdicts = judged(session)
    assert (verdicts["types"].ok, verdicts["types"].value) == (False, 40)
    assert "40 values of heat" in verdicts["types"].note
    assert verdicts["missing:heat"].value == 0.1


def test_lists_and_numbers_where_texts_were_do_not_stop_the_others(
    session: Session, log: Any
) -> None:
    log(city=[[1.0]] * 400, wet=[1.0, 0.0] * 200)
    _, verdicts = judged(session)
    assert not verdicts["missing:city"].ok
    assert verdicts["drift:heat"].ok
    assert verdicts["drift:wet"].value is not None


def test_infinite_features_are_far_away_and_no_error(session: Session, log: Any) -> None:
    log(heat=[math.inf] * 200 + [-math.inf] * 200, outputs=HEATS)
    _, verdicts = judged(session)
    assert not verdicts["drift:heat"].ok
    assert math.isfinite(verdicts["drift:heat"].value or math.inf)


def test_infinite_answers_can_not_hide_behind_a_metric(session: Session, log: Any) -> None:
    ids = log(outputs=[math.inf, math.nan, *HEATS[2:]])
    report, verdicts = judged(session, labels=of(ids, [0.0, 0.0, *HEATS[2:]]))
    assert (verdicts["performance:finite"].ok, verdicts["performance:finite"].value) == (False, 2)
    assert report.metrics["mae"] == 0


def test_labels_that_are_no_numbers_are_counted_and_left_out(session: Session, log: Any) -> None:
    ids = log()
    labels = ["unknown"] * 10 + [str(2 * heat) for heat in HEATS[10:]]
    report, verdicts = judged(session, labels=of(ids, labels))
    assert (verdicts["labels"].ok, verdicts["labels"].value) == (False, 10)
    assert (report.labelled, report.metrics["mae"]) == (390, 0)


def test_one_row_says_too_little(session: Session, log: Any) -> None:
    ids = log(heat=[1.0], city=["here"], wet=[True])
    report, _ = judged(session, labels=of(ids, [500.0]))
    assert all(verdict.ok for verdict in report.verdicts)
    assert report.metrics["mae"] == 498


def test_the_same_moment_again_replaces_the_report(session: Session, log: Any) -> None:
    ids = log(heat=[heat + 60 for heat in HEATS])
    judged(session)
    judged(session, labels=of(ids, HEATS))
    with session.begin(write=False) as scope:
        (report,) = monitoring.list_reports(scope, "m")
        alerts = monitoring.list_alerts(scope)
    assert report.labelled == 400
    assert sorted(alert.cause for alert in alerts) == ["drift", "performance"]


def test_an_earlier_moment_leaves_the_alerts_alone(session: Session, log: Any) -> None:
    log(at=NOW - 3 * DAY)
    log(heat=[heat + 60 for heat in HEATS])
    spec = MonitorSpec(name="m", deployment="demand", window="1d", drift=DriftRule())
    judged(session, spec)
    judged(session, spec, at=NOW - 2 * DAY)
    with session.begin(write=False) as scope:
        (alert,) = monitoring.list_alerts(scope)
        assert len(monitoring.list_reports(scope, "m")) == 2
    assert alert.closed_at is None


def test_a_removed_monitor_closes_its_alerts(session: Session, log: Any) -> None:
    log(heat=[heat + 60 for heat in HEATS])
    judged(session)
    with session.begin() as scope:
        monitoring.remove_monitor(scope, "m")
    with session.begin(write=False) as scope:
        assert monitoring.list_alerts(scope, open_only=True) == ()
    with pytest.raises(NotFound, match="monitor:m"):
        monitoring.evaluate(session, "m", NOW)


def test_somebody_looks_after_an_alert(session: Session, log: Any) -> None:
    log(heat=[heat + 60 for heat in HEATS])
    judged(session)
    with session.begin() as scope:
        (alert,) = monitoring.list_alerts(scope)
        seen = monitoring.acknowledge(scope, alert.ref)
        assert seen.acknowledged_by == session.actor.name
    with session.begin() as scope:
        assert monitoring.acknowledge(scope, alert.ref) == seen
        assert scope.facts == []
        with pytest.raises(NotFound):
            monitoring.acknowledge(scope, Ref("alert", "nothing"))


def test_a_deployment_that_serves_nothing_is_told(session: Session) -> None:
    with session.begin() as scope:
        serving.deploy(scope, serving.DeploymentSpec(name="other", model="other"))
    spec = MonitorSpec(
        name="o", deployment="other", volume=VolumeRule(), performance=EVERYTHING.performance
    )
    _, verdicts = judged(session, spec)
    assert {verdict.note for verdict in verdicts.values()} == {"nothing is served"}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (MonitorSpec(name="m", deployment="d", every="daily"), "'daily' is not a duration"),
        (MonitorSpec(name="m", deployment="d", window="0d"), "window is '0d'"),
        (MonitorSpec(name="m", deployment="d", volume=VolumeRule(span="x")), "'x' is not a dur"),
        (MonitorSpec(name="m", deployment="d", drift=DriftRule(method="ks")), "'ks' is not a"),
        (
            MonitorSpec(name="m", deployment="d", performance=PerformanceRule(metric="mse")),
            "'mse' is not a metric",
        ),
        (
            MonitorSpec(
                name="m", deployment="d", performance=PerformanceRule(metric="mae", max_ratio=0)
            ),
            "max_ratio is 0",
        ),
    ],
)
def test_a_monitor_that_could_never_judge_is_refused(
    session: Session, spec: MonitorSpec, said: str
) -> None:
    with session.begin() as scope, pytest.raises(Invalid, match=said):
        monitoring.declare_monitor(scope, spec)


def test_who_may_not_watch_does_not(house: House, session: Session) -> None:
    judged(session)
    with pytest.raises(Denied, match="monitor:write"):
        monitoring.evaluate(house.session(ANONYMOUS), "m", NOW)


def test_columns_that_the_log_may_not_hold_are_not_missing(session: Session, log: Any) -> None:
    with session.begin() as scope:
        spec = serving.get_deployment(scope, Ref("deployment", "demand")).spec
        policy = serving.LogPolicy(columns=("heat", "wet"))
        serving.deploy(scope, msgspec.structs.replace(spec, log=policy))
    log(city=[])
    _, verdicts = judged(session)
    assert not [name for name in verdicts if "city" in name]
    assert "missing:heat" in verdicts


def test_rows_that_stand_for_others_are_counted_for_all_of_them() -> None:
    rows = pa.table({"at": [NOW - HOUR] * 3 + [NOW - DAY], "share": [0.1, 0.1, 1.0, 0.5]})
    rows = rows.set_column(0, "at", rows["at"].cast(pa.timestamp("us", "UTC")))
    assert stretches(rows, NOW, DAY / 2) == (21, (2,))
