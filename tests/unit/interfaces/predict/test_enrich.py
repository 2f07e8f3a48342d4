from collections.abc import Callable

import msgspec
import pyarrow as pa
import pytest

from bucle.base.errors import Invalid, NotFound
from bucle.base.refs import Ref
from bucle.governance.session import House, Session
from bucle.interfaces.predict.process import ModelServer
from bucle.lifecycle import data, features, registry, serving
from bucle.lifecycle.features import stream
from tests.support.asgi import request

WEATHER = features.FeatureView(
    name="weather",
    entity=features.Entity(name="station", keys=("station",)),
    source="readings",
    time="at",
    columns=("heat",),
    owner="ann",
    description="What the stations read last.",
)


@pytest.fixture
def enriched(house: House) -> House:
    """Return the installation, with the heat of two stations online and `demand` reading it."""
    session = house.session()
    now = house.drivers.clock.now()
    readings = pa.table({"station": [1, 2], "at": [now, now], "heat": [20.0, 30.0]})
    with session.begin() as scope:
        data.declare(scope, data.DatasetSpec(name="readings"))
    data.commit_table(session, "readings", readings)
    with session.begin() as scope:
        features.register_view(scope, WEATHER)
        before = serving.find_deployment(scope, "demand")
        assert before is not None
        spec = serving.DeploymentSpec(name="demand", model="demand", features=("weather",))
        serving.deploy(scope, spec)
    features.materialize(session, "weather")
    house.drivers.online.close()
    house.drivers.__dict__.pop("online")
    serving.publish(session)
    return house


def test_a_missing_feature_is_read_by_its_entitys_key(
    enriched: House, start_server: Callable[..., ModelServer]
) -> None:
    server = start_server()
    rows = [{"station": station, "city": "here"} for station in (2, 1)]
    answered = request(server.app, "POST", "/predict/demand", {"rows": rows})
    assert answered.json["outputs"] == {"prediction": [30.0, 20.0]}


def test_what_the_request_says_itself_holds(
    enriched: House, start_server: Callable[..., ModelServer]
) -> None:
    row = {"station": 2, "city": "here", "heat": 5}
    answered = request(start_server().app, "POST", "/predict/demand", row)
    assert answered.json["outputs"] == {"prediction": [5.0]}


def test_what_was_read_is_in_the_log(
    enriched: House, start_server: Callable[..., ModelServer]
) -> None:
    server = start_server()
    answered = request(server.app, "POST", "/predict/demand", {"station": 2, "city": "here"})
    request(server.app, "POST", "/admin/flush")
    found = serving.find_prediction(enriched.session(), answered.json["ids"][0])
    assert found.features == {"heat": 30.0, "city": "here", "station": 2}


def test_a_row_without_its_key_is_told_both_ways_out(
    enriched: House, start_server: Callable[..., ModelServer]
) -> None:
    answered = request(start_server().app, "POST", "/predict/demand", {"city": "here"})
    assert answered.status == 400
    assert "'heat' is missing, and so is 'station'" in answered.json["message"]


def test_an_entity_that_nobody_knows_has_no_value_and_the_model_says_so(
    enriched: House, start_server: Callable[..., ModelServer]
) -> None:
    server = start_server()
    row = {"station": 99, "city": "here"}
    answered = request(server.app, "POST", "/predict/demand", row)
    assert answered.status == 400
    assert "'heat' has no value" in answered.json["message"]


def test_a_deployment_names_registered_views_only(house: House) -> None:
    spec = serving.DeploymentSpec(name="demand", model="demand", features=("nothing",))
    with house.session().begin() as scope, pytest.raises(NotFound, match="nothing"):
        serving.deploy(scope, spec)


