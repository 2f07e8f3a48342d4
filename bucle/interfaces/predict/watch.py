"""Follow the plans: take what changed, check it, load it, and put the new board up.

What was taken last is kept on this machine's disk, so that a server starts and serves while
wherever its plans come from is out of reach.
"""

import os
from pathlib import Path
from time import monotonic

from bucle.base.digest import digest_bytes
from bucle.base.errors import BucleError, Refused
from bucle.interfaces.predict.board import Board, Served, named, next_served
from bucle.interfaces.predict.engines import EngineShop
from bucle.interfaces.predict.shelf import Shelf
from bucle.interfaces.predict.sources import News, PlanSource
from bucle.lifecycle.serving import ServingPlan, open_sealed

_RETRY_EVERY_S = 3.0  # what could not be loaded is tried again


class PlanWatcher:
    """Used from one thread at a time; `board` is read by every request."""

    def __init__(self, source: PlanSource, folder: Path, public_hex: str, shop: EngineShop) -> None:
        self.source = source
        self._folder = folder
        self._public_hex = public_hex
        self._shop = shop
        self._retried_at = -_RETRY_EVERY_S
        self.digests: dict[str, str] = {}  # project -> digest of the plan that is followed
        self._shelf = Shelf(folder.parent / "unloaded.json")
        self._troubles: dict[str, str] = {}
        self.board = Board()

    @property
    def problems(self) -> tuple[str, ...]:
        """What keeps this server from serving what the plans say."""
        served = (f"{one.name}: {one.problem}" for one in self.board.served if one.problem)
        return (*self._troubles.values(), *served)

    @property
    def failures(self) -> tuple[str, ...]:
        """What of the plans this server fails to serve, other than that no news come."""
        return tuple(told for told in self.problems if told != self._troubles.get(""))

    def restore(self) -> None:
        """Serve what was served when this server last ran, before asking anybody."""
        plans = {}
        for path in sorted(self._folder.glob("*.json")):
            content = path.read_bytes()
            try:
                plan = open_sealed(content, self._public_hex)
            except BucleError as error:
                self._troubles[path.stem] = f"the kept plan {path} is not used: {error}"
                continue
            plans[plan.project] = plan
            self.digests[plan.project] = digest_bytes(content)
        self._put_up(plans)

    def poll(self) -> bool:
        """Look for changed plans, once; tell whether the board is another one now."""
        now = monotonic()
        try:
            news = self.source.news()
            self._troubles.pop("", None)
        except BucleError as error:
            # Serving goes on from what is loaded; only news have to wait.
            self._troubles[""] = f"{self.source.told}: {error}"
            news = []
        if self._shelf.look():
            self._put_up(dict(self.board.plans))
        broken = any(one.problem for one in self.board.served)
        if not news and not (broken and now - self._retried_at >= _RETRY_EVERY_S):
            return False
        self._retried_at = now
        plans = dict(self.board.plans)
        for one in news:
            self._take(one, plans)
        before = self.board
        self._put_up(plans)
        if news:
            self.source.settled()
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

    def _take(self, news: News, plans: dict[str, ServingPlan]) -> None:
        project = news.project
        try:
            if news.problem:
                raise Refused(news.problem)
            plan = open_sealed(news.content, self._public_hex)
            if plan.project != project:
                raise Refused(f"the plan of {project!r} is that of project {plan.project!r}")
        except BucleError as error:  # the one before it goes on
            self._troubles[project] = f"the plan of {project!r} is not followed: {error}"
            return
        plans[project] = plan
        self.digests[project] = digest_bytes(news.content)
        self._troubles.pop(project, None)
        if self.source.keeps:
            self._keep(project, news.content)

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
            variant for one in served if not one.unloaded for variant in one.deployment.packaged
        ]
        shown = [one.variant for item in served for one in (*item.loaded, *item.shadows)]
        self._shop.forget_all_but([*wanted_variants, *shown])
