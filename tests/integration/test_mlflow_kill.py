"""Power cuts at the MLflow door: what it said it has, it has, and once."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support import postgresql
from tests.support.full_disk import fill, small_disk
from tests.support.mlflow_wire import API, Writer, check, create_run, history, open_http, post
from tests.support.servers import killable_server, server

WRITERS = 4


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the settings of a new, empty database."""
    if request.param == "sqlite":
        return {}
    return {"database_url": str(request.getfixturevalue("postgresql_url"))}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder on a disk of eight megabytes."""
    with small_disk(tmp_path / "disk", 8 << 20) as folder:
        yield folder


def is_whole(http: httpx.Client) -> bool:
    """Tell whether the chain of events is as it was written."""
    answer = http.get("/api/v1/default/audit")
    assert answer.status_code == 200, answer.text
    return bool(answer.json()["ok"])


def test_a_server_that_is_killed_under_load_has_every_accepted_point_once(
    tmp_path: Path, database: dict[str, str]
) -> None:
    with killable_server(tmp_path, **database) as there:
        token = there.token()
        there.start()
        writers = [Writer(there.url, token).start() for _ in range(WRITERS)]
        for _ in range(3):
            time.sleep(1.0)
            there.kill()
            there.start()
        time.sleep(0.5)
        for writer in writers:
            writer.stop()
        assert sum(writer.again for writer in writers) > 0
        assert min(writer.accepted for writer in writers) > 10
        with open_http(there.url, token) as http:
            check(http, writers)
            assert is_whole(http)


@pytest.mark.service
def test_a_postgresql_that_is_restarted_under_load_has_every_accepted_point_once(
    tmp_path: Path,
) -> None:
    with postgresql.restartable_server() as (url, restart):
        text = url.set(drivername="postgresql").render_as_string(hide_password=False)
        with server(tmp_path, database_url=text) as there:
            writers = [Writer(there.url, there.token).start() for _ in range(WRITERS)]
            for _ in range(3):
                time.sleep(1.0)
                restart()
            time.sleep(1.0)
            for writer in writers:
                writer.stop()
            assert sum(writer.again for writer in writers) > 0
            with open_http(there.url, there.token) as http:
                check(http, writers)
                assert is_whole(http)
            assert "bug " not in there.log.read_text()


def test_eight_clients_at_once_are_all_served_and_nothing_is_lost_or_doubled(
    tmp_path: Path, database: dict[str, str]
) -> None:
    with server(tmp_path, **database) as there:
        writers = [Writer(there.url, there.token, points=300).start() for _ in range(8)]
        for writer in writers:
            writer.join()
        assert [(writer.failed, writer.again) for writer in writers] == [("", 0)] * 8
        with open_http(there.url, there.token) as http:
            check(http, writers)
            assert is_whole(http)


def test_eight_clients_of_one_run_lose_and_double_nothing(
    tmp_path: Path, database: dict[str, str]
) -> None:
    with server(tmp_path, **database) as there, open_http(there.url, there.token) as http:
        run = create_run(http)
        refused: list[str] = []

        def log(series: int) -> None:
            with open_http(there.url, there.token) as mine:
                for step in range(50):
                    for path, fields in (
                        ("runs/log-metric", {"key": f"m{series}", "value": 1.0, "timestamp": step,
                                             "step": step}),
                        ("runs/set-tag", {"key": f"t{series}", "value": str(step)}),
                        ("runs/log-parameter", {"key": f"p{step}", "value": "the same of all"}),
                    ):  # fmt: skip
                        answer = mine.post(f"{API}/{path}", json={"run_id": run, **fields})
                        if answer.status_code != 200:
                            refused.append(answer.text)

        threads = [threading.Thread(target=log, args=(series,)) for series in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert refused == []
        for series in range(8):
            assert [point["step"] for point in history(http, run, f"m{series}")] == [*range(50)]
        answer = http.get(f"{API}/runs/get", params={"run_id": run}).json()["run"]["data"]
        assert len(answer["params"]) == 50
        tags = {tag["key"]: tag["value"] for tag in answer["tags"]}
        assert {tags[f"t{series}"] for series in range(8)} == {"49"}


def test_a_full_disk_is_told_and_nothing_that_was_accepted_is_lost(
    disk: Path, tmp_path: Path
) -> None:
    database = {"database_url": f"sqlite:///{disk / 'bucle.db'}"}
    with server(tmp_path / "home", **database) as there, open_http(there.url, there.token) as http:
        run = create_run(http)
        free = fill(disk)
        accepted, refused = 0, None
        while refused is None and accepted < 5_000:
            point = {"key": "loss", "value": 1.0, "timestamp": accepted, "step": accepted}
            answer = http.post(f"{API}/runs/log-metric", json={"run_id": run, **point})
            if answer.status_code == 200:
                accepted += 1
            else:
                refused = answer
        assert refused is not None
        assert refused.status_code == 503
        assert refused.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
        assert "full" in refused.json()["message"]
        assert [point["step"] for point in history(http, run)] == [*range(accepted)]
        free()
        post(http, "runs/log-metric", run_id=run, key="loss", value=2.0, timestamp=accepted,
             step=accepted)  # fmt: skip
        assert [point["step"] for point in history(http, run)] == [*range(accepted + 1)]
        assert is_whole(http)
    with sqlite3.connect(disk / "bucle.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
