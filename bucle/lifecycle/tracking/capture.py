"""Capture what a run depends on without being asked: environment, machine, process, seeds.

The code is captured in `code.py`.  Nothing here touches the metadata database; contents go to
the content store, and a run keeps their digests.
"""

import os
import platform
import random
import re
import socket
import sys
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

from bucle.base.codec import canonical_json
from bucle.drivers.blobs import BlobStore
from bucle.drivers.blobs.content import store_bytes
from bucle.lifecycle.tracking.records import Environment, Host

_PROC = Path("/proc")
_SEED_LIMIT = 2**32  # what NumPy's global generator takes


@cache
def this_environment() -> Environment:
    """Return the interpreter and every installed package, read once in a process."""
    found = {
        re.sub(r"[-_.]+", "-", one.name).lower(): one.version for one in distributions() if one.name
    }
    return Environment(
        python=platform.python_version(),
        platform=f"{platform.system()}-{platform.machine()}".lower(),
        packages=tuple(sorted(found.items())),
    )


def capture_environment(blobs: BlobStore) -> str:
    """Store this process's environment as content and return its digest."""
    return store_bytes(blobs, canonical_json(this_environment()))


def capture_host(pid: int | None = None) -> Host:
    """Return this machine and a process on it; this process, unless another is named."""
    pid = os.getpid() if pid is None else pid
    return Host(
        name=socket.gethostname(),
        machine=this_machine(),
        pid=pid,
        process_started=_birth_of(pid),
        cpus=_cpus(),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        gpus=_gpus(),
    )


@cache
def this_machine() -> str:
    """Return a name that differs between machines, boots and containers.

    Only where it is the same does a process number mean the same process.
    """
    return "/".join((socket.gethostname(), _boot()[:8], _pid_namespace()))


def is_alive(host: Host) -> bool:
    """Tell whether a process of this machine is still that process, and not another's number."""
    if not _PROC.is_dir():
        return _answers(host.pid)
    return bool(host.process_started) and _birth_of(host.pid) == host.process_started


def plant_seeds(seed: int) -> dict[str, int]:
    """Seed the global generators of `random`, NumPy and PyTorch (if loaded) and return them.

    Libraries that take their own seed want it by hand: `random_state=run.seed`.
    """
    planted = {"run": seed, "random": seed}
    random.seed(seed)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(seed % _SEED_LIMIT)
        planted["numpy"] = seed % _SEED_LIMIT
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)
        planted["torch"] = seed
    return planted


def _birth_of(pid: int) -> str:
    """Return when a process started, in ticks since boot; empty if there is no such process."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return ""
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state in "ZX" else fields[18]  # starttime is field 22 of proc_pid_stat(5)


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is there, and somebody else's
        return True
    return True


def _boot() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _pid_namespace() -> str:
    try:
        return (_PROC / "self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        return ""


def _cpus() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _gpus() -> tuple[str, ...]:
    try:
        files = sorted((_PROC / "driver/nvidia/gpus").glob("*/information"))
        texts = [file.read_text() for file in files]
    except OSError:
        return ()
    models = [re.search(r"Model:\s*(.+)", text) for text in texts]
    return tuple(model.group(1).strip() if model else "GPU" for model in models)
