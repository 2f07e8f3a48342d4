"""The open protocol's model repository: what there is, and taking it off this server and back.

Unloading ends this server's answers for a deployment, in all its workers and over restarts, and
frees the models' memory; the plan and the other servers are not touched.  Loading puts up what
the plan says, and comes back when it answers.
"""

import asyncio
from collections.abc import Iterable
from concurrent.futures import Executor
from typing import TypeVar

import msgspec

from bucle.base.errors import Invalid, Unavailable
from bucle.interfaces.predict.board import Served
from bucle.interfaces.predict.codec.messages import NOT_UNDERSTOOD, malformed
from bucle.interfaces.predict.watch import PlanWatcher

READY, UNAVAILABLE = "READY", "UNAVAILABLE"
# Of the protocol; without those that others have and this server does not.
EXTENSIONS = ("binary_tensor_data", "model_repository", "parameters")

T = TypeVar("T")


class Asked(msgspec.Struct, frozen=True):
    """What of the index is asked for."""

    ready: bool = False  # only what this server answers for


class _Change(msgspec.Struct, frozen=True):
    parameters: dict[str, bool | int | float | str | None] = {}


# An unloaded deployment takes no others with it: there are none that depend on it.
_KNOWN_PARAMETERS = frozenset({"unload_dependents"})


def read_asked(body: bytes) -> Asked:
    """Read what is asked of the index; an empty body asks for everything.

    Raises:
        Invalid: it is not of that form.
    """
    return _read(body, Asked, '{"ready": true}')


def check_change(body: bytes) -> None:
    """Refuse what a load or an unload can not do: the plan says what a deployment is.

    Raises:
        Invalid: it asks for that.
    """
    check_parameters(_read(body, _Change, "{}").parameters)


def check_parameters(parameters: Iterable[str]) -> None:
    """Refuse parameters of a load or an unload that are not understood.

    Raises:
        Invalid: one of them is not.
    """
    if unknown := sorted(set(parameters) - _KNOWN_PARAMETERS):
        raise Invalid(
            f"the parameter {unknown[0]!r:.80} is not understood: what is loaded is what the "
            "plan says",
            hint="bucle serving list",
        )


def _read(body: bytes, form: type[T], told: str) -> T:
    if not body:
        return form()
    try:
        return msgspec.json.decode(body, type=form)
    except NOT_UNDERSTOOD as error:
        raise malformed(error, body, told) from error


class Entry(msgspec.Struct, frozen=True):
    """One version of a deployment, as the index shows it."""

    name: str
    version: str
    state: str
    reason: str


class ModelIndex:
    """Used from the event loop's thread; plans are followed in the loader's."""

    def __init__(self, watcher: PlanWatcher, loader: Executor) -> None:
        self._watcher = watcher
        self._loader = loader

    def index(self, *, ready: bool = False) -> list[Entry]:
        """Return every version that this server was told to serve; `ready`: that it answers for."""
        return [
            entry
            for served in self._watcher.board.served
            for entry in _entries(served, self._called(served))
            if not ready or entry.state == READY
        ]

    async def load(self, served: Served) -> None:
        """Answer for a deployment again.

        Raises:
            Unavailable: it can not be loaded; the reason is told.
        """
        await self._change(served, off=False)
        now = self._watcher.board.by_name.get(f"{served.project}.{served.name}")
        if now is None or not now.loaded:
            reason = now.problem if now else "its plan has it no more"
            raise Unavailable(
                f"{served.deployment.ref} could not be loaded: {reason or 'it serves no version'}",
                hint=f"bucle serving get {served.name}",
            )

    async def unload(self, served: Served) -> None:
        """Answer for a deployment no more, until it is loaded."""
        await self._change(served, off=True)

    async def _change(self, served: Served, *, off: bool) -> None:
        loop = asyncio.get_running_loop()
        name = f"{served.project}.{served.name}"
        await loop.run_in_executor(self._loader, lambda: self._watcher.shelve(name, off=off))

    def _called(self, served: Served) -> str:
        """Return the name that requests use: short where no other project has it."""
        board = self._watcher.board
        is_short = board.by_name.get(served.name) is served
        return served.name if is_short else f"{served.project}.{served.name}"


def _entries(served: Served, name: str) -> list[Entry]:
    if served.loaded:
        return [
            Entry(name, str(one.variant.model.version), READY, served.problem)
            for one in served.loaded
        ]
    reason = "unloaded" if served.unloaded else served.problem or "no version is served yet"
    versions = [str(one.model.version) for one in served.deployment.variants] or [""]
    return [Entry(name, version, UNAVAILABLE, reason) for version in versions]
