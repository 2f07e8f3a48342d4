"""Control and feature views: registered as declared, in the online store without being asked."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from bucle.base.clock import ManualClock
from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.control.actions import ACTIONS
from bucle.control.jobs import Job, list_jobs
from bucle.control.jobs.worker import Worker
from bucle.control.reconcile.apply import apply_project, plan_project
from bucle.control.reconcile.check import check_reality
from bucle.control.spec.project import load_project, parse_project, project_schema
from bucle.control.spec.records import ProjectSpec
from bucle.control.tick import tick
from bucle.governance.session import House, Session
from bucle.interfaces.operations.call import call
from bucle.interfaces.operations.control import Declarations
from bucle.interfaces.operations.table import row_named
from bucle.lifecycle import serving
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.features import (
    Aggregation,
    Entity,
    FeatureView,
    OnDemand,
    get_view,
    online_view,
    read_online,
    reading,
    register_view,
)
from bucle.testing.houses import open_test_house

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEXT = """
version: 1
project: default
datasets: {trips: {}, others: {}}
features: {views: "features:VIEWS"}
models: {demand: {}}
deployments: {demand: {model: demand, features: [station]}}
reconcile: {every: 30d}
"""
STATION = FeatureView(
    name="station",
    entity=Entity(name="station", keys=("station",)),
    source="trips",
    time="at",
    aggregations=(Aggregation(function="count", window="1d", name="trips"),),
    owner="me",
    description="How many trips",
)
OTHER = FeatureView(
    name="other",
    entity=Entity(name="station", keys=("station",)),
    source="others@1",
    time="at",
    columns=("fare",),
    owner="me",
    description="Fares",
)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Open an installation."""
    opened = open_test_house(tmp_path / "home", start=NOW, online_url="memory:")
    yield opened
    opened.close()


@pytest.fixture
def session(house: House) -> Session:
    """Return a session of it."""
    return house.session()


def spec_of(text: str = TEXT, *views: FeatureView) -> ProjectSpec:
    return parse_project(text, views=views or (STATION, OTHER))


def work(house: House) -> list[Job]:
    """Let control do all that is due; return the materializations, oldest first."""
    session, worker = house.session(), Worker(house, ACTIONS)
    clock = session.drivers.clock
    assert isinstance(clock, ManualClock)
    for _ in range(100):
        clock.advance(timedelta(milliseconds=1))  # jobs of one moment have no order
        if not tick(session) and not worker.step():
            break
    else:
        raise AssertionError("control never comes to rest")
    with session.begin(write=False) as scope:
        found = list_jobs(scope, kind="features.materialize").items
    return list(reversed(found))


def trips(*stations: int, at: datetime = NOW - timedelta(hours=1)) -> pa.Table:
    return pa.table(
        {"station": stations, "at": [at] * len(stations), "fare": [1.0] * len(stations)}
    )


def online(session: Session, station: int) -> object:
    with session.begin(write=False) as scope:
        view = get_view(scope, "station")
    reader = online_view(view.view, view.ref, session.project)
    now = session.drivers.clock.now()
    return read_online(session.drivers.online, reader, [(station,)], now)[0]["trips"]


def test_views_are_planned_registered_and_then_as_declared(session: Session) -> None:
    spec = spec_of()
    planned = apply_project(session, spec, "").changes
    assert [str(change.ref) for change in planned if change.ref.kind == "feature_view"] == [
        "feature_view:station", "feature_view:other",
    ]  # fmt: skip
    with session.begin(write=False) as scope:
        assert plan_project(scope, spec).changes == ()


def test_a_changed_definition_is_a_difference_and_a_new_version(session: Session) -> None:
    apply_project(session, spec_of(), "")
    changed = FeatureView(**{name: getattr(STATION, name) for name in STATION.__struct_fields__}
                          | {"ttl": "2d"})  # fmt: skip
    (change, *_) = apply_project(session, spec_of(TEXT, changed, OTHER), "").changes
    assert (str(change.ref), change.differences[0].field) == ("feature_view:station", "ttl")
    with session.begin(write=False) as scope:
        assert get_view(scope, "station").number == 2


def test_a_view_that_is_no_longer_declared_stays_as_it_is(session: Session) -> None:
    apply_project(session, spec_of(), "")
    assert not [change for change in apply_project(session, spec_of(TEXT, STATION), "").changes
                if change.ref.kind == "feature_view"]  # fmt: skip


def test_a_definition_that_was_changed_by_hand_is_noticed(session: Session) -> None:
    apply_project(session, spec_of(), "")
    changed = {name: getattr(STATION, name) for name in STATION.__struct_fields__} | {"ttl": "2d"}
    with session.begin() as scope:
        register_view(scope, FeatureView(**changed))
    assert [str(change.ref) for change in check_reality(session)] == ["feature_view:station"]


def test_new_rows_go_to_the_online_store_unasked(house: House, session: Session) -> None:
    apply_project(session, spec_of(), "")
    work(house)
    commit_table(session, "trips", trips(1, 1, 2))
    jobs = work(house)
    assert [job.cause for job in jobs if job.result and "source" in job.result] == [
        "dataset.committed dataset:trips@1"
    ]
    assert online(session, 1) == 2
    commit_table(session, "trips", trips(1), mode="append")
    work(house)
    assert online(session, 1) == 3


def test_a_view_of_a_dataset_with_rows_is_brought_online_when_it_is_registered(
    house: House, session: Session
) -> None:
    commit_table(session, "trips", trips(1, 1))
    apply_project(session, spec_of(), "")
    jobs = work(house)
    done = {job.cause: job for job in jobs}
    assert done["feature.registered feature_view:station@1"].result is not None
    assert online(session, 1) == 2
    nothing = done["feature.registered feature_view:other@1"]
    assert nothing.status == "done"
    assert nothing.result == {"outcome": "nothing was committed to dataset:others yet"}


