"""The demo's folder, home, clock, ports and environment: everything that it starts from."""

import os
import re
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from bucle.base.clock import SharedClock
from bucle.base.errors import Conflict
from bucle.base.settings import Settings, load_settings
from bucle.interfaces.cli.templates import files_of, write_template

TEMPLATE = "payments"
_MARK = "demo.clock"  # what tells the demo's own home, which may be emptied
_KEPT = "BUCLE_LANGUAGE"
# What the steps of the loop import, loaded once: each of them is then forked in milliseconds.
_PRELOAD = (
    "pyarrow.compute",
    "pyarrow.parquet",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.pipeline",
    "optuna",
    "onnxruntime",
    "skl2onnx",
    "bucle.interfaces.client.models",
    "bucle.interfaces.client.searches",
)


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a demo runs."""

    folder: Path
    home: Path
    settings: Settings
    stream: Any  # the project's own module `payments`


def prepare_folder(folder: Path, *, with_triggers: bool) -> None:
    """Write the project, or take the one that is there, and begin it anew.

    Files that the user changed stay; what an earlier demo made is deleted.

    Raises:
        Conflict: the folder is something else, or an earlier demo still runs there.
    """
    home = folder / "home"
    names = set(files_of(TEMPLATE))
    if folder.exists() and any(folder.iterdir()):
        if not all((folder / name).exists() for name in names):
            raise Conflict(f"{folder} is something else", hint="bucle demo --dir another-folder")
        if home.exists():
            _empty(home)
    else:
        write_template(TEMPLATE, folder)
    if not with_triggers:
        file = folder / "bucle.yaml"
        file.write_text(without_section(file.read_text("utf-8"), "triggers"), "utf-8")


def without_section(text: str, name: str) -> str:
    """Return a bucle.yaml without one of its sections."""
    return re.sub(rf"^{name}:.*\n(?:[ #].*\n|\n(?=[ ]))*", "", text, flags=re.MULTILINE)


@contextmanager
def opened(folder: Path, start: datetime) -> Iterator[tuple[Place, SharedClock]]:
    """Set this process and its children to a home, free ports and a clock of the demo's own."""
    home = folder / "home"
    clock = SharedClock.create(home / _MARK, start)
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("BUCLE_") and name != _KEPT]:
        del os.environ[name]
    port, predict_port = _free_ports()
    os.environ.update(
        BUCLE_HOME=str(home),
        BUCLE_PROJECT=TEMPLATE,
        BUCLE_CLOCK_URL=f"shared:{home / _MARK}",
        BUCLE_COMPUTE_URL=f"process:?preload={','.join(_PRELOAD)}",
        BUCLE_PORT=str(port),
        BUCLE_PREDICT_PORT=str(predict_port),
    )
    # Small models: threads of their own would only wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        yield (
            Place(folder=folder, home=home, settings=load_settings(), stream=stream_of(folder)),
            clock,
        )
    finally:
        os.environ.clear()
        os.environ.update(before)


def stream_of(folder: Path) -> Any:  # noqa: ANN401 - a module of the user's
    """Import the project's stream of payments."""
    sys.path.insert(0, str(folder))
    try:
        sys.modules.pop(TEMPLATE, None)
        return import_module(TEMPLATE)
    finally:
        sys.path.remove(str(folder))


def last_monday(now: datetime) -> datetime:
    """Return the beginning (UTC) of the newest Monday: every demo ends on one."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=midnight.weekday())


def _empty(home: Path) -> None:
    if not (home / _MARK).exists() and any(home.iterdir()):
        raise Conflict(f"{home} was not made by a demo", hint="bucle demo --dir another-folder")
    for file in (home / "run").glob("*.json"):
        said = msgspec.json.decode(file.read_bytes())
        if isinstance(said, dict) and _runs(said.get("pid")):
            raise Conflict(
                f"a demo still runs in {home.parent} (process {said['pid']})",
                hint="stop it first, or name another folder: bucle demo --dir another-folder",
            )
    shutil.rmtree(home)


def _runs(pid: object) -> bool:
    if not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _free_ports() -> tuple[int, int]:
    """Return two ports of the loopback that nobody listens on."""
    with closing(socket.socket()) as one, closing(socket.socket()) as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]
