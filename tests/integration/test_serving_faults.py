"""What a model server needs goes away under load and comes back: no prediction fails for it."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from bucle.base.settings import load_settings
from bucle.drivers.blobs.content import content_key
from bucle.governance.session import House
from bucle.lifecycle import registry, serving
from bucle.lifecycle.serving.segments import list_segments, read_files
from tests.support import postgresql
from tests.support.full_disk import fill, small_disk
from tests.support.linear import make_home, model
from tests.support.processes import free_port, stop, wait_until
from tests.support.serving import ROOT, Load, running


@pytest.fixture(scope="module")
def linear_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("linear") / "home")


@pytest.fixture
def home(linear_home: Path, tmp_path: Path) -> Path:
    return shutil.copytree(linear_home, tmp_path / "home")


def serve(house: House, version: int) -> None:
    with house.session().begin() as scope:
        serving.serve_version(scope, "demand", model(version))
    serving.publish(house.session())


def logged(house: House) -> set[str]:
    blobs, cache = house.drivers.blobs, house.drivers.cache_path
    paths = []
    for segment in list_segments(blobs, "default"):
        path = blobs.local_path(segment.key)
        if path is None:
            path = cache / segment.key
            blobs.download(segment.key, path)
        paths.append(path)
    return set(read_files(paths, ["id"])["id"].to_pylist())


def test_postgresql_is_stopped_and_started_again(tmp_path: Path) -> None:
    with postgresql.restartable_server() as (admin, restart):
        url = admin.render_as_string(hide_password=False)
        home = make_home(tmp_path / "home", database_url=url)
        settings = {"BUCLE_HOME": str(home), "BUCLE_DATABASE_URL": url}
        house = House(load_settings(settings))
        serve(house, 1)
        with (
            running(tmp_path / "log", home=str(home), database_url=url) as program,
            Load(program.port) as load,
        ):
            load.goes_on()
            restart()
            load.goes_on()
            again = House(load_settings(settings))
            serve(again, 2)
            assert wait_until(lambda: load.answers[-1]["model"] == "model:demand@2", within_s=30)
            again.close()
        house.close()
    assert load.failures == []


def test_the_control_plane_is_killed_and_started_again(home: Path, tmp_path: Path) -> None:
    house = House(load_settings({"BUCLE_HOME": str(home)}))
    serve(house, 1)
    command = [sys.executable, "-m", "bucle.control"]
    environ = {"BUCLE_HOME": str(home), "PATH": "/usr/bin:/bin"}
    control = subprocess.Popen(command, cwd=ROOT, env=environ)
    try:
        with running(tmp_path / "log", home=str(home)) as program, Load(program.port) as load:
            load.goes_on()
            control.send_signal(signal.SIGKILL)
            control.wait()
            load.goes_on()
            control = subprocess.Popen(command, cwd=ROOT, env=environ)
            serve(house, 2)
            assert wait_until(lambda: load.answers[-1]["model"] == "model:demand@2", within_s=30)
    finally:
        stop(control)
        house.close()
    assert load.failures == []


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadedMotoServer]:
    port = free_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="faults")
    yield server
    server.stop()


def test_the_blob_store_is_gone_and_back(
    s3: ThreadedMotoServer, home: Path, tmp_path: Path
) -> None:
    settings = {"BUCLE_HOME": str(home), "BUCLE_BLOBS_URL": "s3://faults/blobs"}
    local = House(load_settings({"BUCLE_HOME": str(home)}))
    house = House(load_settings(settings))
    for item in local.drivers.blobs.list("content"):
        house.drivers.blobs.put(item.key, local.drivers.blobs.get(item.key))
    serve(house, 1)
    with running(
        tmp_path / "log", home=str(home), blobs_url="s3://faults/blobs"
    ) as program, Load(program.port) as load:  # fmt: skip
        load.goes_on()
        s3.stop()
        assert wait_until(lambda: program.health()["status"] == "degraded", within_s=60)
        load.goes_on()
        s3.start()
        assert wait_until(lambda: program.health()["status"] == "ok", within_s=60)
        load.goes_on()
    assert load.failures == []
    assert {one["ids"][0] for one in load.answers} <= logged(house)
    house.close()
    local.close()


def test_a_changed_package_is_refused_and_the_version_before_it_goes_on(
    home: Path, tmp_path: Path
) -> None:
    house = House(load_settings({"BUCLE_HOME": str(home)}))
    serve(house, 1)
    with running(tmp_path / "log", home=str(home)) as program, Load(program.port) as load:
        load.goes_on()
        with house.session().begin(write=False) as scope:
            version = registry.get_version(scope, model(2))
        manifest = registry.read_manifest(house.drivers.blobs, version.manifest)
        path = house.drivers.blobs.local_path(content_key(manifest.files[manifest.weights].digest))
        assert path is not None
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        serve(house, 2)
        assert wait_until(lambda: program.health()["status"] == "degraded", within_s=30)
        assert "was changed after it was registered" in program.health()["reasons"][0]
        load.goes_on()
    house.close()
    assert load.failures == []
    assert {one["model"] for one in load.answers} == {"model:demand@1"}


def test_a_full_disk_under_the_log_fails_no_prediction(home: Path, tmp_path: Path) -> None:
    house = House(load_settings({"BUCLE_HOME": str(home)}))
    serve(house, 1)
    with small_disk(tmp_path / "disk", 6 << 20) as disk:
        kept = disk / "home"
        (kept / "keys").mkdir(parents=True)
        (kept / "keys" / "signing.pub").write_text(house.keys.public_hex)
        blobs = f"file://{home / 'blobs'}"
        with running(tmp_path / "log", home=str(kept), blobs_url=blobs) as program:
            with Load(program.port) as load:
                load.goes_on()
                room = fill(disk)
                assert wait_until(lambda: program.health()["status"] == "degraded", within_s=30)
                load.goes_on()
                room()
                assert wait_until(lambda: program.health()["status"] == "ok", within_s=30)
            assert program.health()["log"]["lost_rows"] == 0
    assert load.failures == []
    assert {one["ids"][0] for one in load.answers} <= logged(house)
    house.close()
