"""A real browser before a real server, over a project whose loop turns."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from bucle.governance.session import House
from bucle.testing.houses import START, open_test_house
from tests.conftest import ROOT
from tests.support.servers import Running, server
from tests.support.turning import DAY, PROJECT, open_turning_house

# In a container the browser's own sandbox has no namespaces to be made of.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
Opens = Callable[..., Page]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the home of the project; the tests share it, as they share the server."""
    folder = tmp_path_factory.mktemp("turning") / "home"
    house, _ = open_turning_house(folder)
    house.close()
    return folder


@pytest.fixture(scope="session")
def house(home: Path) -> Iterator[House]:
    """Yield the installation, to act in it beside the server."""
    opened = open_test_house(home, start=START + 5 * DAY, project=PROJECT)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def running(home: Path) -> Iterator[Running]:
    """Yield the server."""
    with server(home, project=PROJECT) as started:
        yield started


# Not for the session: while Playwright is open, its event loop runs in this thread, and no other
# test of this worker could run one.
@pytest.fixture(scope="module")
def browser(chromium_path: Path) -> Iterator[Browser]:
    """Yield a browser."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium_path, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser: Browser, running: Running) -> Iterator[Opens]:
    """Yield a function that signs in by the link and opens the loop; options are the browser's."""
    contexts = []

    def opening(**options: object) -> Page:
        context = browser.new_context(**({"locale": "en-GB"} | options))  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{running.url}/sign-in?token={running.token}&next=/{PROJECT}")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{running.url}/{PROJECT}")
        return page

    yield opening
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Return the folder for pictures to look at; it is not committed."""
    folder = Path(os.environ.get("BUCLE_TEST_ARTIFACTS") or ROOT / "artifacts")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
