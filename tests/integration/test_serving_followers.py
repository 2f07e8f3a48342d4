"""A model server that follows a control plane over HTTP: it has neither database nor blobs."""

import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bucle.base.settings import load_settings
from bucle.drivers.blobs.content import content_key
from bucle.governance.access.principals import add_principal, grant
from bucle.governance.access.tokens import create_token
from bucle.governance.audit.read import events_after
from bucle.governance.session import House
from bucle.lifecycle import registry, serving
from bucle.lifecycle.serving import fleet
from bucle.lifecycle.serving.segments import list_segments, read_files
from tests.support.linear import make_home, model
from tests.support.processes import free_port, stop, wait_until
from tests.support.servers import Killable, killable_server
from tests.support.serving import Load, Program


@pytest.fixture(scope="module")
def linear_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("linear") / "home")


@pytest.fixture
def house(linear_home: Path, tmp_path: Path) -> Iterator[House]:
    home = shutil.copytree(linear_home, tmp_path / "home")
    opened = House(load_settings({"BUCLE_HOME": str(home)}))
    with opened.session().begin() as scope:
        fleet.declare_fleet(scope, fleet.FleetSpec(waves=("1",), settle="0s"))
    serve(opened, 1)
    yield opened
    opened.close()


@pytest.fixture
def control(house: House) -> Iterator[Killable]:
    with killable_server(house.settings.home_path) as server:
        server.start()
        yield server


@pytest.fixture
def token(house: House) -> str:
    """Return a token of somebody who may follow and nothing else."""
    with house.session().begin() as scope:
        add_principal(scope, "edge", kind="service")
        grant(scope, "edge", "follower")
        return create_token(scope, principal="edge").bearer


@pytest.fixture
def follow(
    house: House, control: Killable, token: str, tmp_path: Path
) -> Iterator[Callable[..., Program]]:
    """Yield a function that starts a model server elsewhere: it is given the key and a token."""
    (tmp_path / "edge" / "keys").mkdir(parents=True)
    (tmp_path / "edge" / "keys" / "signing.pub").write_text(house.keys.public_hex)
    started: list[Program] = []

    def start(**changed: str) -> Program:
        settings = {
            "home": str(tmp_path / "edge"),
            "control_url": control.url,
            "token": token,
            "follower": "edge-1",
            "follower_labels": "site=lab",
            "predict_port": str(free_port()),
        }
        log = tmp_path / f"edge-{len(started)}.log"
        started.append(Program(("-m", "bucle.interfaces.predict"), log, settings | changed))
        return started[-1]

    yield start
    for program in started:
        stop(program.process)


def serve(house: House, version: int) -> None:
    with house.session().begin() as scope:
        serving.serve_version(scope, "demand", model(version))
    serving.publish(house.session())


def answer(program: Program) -> float:
    return float(program.predict()["outputs"]["prediction"][0])


def told(house: House) -> tuple[fleet.Follower, ...]:
    with house.session().begin(write=False) as scope:
        return fleet.list_followers(scope).items