def test_the_features_of_a_stream_are_those_of_its_newest_events(
    enriched: House, start_server: Callable[..., ModelServer]
) -> None:
    session = enriched.session()
    now = enriched.drivers.clock.now()
    with session.begin() as scope:
        spec = serving.DeploymentSpec(name="demand", model="demand", features=("weather",))
        features.register_view(scope, msgspec.structs.replace(WEATHER, stream="readings"))
        serving.deploy(scope, spec)
    events = pa.table({"station": [1, 2, 1], "at": [now] * 3, "heat": [20.0, 31.0, 21.0]})
    stream.absorb(session, "weather", events, ("1", "3"), now)
    enriched.drivers.online.close()
    enriched.drivers.__dict__.pop("online")
    serving.publish(session)
    rows = [{"station": station, "city": "here"} for station in (2, 1)]
    answered = request(start_server().app, "POST", "/predict/demand", {"rows": rows})
    assert answered.json["outputs"] == {"prediction": [31.0, 21.0]}


def trained(session: Session, *views: str) -> registry.ModelVersion:
    """Register the first version's package again, as trained on these versions of views."""
    with session.begin(write=False) as scope:
        first = registry.get_version(scope, Ref("model", "demand", 1))
    package = registry.read_package(session, first.manifest, allow_pickle=True)
    refs = tuple(Ref.parse(view, kind="feature_view") for view in views)
    return registry.register(session, "demand", package, registry.Registration(views=refs))


@pytest.fixture
def two_weathers(enriched: House) -> House:
    """Return the installation with a second version of the view, online, in other degrees."""
    session = enriched.session()
    warmer = msgspec.structs.replace(
        WEATHER, sql='SELECT station, "at", heat + 1000 AS heat FROM source'
    )
    with session.begin() as scope:
        features.register_view(scope, warmer)
    features.materialize(session, "weather@2")
    return enriched


def close_online(house: House) -> None:
    """Let go of the store, which one process opens."""
    house.drivers.online.close()
    house.drivers.__dict__.pop("online")


def test_a_model_is_served_with_the_views_that_it_was_trained_on(
    two_weathers: House, start_server: Callable[..., ModelServer]
) -> None:
    session = two_weathers.session()
    old, new = trained(session, "weather@1"), trained(session, "weather@1", "weather@2")
    with session.begin() as scope:
        serving.serve_version(scope, "demand", old.ref)
        serving.start_canary(scope, "demand", new.ref, weight=0.5)
        assert serving.views_in_use(scope) == (
            Ref("feature_view", "weather", 1), Ref("feature_view", "weather", 2),
        )  # fmt: skip
    plan = serving.publish(session).plan.deployments[0]
    assert [view.ref.version for view in plan.views] == ["1"]
    assert [view.ref.version for view in plan.views_of[str(new.ref)]] == ["2"]
    close_online(two_weathers)
    server = start_server()
    answers = {}
    for n in range(40):
        row = {"station": 2, "city": "here", "routing_key": f"k{n}"}
        answered = request(server.app, "POST", "/predict/demand", row).json
        answers[answered["model"]] = answered["outputs"]["prediction"][0]
    assert answers == {str(old.ref): 30.0, str(new.ref): 1030.0}


def test_a_newer_version_of_a_view_changes_nothing_for_who_was_trained_on_the_older_one(
    two_weathers: House,
) -> None:
    session = two_weathers.session()
    old = trained(session, "weather@1").ref
    with session.begin() as scope:
        serving.serve_version(scope, "demand", old)
    assert serving.publish(session).plan.deployments[0].views[0].ref.version == "1"
    with session.begin() as scope:
        serving.serve_version(scope, "demand", Ref("model", "demand", 2))  # nobody noted its views
    assert serving.publish(session).plan.deployments[0].views[0].ref.version == "2"


def test_the_champion_that_steps_in_is_given_its_own_features(
    two_weathers: House, start_server: Callable[..., ModelServer]
) -> None:
    session = two_weathers.session()
    hot = msgspec.structs.replace(
        WEATHER, sql='SELECT station, "at", 666.0 AS heat FROM source', description="Too hot."
    )
    with session.begin() as scope:
        features.register_view(scope, hot)
    features.materialize(session, "weather@3")
    old, failing = trained(session, "weather@1"), trained(session, "weather@3")
    with session.begin() as scope:
        serving.serve_version(scope, "demand", old.ref)
        serving.start_canary(scope, "demand", failing.ref, weight=0.9)
    serving.publish(session)
    close_online(two_weathers)
    server = start_server()
    found = [request(server.app, "POST", "/predict/demand",
                     {"station": 1, "city": "here", "routing_key": f"k{n}"}).json
             for n in range(10)]  # fmt: skip
    assert {tuple(one["outputs"]["prediction"]) for one in found} == {(20.0,)}
    assert {one["model"] for one in found} == {str(old.ref)}


