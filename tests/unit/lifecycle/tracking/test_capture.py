import os
import random
import subprocess
import sys

import numpy as np
from msgspec.structs import replace

from bucle.base.codec import decode
from bucle.drivers.blobs.content import read_content
from bucle.lifecycle import tracking
from bucle.lifecycle.tracking.capture import is_alive


def test_the_environment_names_every_installed_package(session):
    digest = tracking.capture_environment(session.drivers.blobs)
    stored = decode(read_content(session.drivers.blobs, digest), tracking.Environment)
    assert stored == tracking.this_environment()
    assert stored.python == ".".join(map(str, sys.version_info[:3]))
    assert {"msgspec", "numpy"} <= dict(stored.packages).keys()
    assert list(stored.packages) == sorted(stored.packages)


def test_this_process_is_alive_and_another_with_its_number_is_not():
    host = tracking.capture_host()
    assert host.pid == os.getpid()
    assert is_alive(host)
    assert not is_alive(replace(host, process_started="1"))


def test_a_process_that_ended_is_not_alive():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    host = tracking.capture_host(child.pid)
    assert is_alive(host)
    child.communicate(b"\n")
    assert not is_alive(host)


def test_a_seed_repeats_what_the_global_generators_draw():
    def drawn() -> tuple[float, float]:
        return random.random(), float(np.random.random())  # noqa: NPY002 - it is this one that is seeded

    torch = {"torch": 7} if "torch" in sys.modules else {}
    assert tracking.plant_seeds(7) == {"run": 7, "random": 7, "numpy": 7} | torch
    first = drawn()
    tracking.plant_seeds(7)
    assert drawn() == first
