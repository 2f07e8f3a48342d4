"""A model server in a process of its own, over a home in which `demand` is served."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bucle.base.refs import Ref
from bucle.base.settings import load_settings
from bucle.governance.session import House
from bucle.lifecycle import serving
from tests.support.linear import make_home, model
from tests.support.processes import free_port, stop

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def model_server(folder: Path, **settings: str) -> Iterator[str]:
    """Start it, with settings of its own; yield its address."""
    home = shutil.copytree(make_home(folder / "made"), folder / "home")
    house = House(load_settings({"BUCLE_HOME": str(home)}))
    with house.session().begin() as scope:
        deployed = serving.get_deployment(scope, Ref("deployment", "demand"))
        agreed = serving.Objectives(p95_ms=50.0)
        serving.deploy(scope, msgspec.structs.replace(deployed.spec, objectives=agreed))
        serving.serve_version(scope, "demand", model(1))
    serving.publish(house.session())
    house.close()
    kept = {name: text for name, text in os.environ.items() if not name.startswith("BUCLE_")}
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "bucle.interfaces.predict"],
        cwd=ROOT,
        env=kept | {"BUCLE_HOME": str(home), "BUCLE_PREDICT_PORT": str(port)} | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        process.stdout.readline()
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(process)
        process.stdout.close()
