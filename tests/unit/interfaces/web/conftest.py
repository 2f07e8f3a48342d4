"""The pages of a project whose loop turns, asked without a network."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bucle.governance.access.principals import add_principal, grant
from bucle.governance.access.tokens import create_token
from bucle.governance.session import House
from bucle.interfaces.http.door import build_app
from bucle.interfaces.http.threads import Threads
from bucle.interfaces.web.site import web_site
from bucle.testing.houses import START, open_test_house
from tests.support.asgi import Answered, request
from tests.support.turning import DAY, PROJECT, open_turning_house

Asks = Callable[..., Answered]


@pytest.fixture(scope="session")
def turned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a home to copy, and a token of its owner."""
    folder = tmp_path_factory.mktemp("turning") / "home"
    house, token = open_turning_house(folder)
    house.close()
    return folder, token


@pytest.fixture
def house(turned: tuple[Path, str], tmp_path: Path) -> Iterator[House]:
    """Yield the installation, five days on."""
    home = shutil.copytree(turned[0], tmp_path / "home")
    opened = open_test_house(home, start=START + 5 * DAY, project=PROJECT)
    yield opened
    opened.close()


@pytest.fixture
def ask(house: House, turned: tuple[Path, str]) -> Iterator[Asks]:
    """Yield a function that asks for a page as the owner, or as `token`'s holder."""
    threads = Threads()
    app = build_app([web_site(house, threads)])

    def asking(path: str, method: str = "GET", *, token: str = turned[1], **more) -> Answered:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return request(app, method, path, more.get("body"), headers | more.get("headers", {}))

    yield asking
    threads.close()


@pytest.fixture
def viewer(house: House) -> str:
    """Return a token of somebody who may only look."""
    with house.session().begin() as scope:
        add_principal(scope, "eva")
        grant(scope, "eva", "viewer")
        return create_token(scope, principal="eva").bearer
