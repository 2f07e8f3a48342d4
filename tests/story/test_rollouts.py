"""A bad version goes out by each door and comes back by itself; shadows tell; the switch kills."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bucle.base.clock import SharedClock
from bucle.base.refs import Ref
from bucle.base.settings import load_settings
from bucle.governance.audit.read import events_after
from bucle.governance.audit.verify import verify
from bucle.governance.session import House
from bucle.interfaces.client import connect
from bucle.interfaces.predict.process import ModelServer
from bucle.lifecycle import serving
from bucle.testing.houses import open_test_house
from tests.integration.test_model_server import Load, Program
from tests.support.asgi import asked, request
from tests.support.control import settle
from tests.support.linear import make_home, model
from tests.support.processes import free_port, stop, wait_until
from tests.support.servers import server

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROLLOUT = {"steps": [0.5], "each": "1h", "min_requests": 20, "gates": {"max_drift": 0.3}}
YAML = """
version: 1
project: default
models: {demand: {}}
deployments:
  demand:
    model: demand
    target: count
    rollout: {steps: [0.5], each: 1h, min_requests: 20, gates: {max_drift: 0.3}}
    fallback: {rule: "heat > 30"}
"""


@dataclass
class World:
    """An installation, its clock, a model server, and a folder to call commands in."""

    folder: Path
    house: House
    clock: SharedClock
    server: ModelServer

    def bucle(self, *words: str) -> Any:
        """Run a command as a person does; return what it says as JSON."""
        return bucle(self.house.settings.home_path, self.folder, *words,
                     clock_url=self.house.settings.clock_url)  # fmt: skip

    def deployment(self) -> serving.Deployment:
        """Return the deployment as it is now."""
        with self.house.session().begin(write=False) as scope:
            return serving.get_deployment(scope, Ref("deployment", "demand"))

    def ask(self, rows: int) -> None:
        """Let callers ask, and hand the log over."""

        async def all_of_them() -> set[int]:
            found = set()
            for heat in range(1, rows + 1):
                row = {"heat": float(heat), "city": "here"}
                found.add((await asked(self.server.app, "POST", "/predict/demand", row, {})).status)
            return found

        assert asyncio.run(all_of_them()) == {200}
        assert request(self.server.app, "POST", "/admin/flush").status == 200

    def later(self) -> None:
        """Let an hour pass, and control do what is due."""
        self.clock.set(self.clock.now() + timedelta(hours=1))
        settle(self.house)
        self.server.watcher.poll()


def bucle(home: Path, folder: Path, *words: str, clock_url: str = "") -> Any:
    environ = {name: text for name, text in os.environ.items() if not name.startswith("BUCLE_")}
    environ |= {"BUCLE_HOME": str(home)} | ({"BUCLE_CLOCK_URL": clock_url} if clock_url else {})
    done = subprocess.run([sys.executable, "-m", "bucle", *words, "--json"], cwd=folder,
                          env=environ, capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def linear_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("linear") / "home")


@pytest.fixture
def world(linear_home: Path, tmp_path: Path) -> Iterator[World]:
    home = shutil.copytree(linear_home, tmp_path / "home")
    clock = SharedClock.create(tmp_path / "clock", START)
    house = open_test_house(home, clock_url=f"shared:{tmp_path / 'clock'}")
    with house.session().begin() as scope:
        serving.serve_version(scope, "demand", model(1))
    serving.publish(house.session())
    model_server = ModelServer(house.settings)
    model_server.watcher.restore()
    model_server.watcher.poll()
    yield World(tmp_path, house, clock, model_server)
    model_server.log.close()
    house.close()


def by_cli(world: World, _: ExitStack) -> None:
    rollout = json.dumps(ROLLOUT)
    world.bucle("serving", "deploy", "demand", "--model", "demand", "--rollout", rollout)
    world.bucle("serving", "start-canary", "demand", "demand@3", "--reason", "it looks better")


def by_api(world: World, stack: ExitStack) -> None:
    home, clock_url = world.house.settings.home_path, world.house.settings.clock_url
    running = stack.enter_context(server(home, clock_url=clock_url))
    client = stack.enter_context(connect(running.url, token=running.token, project="default"))
    client.call("serving.deploy", name="demand", model="demand", rollout=ROLLOUT)
    client.call("serving.start_canary", name="demand", model="demand@3")


def by_yaml(world: World, _: ExitStack) -> None:
    (world.folder / "bucle.yaml").write_text(YAML, encoding="utf-8")
    changes = world.bucle("plan")["changes"]
    (deployment,) = [one for one in changes if one["ref"] == "deployment:demand"]
    fields = {one["field"] for one in deployment["differences"]}
    assert {"rollout.gates", "fallback"} <= fields
    world.bucle("apply")


@pytest.mark.parametrize("door", [by_cli, by_api, by_yaml])
def test_a_canary_that_fails_its_gate_is_taken_back_by_itself(
    world: World, door: Callable[[World, ExitStack], None]
) -> None:
    with ExitStack() as stack:
        door(world, stack)
    settle(world.house)
    world.server.watcher.poll()
    started = world.deployment().rollout_state
    assert started is not None
    assert str(started.model) == "model:demand@3"
    world.ask(160)
    world.later()
    now = world.deployment()
    assert [(one.role, str(one.model)) for one in now.variants] == [("champion", "model:demand@1")]
    assert now.action == "rollout.aborted"
    assert now.reason.startswith("psi of its predictions from the champion's")
    drift = next(one for one in now.evidence if one.name == "drift")
    assert drift.value is not None
    assert drift.value > 0.3 == drift.limit
    with world.house.session().begin(write=False) as scope:
        aborted = [one for one in events_after(scope, 0) if one.type == "rollout.aborted"][-1]
        assert verify(scope).ok
    assert (aborted.actor, aborted.body["reason"]) == ("control", now.reason)
    assert [one.told for one in world.server.watcher.board.served[0].loaded] == ["model:demand@1"]


@pytest.fixture
def program(linear_home: Path, tmp_path: Path) -> Iterator[Program]:
    home = shutil.copytree(linear_home, tmp_path / "home")
    house = House(load_settings({"BUCLE_HOME": str(home)}))
    with house.session().begin() as scope:
        serving.serve_version(scope, "demand", model(1))
    serving.publish(house.session())
    house.close()
    running = Program(home, free_port())
    yield running
    stop(running.process)


def test_the_differences_of_a_version_in_the_shadow_are_reported(
    program: Program, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    bucle(home, tmp_path, "serving", "start-shadow", "demand", "demand@2")
    assert wait_until(lambda: program.ask("GET", "/v2/models/demand")[1]["parameters"]["shadows"],
                      within_s=20)  # fmt: skip
    ids = []
    for heat in (1.0, 2.0, 30.0):
        status, said = program.ask("POST", "/predict/demand",
                                   json.dumps({"heat": heat, "city": "here"}).encode())  # fmt: skip
        assert (status, said["outputs"]["prediction"], said["variant"]) == (200, [heat], "champion")
        ids += said["ids"]

    def compared() -> dict[str, Any]:
        program.ask("POST", "/admin/flush")
        return bucle(home, tmp_path, "serving", "compare", "demand")

    assert wait_until(lambda: compared()["compared"] == 3, within_s=30)
    found = compared()
    assert found["shadow"] == "model:demand@2"
    assert found["differences"]["agreement"] == 0.0
    assert found["differences"]["mean_difference"] == pytest.approx(11.0)
    assert found["differences"]["worst"][0] == {
        "id": ids[2], "answered": 30.0, "shadow": 60.0, "difference": 30.0,
    }  # fmt: skip


def test_the_kill_switch_fails_no_caller(program: Program, tmp_path: Path) -> None:
    home = tmp_path / "home"
    fallback = json.dumps({"rule": "heat * 0 - 1"})
    bucle(home, tmp_path, "serving", "deploy", "demand", "--model", "demand",
          "--fallback", fallback)  # fmt: skip
    with Load(program.port, 4) as load:
        assert wait_until(lambda: len(load.answers) > 50, within_s=20)
        bucle(home, tmp_path, "serving", "kill", "demand", "--reason", "it pays everything out")
        assert wait_until(lambda: load.answers[-1]["variant"] == "fallback", within_s=20)
        at = len(load.answers)
        assert wait_until(lambda: len(load.answers) > at + 50, within_s=20)
        bucle(home, tmp_path, "serving", "restore", "demand", "--reason", "mended")
        assert wait_until(lambda: load.answers[-1]["variant"] == "champion", within_s=20)
    assert load.failures == []
    assert {str(one["outputs"]["prediction"]) for one in load.answers} == {"[10.0]", "[-1.0]"}
    history = bucle(home, tmp_path, "serving", "history", "demand")["items"]
    assert [one["action"] for one in history[:2]] == ["deployment.restored", "deployment.killed"]
    assert history[1]["reason"] == "it pays everything out"
