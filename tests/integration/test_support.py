"""The fixtures themselves: a test that relies on them must find what they promise."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import create_engine, inspect

from tests.support import postgresql


@pytest.mark.service
def test_a_postgresql_database_is_new_and_empty(postgresql_url: str) -> None:
    engine = create_engine(postgresql_url)
    assert inspect(engine).get_table_names() == []
    engine.dispose()


@pytest.mark.service
def test_a_postgresql_server_of_our_own_starts_and_stops() -> None:
    with postgresql._own_server() as url, postgresql.throwaway_database(url) as database:
        engine = create_engine(database)
        assert inspect(engine).get_table_names() == []
        engine.dispose()
    assert not postgresql._answers(url)


@pytest.mark.service
def test_a_redis_database_is_empty(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0


@pytest.mark.service
def test_the_browser_says_its_version(chromium_path: Path) -> None:
    asked = subprocess.run([chromium_path, "--version"], capture_output=True, check=True, text=True)
    assert asked.stdout.strip()


def test_shared_data_is_found_beside_the_repository(shared_data: Callable[[str], Path]) -> None:
    assert shared_data("bike_hour.csv").stat().st_size > 0