def ask(control: Killable, token: str, path: str, **headers: str) -> tuple[int, Any, str]:
    request = urllib.request.Request(f"{control.url}/api/v1/default/{path}", headers=headers)
    if token:
        request.add_header("authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=60) as found:
            return found.status, found.read(), found.headers.get("etag", "")
    except urllib.error.HTTPError as error:
        content = error.read()
        return error.code, json.loads(content) if content else None, error.headers.get("etag", "")


def test_a_follower_serves_reports_and_hands_its_log_over(
    house: House, follow: Callable[..., Program]
) -> None:
    program = follow()
    first = program.predict()
    assert first["outputs"] == {"prediction": [10.0]}
    assert wait_until(lambda: bool(told(house)) and bool(told(house)[0].plan), within_s=20)
    found = told(house)[0]
    assert (found.id, found.labels, found.healthy) == ("edge-1", {"site": "lab"}, True)
    assert program.ask("POST", "/admin/flush")[0] == 200
    blobs = house.drivers.blobs
    paths = [blobs.local_path(segment.key) for segment in list_segments(blobs, "default")]
    assert read_files(paths, ["id"])["id"].to_pylist() == first["ids"]


def test_it_keeps_serving_while_the_control_plane_is_killed_and_follows_again(
    house: House, control: Killable, follow: Callable[..., Program]
) -> None:
    program = follow()
    with Load(program.port) as load:
        load.goes_on()
        control.kill()
        assert wait_until(lambda: program.health()["status"] == "degraded", within_s=40)
        assert "last known state" in program.health()["reasons"][0]
        load.goes_on()
        serve(house, 2)
        control.start()
        assert wait_until(lambda: answer(program) == 20, within_s=60)
        assert wait_until(lambda: concluded(house) == "finished", within_s=60)
        load.goes_on()
    assert load.failures == []
    stop(program.process)
    control.kill()
    shutil.rmtree(house.settings.home_path / "blobs")
    again = follow()
    assert answer(again) == 20
    assert wait_until(lambda: again.health()["status"] == "degraded", within_s=40)


def test_a_package_that_was_changed_on_the_way_is_refused_and_its_wave_taken_back(
    house: House, follow: Callable[..., Program]
) -> None:
    program = follow()
    assert wait_until(lambda: bool(told(house)) and bool(told(house)[0].plan), within_s=20)
    blobs = house.drivers.blobs
    with house.session().begin(write=False) as scope:
        manifest = registry.read_manifest(blobs, registry.get_version(scope, model(2)).manifest)
    key = content_key(manifest.files[manifest.weights].digest)
    content = bytearray(blobs.get(key))
    content[len(content) // 2] ^= 1
    blobs.put(key, bytes(content))
    with Load(program.port) as load:
        serve(house, 2)
        assert wait_until(lambda: concluded(house) == "rolled_back", within_s=60)
        load.goes_on()
    assert load.failures == []
    assert {one["model"] for one in load.answers} == {"model:demand@1"}
    with house.session().begin(write=False) as scope:
        last = fleet.fleet_history(scope).items[0]
        facts = [event for event in events_after(scope, 0) if event.type == "fleet.rolled_back"]
    assert "1 of 1 followers failed with it" in last.reason
    assert [event.body["reason"] for event in facts] == [last.reason]
    assert wait_until(lambda: program.health()["status"] == "ok", within_s=30)


def test_a_plan_is_answered_with_an_etag_and_waited_for(
    house: House, control: Killable, token: str
) -> None:
    status, content, etag = ask(control, token, "serving-plan/follow")
    assert status == 200
    plan = serving.open_sealed(content, house.keys.public_hex)
    assert plan.deployments[0].ref.name == "demand"
    same = ask(control, token, "serving-plan/follow?wait=0.2", **{"if-none-match": etag})
    assert (same[0], same[2]) == (304, etag)


def test_a_shadow_reaches_a_follower_with_its_package(
    house: House, follow: Callable[..., Program]
) -> None:
    with house.session().begin() as scope:
        serving.start_shadow(scope, "demand", model(2), share=1.0)
    serving.publish(house.session())
    program = follow()

    def shadows() -> object:
        return program.ask("GET", "/v2/models/demand")[1]["parameters"]["shadows"]

    assert wait_until(lambda: shadows() == ["model:demand@2"], within_s=20), program.health()


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("serving-plan/follow?wait=soon", 400, "can not be read"),
        ("serving-plan/follow?colour=red", 400, "not asked for"),
        ("serving-plan/follow?labels=red", 400, "not a label"),
        ("serving-plan/content/abc", 404, "no package in the plan"),
        ("deployments", 200, ""),
        ("models", 403, "model:read"),
    ],
)
def test_a_follower_may_follow_and_nothing_else(
    control: Killable, token: str, path: str, status: int, said: str
) -> None:
    found = ask(control, token, path)
    assert found[0] == status
    assert said in str(found[1])


def test_who_shows_no_token_is_not_answered(control: Killable) -> None:
    assert ask(control, "", "serving-plan/follow")[0] == 401
    assert ask(control, "bucle_no_one", "serving-plan/follow")[0] in {401, 403}


def concluded(house: House) -> str:
    """Judge the wave as the control plane does; return how the rollout stands."""
    with house.session().begin() as scope:
        fleet.judge_fleet(scope)
    with house.session().begin(write=False) as scope:
        return fleet.fleet_history(scope).items[0].state
