"""Where a model server's plans come from: the blob store, or what another process keeps here.

A source gives each plan once, when it changed; whether it is to be believed is the watcher's
affair.  The third source, a control plane over HTTP, is in `control.py`.
"""

from pathlib import Path
from time import monotonic
from typing import Protocol

import msgspec

from bucle.base.errors import BucleError
from bucle.drivers.blobs import BlobStore
from bucle.lifecycle.serving import plan_key, project_of

_PLANS = "serving"
_LIST_EVERY_S = 1.0  # a new project's plan is noticed by listing


class News(msgspec.Struct, frozen=True):
    """A plan that changed, or why it could not be read."""

    project: str
    content: bytes = b""
    problem: str = ""  # "": it was read


class PlanSource(Protocol):
    """Where plans come from."""

    keeps: bool  # whether what it gives is to be kept on this disk
    told: str  # what is said of it when it does not answer

    def news(self) -> list[News]:
        """Return what changed since the last call, without waiting for it.

        Raises:
            BucleError: it does not answer; nothing is lost.
        """
        ...

    def settled(self) -> None:
        """Hear that what was given is being served, or is refused."""
        ...


class BlobPlans:
    """Plans in the blob store: the marks of their blobs are compared."""

    keeps = True
    told = "the blob store does not answer"

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._versions: dict[str, str | None] = {}
        self._listed_at = -_LIST_EVERY_S

    def look_anew(self) -> None:
        """List the projects at the next call, however short ago that was done."""
        self._listed_at = -_LIST_EVERY_S

    def news(self) -> list[News]:
        """Read the plans whose mark changed."""
        if monotonic() - self._listed_at >= _LIST_EVERY_S:
            self._listed_at = monotonic()
            for item in self._blobs.list(_PLANS):
                if project := project_of(item.key):
                    self._versions.setdefault(project, None)
        marks = {project: self._blobs.version(plan_key(project)) for project in self._versions}
        changed = [project for project, mark in marks.items()
                   if mark is not None and mark != self._versions[project]]  # fmt: skip
        # The mark is taken first: what changes while we read is read again.
        return [self._read(project, marks[project]) for project in changed]

    def settled(self) -> None:
        """Nobody waits for that."""

    def _read(self, project: str, mark: str | None) -> News:
        try:
            content = self._blobs.get(plan_key(project))
        except BucleError as error:
            return News(project, problem=str(error))
        self._versions[project] = mark
        return News(project, content)


class KeptPlans:
    """Plans that another worker of this server keeps on the disk."""

    keeps = False
    told = "the folder of the kept plans can not be read"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._marks: dict[str, tuple[int, int]] = {}

    def news(self) -> list[News]:
        """Read the files that were replaced."""
        found = []
        for path in sorted(self._folder.glob("*.json")):
            try:
                seen = path.stat()
                mark = (seen.st_mtime_ns, seen.st_ino)
                if mark == self._marks.get(path.stem):
                    continue
                found.append(News(path.stem, path.read_bytes()))
            except OSError as error:
                found.append(News(path.stem, problem=str(error.strerror)))
                continue
            self._marks[path.stem] = mark
        return found

    def settled(self) -> None:
        """Nobody waits for that."""
