"""Follow the plans: read what changed, check it, load it, and put the new board up.

Reads blobs and this machine's disk only.  What was read last is kept on the disk, so that a
server starts and serves while the blob store is out of reach.
"""

import os
from pathlib import Path
from time import monotonic

from bucle.base.errors import BucleError, Refused
from bucle.drivers.blobs import BlobStore
from bucle.interfaces.predict.board import Board, Served, named, next_served
from bucle.interfaces.predict.engines import EngineShop
from bucle.interfaces.predict.shelf import Shelf
from bucle.lifecycle.serving import ServingPlan, open_sealed, plan_key, project_of

PLANS = "serving"
_LIST_EVERY_S = 1.0  # a new project's plan is noticed by listing
_RETRY_EVERY_S = 3.0  # what could not be loaded is tried again
_UNREACHABLE = "the blob store does not answer"


class PlanWatcher:
    """Used from one thread at a time; `board` is read by every request."""

    def __init__(self, blobs: BlobStore, folder: Path, public_hex: str, shop: EngineShop) -> None:
        self._blobs = blobs
        self._folder = folder
        self._public_hex = public_hex
        self._shop = shop
        self._shelf = Shelf(folder.parent / "unloaded.json")
        self._versions: dict[str, str | None] = {}
        self._listed_at = self._retried_at = -_LIST_EVERY_S
        self._troubles: dict[str, str] = {}
        self.board = Board()

    @property
    def problems(self) -> tuple[str, ...]:
        """What keeps this server from serving what the plans say."""
        served = (f"{one.name}: {one.problem}" for one in self.board.served if one.problem)
        return (*self._troubles.values(), *served)

    def restore(self) -> None:
        """Serve what was served when this server last ran, before asking anybody."""
        plans = {}
        for path in sorted(self._folder.glob("*.json")):
            try:
                plan = open_sealed(path.read_bytes(), self._public_hex)
            except BucleError as error:
                self._troubles[path.stem] = f"the kept plan {path} is not used: {error}"
                continue
            plans[plan.project] = plan
        self._put_up(plans)

    def poll(self) -> bool:
        """Look for changed plans, once; tell whether the board is another one now."""
        now = monotonic()
        try:
            if now - self._listed_at >= _LIST_EVERY_S:
                self._listed_at = now
                self._note_projects()
            changed = [project for project in self._versions if self._is_changed(project)]
            self._troubles.pop("", None)
        except BucleError as error:
            # Serving goes on from what is loaded; only news have to wait.
            self._troubles[""] = f"{_UNREACHABLE}: {error}"
            return False
        if self._shelf.look():
            self._put_up(dict(self.board.plans))
        broken = any(one.problem for one in self.board.served)
        if not changed and not (broken and now - self._retried_at >= _RETRY_EVERY_S):
            return False
        self._retried_at = now
        plans = dict(self.board.plans)
        for project in changed:
            self._read(project, plans)
        before = self.board
        self._put_up(plans)
        return self.board.by_name != before.by_name

    def shelve(self, name: str, *, off: bool) -> None:
        """Take a deployment (`project.name`) off this server, or put it up again.

        Raises:
            Unavailable: that can not be written down.
        """
        if off:
            self._shelf.put(name)
        else:
            self._shelf.take(name)
        self._put_up(dict(self.board.plans))

    def _note_projects(self) -> None:
        for item in self._blobs.list(PLANS):
            if project := project_of(item.key):
                self._versions.setdefault(project, None)

    def _is_changed(self, project: str) -> bool:
        version = self._blobs.version(plan_key(project))
        return version is not None and version != self._versions[project]

    def _read(self, project: str, plans: dict[str, ServingPlan]) -> None:
        key, version = plan_key(project), None
        try:
            # The mark is taken first: what changes while we read is read again.
            version = self._blobs.version(key)
            content = self._blobs.get(key)
            plan = open_sealed(content, self._public_hex)
            if plan.project != project:
                raise Refused(f"the plan in {key} is that of project {plan.project!r}")
        except BucleError as error:
            self._troubles[project] = f"the plan of {project!r} is not followed: {error}"
            if isinstance(error, Refused):  # wait for another one; the same is refused again
                self._versions[project] = version
            return
        self._versions[project] = version
        plans[project] = plan
        self._troubles.pop(project, None)
        self._keep(project, content)

    def _keep(self, project: str, content: bytes) -> None:
        path = self._folder / f"{project}.json"
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(content)
            part.replace(path)
        except OSError as error:
            self._troubles["kept"] = f"the plan can not be kept in {path}: {error.strerror}"
        else:
            self._troubles.pop("kept", None)

    def _put_up(self, plans: dict[str, ServingPlan]) -> None:
        before = {(one.project, one.name): one for one in self.board.served}
        served: list[Served] = []
        for plan in plans.values():
            for wanted in plan.deployments:
                old = before.get((plan.project, wanted.ref.name))
                if f"{plan.project}.{wanted.ref.name}" in self._shelf.names:
                    told = str(wanted.ref)
                    served.append(Served(plan.project, wanted, (), told, unloaded=True))
                    continue
                if old is not None and old.unloaded:
                    old = None
                if old is not None and old.deployment == wanted and not old.problem:
                    served.append(old)
                else:
                    served.append(next_served(plan, wanted, old, self._shop))
        self.board = Board(plans, named(served))
        wanted_variants = [
            variant
            for one in served
            if not one.unloaded
            for variant in (*one.deployment.variants, *(one.deployment.shadows or ()))
        ]
        shown = [one.variant for item in served for one in (*item.loaded, *item.shadows)]
        self._shop.forget_all_but([*wanted_variants, *shown])