def test_each_commit_queues_one_job_for_each_view_of_its_dataset(
    house: House, session: Session
) -> None:
    apply_project(session, spec_of(), "")
    work(house)
    for station in range(3):
        commit_table(session, "trips", trips(station, at=NOW), mode="append")
    commit_table(session, "elsewhere", trips(1))
    jobs = [job for job in work(house) if job.cause.startswith("dataset.committed")]
    assert [job.args["view"] for job in jobs] == ["station"] * 3
    assert len({job.key for job in jobs}) == 3


def test_a_view_that_is_not_declared_is_left_to_whoever_registered_it(
    house: House, session: Session
) -> None:
    apply_project(session, spec_of(TEXT, STATION), "")
    with session.begin() as scope:
        register_view(scope, OTHER)
    commit_table(session, "others", trips(1))
    assert {job.args["view"] for job in work(house)} == {"station"}


def test_a_declared_schedule_lets_rows_leave_their_windows(house: House, session: Session) -> None:
    text = TEXT.replace('"features:VIEWS"}', '"features:VIEWS", every: 1d}')
    apply_project(session, spec_of(text, STATION), "")
    commit_table(session, "trips", trips(1))
    work(house)
    assert online(session, 1) == 1
    clock = house.drivers.clock
    assert isinstance(clock, ManualClock)
    clock.advance(timedelta(days=2))
    *_, last = work(house)
    assert (last.cause, last.args["view"]) == ("features:station", "station")
    assert online(session, 1) == 0


def test_a_deployment_may_not_name_a_view_that_its_project_does_not_declare() -> None:
    with pytest.raises(Invalid, match="there is no feature view 'station'") as error:
        spec_of(TEXT, OTHER)
    assert error.value.hint == "declared: other"


def test_a_wrong_refresh_is_told_with_its_line() -> None:
    text = TEXT.replace('"features:VIEWS"}', '"features:VIEWS", every: often}')
    with pytest.raises(Invalid, match=r"bucle.yaml:5: in features.every: 'often'"):
        spec_of(text)


def test_the_projects_python_is_read_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "bucle.yaml").write_text(TEXT.replace("features: [station]", ""))
    (tmp_path / "features.py").write_text(
        "import bucle\nVIEWS = bucle.feature_view(name='v', source='trips', time='at', owner='me',"
        " entity=bucle.Entity(name='s', keys=('s',)), columns=('fare',), description='d')\n"
    )
    assert list(load_project(tmp_path).views) == ["v"]


def test_declarations_without_the_views_that_they_name_are_refused(session: Session) -> None:
    for name in ("control.plan", "control.apply"):
        with pytest.raises(Invalid, match="'features:VIEWS' did not come with"):
            call(session, row_named(name), Declarations(text=TEXT))
    sent = Declarations(text=TEXT, views=(STATION, OTHER))
    assert call(session, row_named("control.plan"), sent).changes


def test_the_schema_asks_for_the_reference_and_not_for_what_it_holds() -> None:
    said = project_schema()["$defs"]["FeaturesSpec"]
    assert set(said["properties"]) == {"views", "every"}


def test_the_view_that_a_served_model_was_trained_on_stays_online(
    house: House, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit_table(session, "trips", trips(1, 1))
    apply_project(session, spec_of(TEXT, STATION), "")
    work(house)
    newer = msgspec.structs.replace(STATION, ttl="9d")
    apply_project(session, spec_of(TEXT, newer), "")
    work(house)
    old = Ref("feature_view", "station", 1)
    monkeypatch.setattr(serving, "views_in_use", lambda _: (old,))
    commit_table(session, "trips", trips(1), mode="append")
    *_, last = work(house)
    assert last.result
    assert last.result["also"] == ["feature_view:station@1"]
    with session.begin(write=False) as scope:
        reader = reading(scope, get_view(scope, "station@1"))
    now = session.drivers.clock.now()
    assert read_online(session.drivers.online, reader, [(1,)], now)[0]["trips"] == 3


def test_a_view_that_is_computed_on_demand_is_planned_once_and_has_nothing_to_bring(
    house: House, session: Session
) -> None:
    asked = FeatureView(
        name="per_trip",
        inputs=("station",),
        request={"fare": "float64"},
        on_demand=(OnDemand(name="per", sql="fare / nullif(trips, 0)"),),
        owner="me",
        description="What a trip costs",
    )
    commit_table(session, "trips", trips(1, 1))
    text = TEXT.replace("features: [station]", "features: [per_trip]")
    text = text.replace('"features:VIEWS"}', '"features:VIEWS", every: 1d}')
    spec = spec_of(text, asked, STATION)  # in whatever order they are declared
    apply_project(session, spec, "")
    jobs = work(house)
    done = {job.cause: job.result for job in jobs}
    assert done["feature.registered feature_view:per_trip@1"] == {
        "outcome": "feature_view:per_trip@1 is computed when somebody asks"
    }
    with session.begin() as scope:
        assert not [c for c in plan_project(scope, spec).changes if c.ref.kind == "feature_view"]
        register_view(scope, msgspec.structs.replace(STATION, ttl="9d"))
    fresh = spec_of(text, msgspec.structs.replace(STATION, ttl="9d"), asked)
    with session.begin(write=False) as scope:
        changes = plan_project(scope, fresh).changes
    (change,) = [change for change in changes if change.ref.kind == "feature_view"]
    assert (str(change.ref), change.differences[0].field) == ("feature_view:per_trip", "inputs")
    apply_project(session, fresh, "")
    with session.begin(write=False) as scope:
        assert [str(ref) for ref in get_view(scope, "per_trip").inputs] == [
            "feature_view:station@2"
        ]