def test_views_of_a_model_are_versions(session: Session, enriched: House) -> None:
    with pytest.raises(Invalid, match="feature_view:weather is no version"):
        trained(session, "weather")


@pytest.fixture
def demanded(enriched: House) -> House:
    """Return the installation with `demand` reading a heat that is computed from the request."""
    session = enriched.session()
    felt = features.FeatureView(
        name="felt",
        inputs=("readings",),
        request={"wind": "float64"},
        on_demand=(features.OnDemand(name="heat", sql="measured - wind"),),
        owner="ann",
        description="What it feels like",
    )
    measured = msgspec.structs.replace(
        WEATHER,
        name="readings",
        columns=("measured",),
        sql='SELECT station, "at", heat AS measured FROM source',
    )
    with session.begin() as scope:
        features.register_view(scope, measured)
        features.register_view(scope, felt)
        spec = serving.DeploymentSpec(name="demand", model="demand", features=("felt",))
        serving.deploy(scope, spec)
    features.materialize(session, "readings")
    close_online(enriched)
    serving.publish(session)
    return enriched


def test_a_feature_is_computed_from_what_the_request_says(
    demanded: House, start_server: Callable[..., ModelServer]
) -> None:
    server = start_server()
    rows = [{"station": s, "city": "here", "wind": wind} for s, wind in ((1, 5), (2, 2.5))]
    answered = request(server.app, "POST", "/predict/demand", {"rows": rows}).json
    assert answered["outputs"] == {"prediction": [15.0, 27.5]}
    request(server.app, "POST", "/admin/flush")
    found = serving.find_prediction(demanded.session(), answered["ids"][1])
    assert found.features["heat"] == 27.5
    origin = serving.explain_origin(demanded.session(), answered["ids"][1])
    assert any(edge.source == "feature_view:felt@1" for edge in origin.edges)


def test_a_request_that_says_too_little_is_told_what(
    demanded: House, start_server: Callable[..., ModelServer]
) -> None:
    app = start_server().app
    answered = request(app, "POST", "/predict/demand", {"station": 1, "city": "here"})
    assert answered.status == 400
    assert "feature_view:felt@1 is computed from 'wind' (float64)" in answered.json["message"]
    wrong = {"station": 1, "city": "here", "wind": "strong"}
    assert "'wind' is 'strong'" in request(app, "POST", "/predict/demand", wrong).json["message"]


def test_a_function_of_a_view_runs_in_the_model_server(
    demanded: House, start_server: Callable[..., ModelServer]
) -> None:
    session = demanded.session()
    felt = features.on_demand(
        name="felt", inputs=["readings"], request={"wind": float}, outputs={"heat": float},
        owner="ann", description="What it feels like",
    )(feeling)  # fmt: skip
    with session.begin() as scope:
        features.register_view(scope, felt)
    serving.publish(session)
    app = start_server().app
    row = {"station": 2, "city": "here", "wind": 2}
    assert request(app, "POST", "/predict/demand", row).json["outputs"] == {"prediction": [15.0]}
    failed = request(app, "POST", "/predict/demand", row | {"wind": -1})
    assert failed.status == 400
    assert "feeling failed on 1 rows: ValueError: no such wind" in failed.json["message"]


def feeling(rows: pa.Table) -> list[float | None]:
    """Divide by the wind."""
    if -1 in rows["wind"].to_pylist():
        raise ValueError("no such wind")
    pairs = zip(rows["measured"].to_pylist(), rows["wind"].to_pylist(), strict=True)
    return [None if heat is None or not wind else heat / wind for heat, wind in pairs]
