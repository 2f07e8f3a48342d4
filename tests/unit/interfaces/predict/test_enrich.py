from collections.abc import Callable

import msgspec
import pyarrow as pa
import pytest

from bucle.base.errors import NotFound
from bucle.governance.session import House
from bucle.interfaces.predict.process import ModelServer
from bucle.lifecycle import data, features, serving
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
