import shutil
from collections.abc import Callable
from pathlib import Path

from bucle.base.refs import Ref
from bucle.drivers.blobs.content import content_key
from bucle.governance.session import House
from bucle.interfaces.predict.process import ModelServer
from bucle.lifecycle import registry, serving
from tests.support.asgi import request
from tests.support.linear import model, register_linear

ROW = {"heat": 10, "city": "here"}


def answer(server: ModelServer, name: str = "demand") -> float:
    return float(
        request(server.app, "POST", f"/predict/{name}", ROW).json["outputs"]["prediction"][0]
    )


def serve(house: House, version: int) -> None:
    with house.session().begin() as scope:
        serving.serve_version(scope, "demand", model(version))
    serving.publish(house.session())


def spoil(house: House, version: int) -> Path:
    """Change one byte of a version's weights in the content store."""
    with house.session().begin(write=False) as scope:
        found = registry.get_version(scope, model(version))
    manifest = registry.read_manifest(house.drivers.blobs, found.manifest)
    path = house.drivers.blobs.local_path(content_key(manifest.files[manifest.weights].digest))
    assert path is not None
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    return path


def test_a_new_version_is_served_after_the_next_look(house: House, server: ModelServer) -> None:
    assert answer(server) == 10
    serve(house, 2)
    assert answer(server) == 10
    assert server.watcher.poll() is True
    assert answer(server) == 20


def test_nothing_changes_without_a_new_plan(server: ModelServer) -> None:
    before = server.watcher.board
    assert server.watcher.poll() is False
    assert server.watcher.board is before


def test_a_tampered_package_is_refused_and_the_old_version_stays(
    house: House, server: ModelServer
) -> None:
    spoil(house, 2)
    serve(house, 2)
    server.watcher.poll()
    assert answer(server) == 10
    told = request(server.app, "GET", "/v2/models/demand").json["parameters"]
    assert (told["deployment"], told["planned"]) == ("deployment:demand@2", "deployment:demand@3")
    assert "weights.pkl" in told["problem"]
    assert "was changed after it was registered" in told["problem"]
    health = request(server.app, "GET", "/v2/health/ready")
    assert (health.status, health.json["status"]) == (200, "degraded")
    assert "weights.pkl" in health.json["reasons"][0]


def test_a_package_that_is_restored_is_served(house: House, server: ModelServer) -> None:
    path = spoil(house, 2)
    serve(house, 2)
    server.watcher.poll()
    spoil(house, 2)  # the same bit again
    assert path.is_file()
    server.watcher._retried_at = -1e9
    assert server.watcher.poll() is True
    assert answer(server) == 20
    assert request(server.app, "GET", "/health").json["status"] == "ok"


def test_a_tampered_canary_leaves_all_of_the_traffic_to_the_champion(
    house: House, start_server: Callable[..., ModelServer]
) -> None:
    spoil(house, 2)
    with house.session().begin() as scope:
        serving.start_canary(scope, "demand", model(2), weight=0.9)
    serving.publish(house.session())
    server = start_server()
    assert {answer(server) for _ in range(20)} == {10}
    assert request(server.app, "GET", "/health").json["status"] == "degraded"


def test_a_plan_that_somebody_else_signed_is_not_followed(
    house: House, server: ModelServer
) -> None:
    key = serving.plan_key("default")
    content = house.drivers.blobs.get(key)
    house.drivers.blobs.put(key, content.replace(b"demand", b"demanx"))
    server.watcher.poll()
    assert answer(server) == 10
    assert "signature" in request(server.app, "GET", "/health").json["reasons"][0]


def test_a_server_starts_and_serves_while_the_blob_store_is_gone(
    house: House, server: ModelServer, start_server: Callable[..., ModelServer]
) -> None:
    assert answer(server) == 10
    shutil.rmtree(house.settings.home_path / "blobs")
    again = start_server()
    assert answer(again) == 10


def test_a_kept_package_that_was_changed_is_fetched_again(
    house: House, server: ModelServer, start_server: Callable[..., ModelServer]
) -> None:
    for path in (house.settings.home_path / "predict" / "packages").rglob("*"):
        if path.is_file():
            path.write_bytes(b"spoilt")
    assert answer(start_server()) == 10


def test_a_kept_plan_that_was_changed_is_not_believed(
    house: House, server: ModelServer, start_server: Callable[..., ModelServer]
) -> None:
    kept = house.settings.home_path / "predict" / "plans" / "default.json"
    kept.write_bytes(kept.read_bytes().replace(b"demand", b"demanx"))
    shutil.rmtree(house.settings.home_path / "blobs")
    health = request(start_server().app, "GET", "/health").json
    assert (health["status"], health["ready"]) == ("starting", False)
    assert "is not used" in health["reasons"][0]


def test_a_deployment_that_serves_nothing_yet_says_so(house: House, server: ModelServer) -> None:
    with house.session().begin() as scope:
        serving.deploy(scope, serving.DeploymentSpec(name="later", model="demand"))
    serving.publish(house.session())
    server.watcher.poll()
    answered = request(server.app, "POST", "/predict/later", ROW)
    assert answered.status == 503
    assert "serves no version yet" in answered.json["message"]


def test_two_projects_are_told_apart_by_their_full_names(house: House, server: ModelServer) -> None:
    other = house.session(project="other")
    register_linear(other, "demand", 7.0)
    with other.begin() as scope:
        serving.deploy(scope, serving.DeploymentSpec(name="demand", model="demand"))
        serving.serve_version(scope, "demand", Ref("model", "demand", 1))
    serving.publish(other)
    server.watcher.source.look_anew()
    server.watcher.poll()
    assert (answer(server, "default.demand"), answer(server, "other.demand")) == (10, 70)
    both = request(server.app, "POST", "/predict/demand", ROW)
    assert both.status == 404
    assert both.json["hint"] == "ask for default.demand or other.demand"


def test_a_server_without_any_plan_is_starting(
    house: House, start_server: Callable[..., ModelServer], tmp_path: Path
) -> None:
    server = start_server(home=str(tmp_path / "empty"))
    assert request(server.app, "GET", "/v2/health/ready").status == 503
    assert request(server.app, "GET", "/v2/health/live").status == 200
    assert request(server.app, "POST", "/predict/demand", ROW).status == 401
