"""A door over a house of its own, with a token."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bucle.base.settings import load_settings
from bucle.governance.access.tokens import create_token
from bucle.governance.session import House
from bucle.interfaces.http.door import build_app
from bucle.interfaces.http.server import AsgiApp
from bucle.interfaces.http.threads import Threads
from bucle.interfaces.mlflow.site import mlflow_sites
from tests.support.asgi import Answered, request


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(load_settings({"BUCLE_HOME": str(tmp_path / "home")}))
    yield house
    house.close()


@pytest.fixture
def app(house: House) -> Iterator[AsgiApp]:
    threads = Threads()
    yield build_app(mlflow_sites(house, threads))
    threads.close()


@pytest.fixture
def bearer(house: House) -> dict[str, str]:
    with house.session().begin() as scope:
        return {"authorization": f"Bearer {create_token(scope).bearer}"}


@pytest.fixture
def call(app: AsgiApp, bearer: dict[str, str]) -> Callable[..., Answered]:
    """Return a function that sends one request of somebody who may do everything."""

    def called(method: str, path: str, body: Any = None, **headers: str) -> Answered:
        return request(app, method, path, body, bearer | headers)

    return called
