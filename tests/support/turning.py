"""A project whose loop has turned once and turns again, made through the verbs."""

from datetime import timedelta
from pathlib import Path

import pyarrow as pa

from bucle.base.clock import ManualClock
from bucle.base.ids import new_id
from bucle.base.refs import Ref
from bucle.base.usage import Usage
from bucle.governance.access.tokens import create_token
from bucle.governance.session import House, Session
from bucle.interfaces.predict.ship import parquet_of
from bucle.lifecycle import charter, data, feedback, monitoring, registry, serving, tracking
from bucle.lifecycle.serving.segments import FRAME, Segment
from bucle.testing.houses import open_test_house
from tests.support.linear import ROWS, register_linear

PROJECT = "bikes"
DAY = timedelta(days=1)
EVIL = "<script>alert('x')</script>"


def open_turning_house(folder: Path) -> tuple[House, str]:
    """Make the project; return its installation and an owner's token."""
    house = open_test_house(folder, project=PROJECT)
    session = house.session()
    _found(session)
    with session.begin() as scope:
        token = create_token(scope, note="a browser").bearer
    _first_version(house, session)
    _watch(house, session)
    _second_version(session)
    return house, token


def commit(session: Session, rows: int) -> None:
    """Commit a version of the dataset: an event that a page should show."""
    table = pa.table({"heat": [float(place % 30) for place in range(rows)],
                      "city": [("here", "there", None)[place % 3] for place in range(rows)],
                      "count": list(range(rows))})  # fmt: skip
    data.commit_table(session, "rentals", table, mode="replace", message=f"{rows} hours")


def _found(session: Session) -> None:
    with session.begin() as scope:
        charter.set_charter(
            scope,
            problem=f"Stations run empty {EVIL}",
            kpi=charter.Kpi(name="error", unit="rentals", direction="down", baseline=88, target=57),
            costs=charter.ErrorCosts(unit="rentals", over=1.0, under=2.0),
            stop_rule="no gain in a quarter",
            sponsor="city",
        )
        expected = (data.Expectation(column="heat", not_null=True, min=0),)
        data.declare(scope, data.DatasetSpec(name="rentals", expectations=expected))
    commit(session, 300)


def _first_version(house: House, session: Session) -> None:
    with session.begin() as scope:
        better = registry.BetterThan(metric="mae")
        registry.declare_gates(scope, "demand", registry.GateSpec(better_than_champion=better))
        run = tracking.start_run(scope, tracking.RunStart(name="train", params={"depth": 3}))
        for step in range(3):
            tracking.log_metrics(scope, run.ref, {"loss": 3.0 - step}, step=step)
        used = Usage(cpu_s=3600.0, wall_s=12.0, peak_memory_bytes=10**8)
        tracking.finish_run(scope, run.ref, "finished", used)
    register_linear(session, "demand", 1.0)
    registry.judge(session, Ref("model", "demand", 1))
    with session.begin() as scope:
        registry.promote(scope, Ref("model", "demand", 1), alias="champion", reason="the first")
        spec = serving.DeploymentSpec(name="demand", model="demand", target="count")
        serving.deploy(scope, spec)
        serving.serve_version(scope, "demand", Ref("model", "demand", 1), reason="the first")
    assert isinstance(house.drivers.clock, ManualClock)


def _watch(house: House, session: Session) -> None:
    with session.begin() as scope:
        spec = monitoring.MonitorSpec(
            name="demand",
            deployment="demand",
            volume=monitoring.VolumeRule(expected_per_hour=0.5),
            performance=monitoring.PerformanceRule(metric="mae", limit=3.0, min_labels=2),
        )
        monitoring.declare_monitor(scope, spec)
    clock = house.drivers.clock
    assert isinstance(clock, ManualClock)
    for day in range(5):
        ids = answer_rows(session, count=20)
        clock.advance(DAY)
        with session.begin() as scope:
            feedback.add_labels(scope, "demand", ids, [4.0 + day] * len(ids))
        since, until = scope.now - 7 * DAY, scope.now
        labels = feedback.labels_table(session, "demand", since, until)
        monitoring.evaluate(session, "demand", scope.now, labels)


def _second_version(session: Session) -> None:
    register_linear(session, "demand", 2.0)
    registry.judge(session, Ref("model", "demand", 2))
    register_linear(session, "demand", 5.0)
    registry.judge(session, Ref("model", "demand", 3))
    with session.begin() as scope:
        serving.start_canary(scope, "demand", Ref("model", "demand", 2), weight=0.25)


def answer_rows(session: Session, *, count: int) -> list[str]:
    """Leave predictions where a model server leaves them; return their ids."""
    with session.begin(write=False) as scope:
        deployment = serving.get_deployment(scope, Ref("deployment", "demand"))
        ids = sorted(new_id(scope.now) for _ in range(count))
    heat = [ROWS["heat"][place % 4].as_py() for place in range(count)]
    champion = deployment.variants[0]
    columns = {
        "id": ids,
        "at": [scope.now] * count,
        "deployment_ref": [str(deployment.ref)] * count,
        "model_ref": [str(champion.model)] * count,
        "variant": [champion.role] * count,
        "latency_us": [900] * count,
        "error": [""] * count,
        "share": [1.0] * count,
    }
    frame = pa.table({field.name: pa.array(columns[field.name], field.type) for field in FRAME})
    table = frame.append_column("in_heat", pa.array(heat)).append_column(
        "out_prediction", pa.array(heat)
    )
    segment = Segment(
        project=session.project, deployment="demand", first=ids[0], last=ids[-1], writer="test"
    )
    session.drivers.blobs.put(segment.key, parquet_of(table))
    return ids
