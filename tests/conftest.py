"""Fixtures for things outside: servers, a browser, shared data; each skips with its reason."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from bucle.drivers.engine import Engine, open_engine
from tests.support import nats, order, postgresql, redis, spark
from tests.support.absent import missing
from tests.support.processes import find_program

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep every test away from the person's own home and settings."""
    for name in [name for name in os.environ if name.startswith("BUCLE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BUCLE_HOME", str(tmp_path_factory.getbasetemp() / "default-home"))


@pytest.fixture
def shared_data() -> Callable[[str], Path]:
    """Return a function from a file's name to its path in `shared/data`, beside the clone."""

    def path_of(name: str) -> Path:
        path = ROOT.parent / "shared" / "data" / name
        if not path.exists():
            pytest.skip(f"the data set {name} is not in shared/data beside the repository")
        return path

    return path_of


@pytest.fixture(scope="session")
def _postgresql_server() -> Iterator[URL]:
    with postgresql.server() as url:
        yield url


@pytest.fixture
def postgresql_url(_postgresql_server: URL) -> Iterator[str]:
    """Yield the URL of a new, empty PostgreSQL database that is dropped afterwards."""
    with postgresql.throwaway_database(_postgresql_server) as url:
        yield url


@pytest.fixture(scope="session")
def _redis_server() -> Iterator[str]:
    with redis.server() as url:
        yield url


@pytest.fixture
def redis_url(_redis_server: str) -> Iterator[str]:
    """Yield the URL of an empty Redis database."""
    redis.empty(_redis_server)
    yield _redis_server
    redis.empty(_redis_server)


@pytest.fixture
def nats_url() -> Iterator[str]:
    """Yield the URL of an empty NATS with JetStream."""
    pytest.importorskip("nats", reason="no nats-py: pip install 'bucle[nats]'")
    with nats.server() as url:
        yield url


@pytest.fixture(scope="session")
def spark_engine() -> Iterator[Engine]:
    """Yield Spark's engine; it stays open, so that Spark is started once for all tests."""
    spark.require()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in spark.QUICK_JAVA.items():
            patch.setenv(name, value)
        engine = open_engine(spark.URL)
        engine.query("SELECT 1", tables={})
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """Return the program of a Chromium that is installed here."""
    path = find_program("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    if path is None:
        missing("no browser: apt-get install chromium")
    return path


def pytest_terminal_summary(terminalreporter) -> None:
    """Show the figures that stories measured, also when they ran in workers of xdist."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "figures":
                terminalreporter.write_line(f"{report.nodeid}: {value}")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest stories, each on a worker of its own."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1:  # without workers the order does not matter, and a plain one reads better
        items[:] = order.longest_first(items, workers=workers)
