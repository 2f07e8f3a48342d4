"""A model server in this process, over a home in which `demand` has three versions."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bucle.base.clock import SharedClock
from bucle.base.settings import load_settings
from bucle.governance.session import House, Session
from bucle.interfaces.predict.process import ModelServer
from bucle.lifecycle import serving
from bucle.testing.houses import open_test_house
from tests.support.linear import make_home, model

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def linear_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home to copy."""
    return make_home(tmp_path_factory.mktemp("linear") / "home")


@pytest.fixture
def clock(tmp_path: Path) -> SharedClock:
    """Return the installation's clock, which stands still."""
    return SharedClock.create(tmp_path / "clock", START)


@pytest.fixture
def house(linear_home: Path, tmp_path: Path, clock: SharedClock) -> Iterator[House]:
    """Yield the installation, `demand` served in its first version."""
    home = shutil.copytree(linear_home, tmp_path / "home")
    opened = open_test_house(home, clock_url=f"shared:{tmp_path / 'clock'}")
    with opened.session().begin() as scope:
        serving.serve_version(scope, "demand", model(1))
    serving.publish(opened.session())
    yield opened
    opened.close()


@pytest.fixture
def session(house: House) -> Session:
    """Return a session of the installation."""
    return house.session()


@pytest.fixture
def start_server(house: House, tmp_path: Path) -> Iterator[Callable[..., ModelServer]]:
    """Yield a function that starts a model server; settings may differ from the house's."""
    servers: list[ModelServer] = []

    def start(**changed: str) -> ModelServer:
        environ = {"BUCLE_HOME": house.settings.home, "BUCLE_CLOCK_URL": house.settings.clock_url}
        environ |= {f"BUCLE_{name.upper()}": value for name, value in changed.items()}
        server = ModelServer(load_settings(environ))
        servers.append(server)
        server.watcher.restore()
        server.watcher.poll()
        return server

    yield start
    for server in servers:
        server.log.close()


@pytest.fixture
def server(start_server: Callable[..., ModelServer]) -> ModelServer:
    """Return a model server that has read its plan."""
    return start_server()
