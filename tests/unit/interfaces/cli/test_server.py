"""One process answers for every door; each is opened by whoever asks first."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bucle.base.settings import load_settings
from bucle.governance.access.tokens import create_token
from bucle.governance.session import House
from bucle.interfaces.cli.server import control_app
from bucle.interfaces.http.threads import Threads
from tests.support.asgi import asked


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(load_settings({"BUCLE_HOME": str(tmp_path)}))
    yield house
    house.close()


def test_the_first_requests_of_every_door_are_answered_at_once(house: House) -> None:
    with house.session().begin() as scope:
        bearer = {"authorization": f"Bearer {create_token(scope).bearer}"}
    project = house.settings.project
    paths = ["/", f"/{project}", "/sign-in", "/_static/bucle.css", "/api/openapi.json",
             f"/api/v1/{project}/runs", "/api/2.0/mlflow/registered-models/search",
             "/api/2.0/mlflow/experiments/get?experiment_id=0"] * 2  # fmt: skip
    threads = Threads()

    async def at_once() -> list[int]:
        app = control_app(house, threads)
        answers = await asyncio.gather(*(asked(app, "GET", path, headers=bearer) for path in paths))
        return [answer.status for answer in answers]

    try:
        assert asyncio.run(at_once()) == [200] * len(paths)
    finally:
        threads.close()
