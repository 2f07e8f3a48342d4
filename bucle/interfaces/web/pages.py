"""Which address shows which page.

What the pages read is loaded with this file, when somebody first looks at one: a server that
only keeps runs never does.
"""

from collections.abc import Callable, Mapping

import msgspec

from bucle.base.errors import NotFound
from bucle.interfaces.web.catalog import search_page
from bucle.interfaces.web.datasets import dataset_page
from bucle.interfaces.web.deployments import deployment_page
from bucle.interfaces.web.events import events_page
from bucle.interfaces.web.explored import explore_page
from bucle.interfaces.web.loop import loop_page
from bucle.interfaces.web.models import model_page, version_page
from bucle.interfaces.web.predictions import predictions_page
from bucle.interfaces.web.projects import projects_page
from bucle.interfaces.web.runs import run_page, runs_page
from bucle.interfaces.web.traffic import TrafficCounter
from bucle.interfaces.web.visit import Visit, url

EXPLORE = "explore"  # the last segment of a page that may take its time


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What is at an address: a template and the context for it."""

    template: str
    title: str
    context: msgspec.Struct
    live: bool = False


class Shelf:
    """The pages, and what they keep from one look to the next."""

    def __init__(self) -> None:
        self._counter = TrafficCounter()

    def find(self, visit: Visit, segments: list[str]) -> Found:
        """Return what is at an address, cut at its slashes.

        Raises:
            NotFound: there is nothing.
        """
        match segments:
            case []:
                return _found("projects", visit.word("projects"), projects_page(visit))
            case [project]:
                shown = loop_page(visit, self._counter)
                return Found(template="loop.html", title=project, context=shown, live=True)
            case [_, room]:
                return _listing(visit, room)
            case [_, "datasets", name, last] if last == EXPLORE:
                return _found("explore", name, explore_page(visit, name))
            case [_, room, name]:
                return _thing(visit, room, name)
        raise NotFound(f"there is nothing at {visit.path}", hint="/")


def _listing(visit: Visit, room: str) -> Found:
    makers: Mapping[str, tuple[str, Callable[[Visit], msgspec.Struct]]] = {
        "runs": ("runs", runs_page),
        "events": ("events", events_page),
        "predictions": ("prediction", predictions_page),
        "search": ("catalog", search_page),
    }
    if room not in makers:
        raise NotFound(f"there is nothing at {visit.path}", hint=url(visit.project))
    title, make = makers[room]
    return _found(room, visit.word(title), make(visit))


def _thing(visit: Visit, room: str, name: str) -> Found:
    match room:
        case "models" if "@" in name:
            return _found("version", name, version_page(visit, name))
        case "models":
            return _found("model", name, model_page(visit, name))
        case "runs":
            return _found("run", name, run_page(visit, name))
        case "datasets":
            return _found("dataset", name, dataset_page(visit, name))
        case "deployments":
            return _found("deployment", name, deployment_page(visit, name))
    raise NotFound(f"there is nothing at {visit.path}", hint=url(visit.project))


def _found(template: str, title: str, context: msgspec.Struct) -> Found:
    return Found(template=f"{template}.html", title=title, context=context)
