"""The start page: the projects of the installation."""

import msgspec

from bucle.base.errors import Denied
from bucle.governance.audit.read import list_events, list_projects
from bucle.interfaces.web.sentences import Told, is_news, tell
from bucle.interfaces.web.visit import Visit, seen
from bucle.lifecycle import charter


class ProjectCard(msgspec.Struct, frozen=True, kw_only=True):
    """A project in the list."""

    name: str
    problem: str  # "": it has no charter
    events: int
    last: Told | None  # None: nothing happened, or it may not be seen


class ProjectsPage(msgspec.Struct, frozen=True, kw_only=True):
    """All projects that the visitor may look into."""

    projects: tuple[ProjectCard, ...]


def projects_page(visit: Visit) -> ProjectsPage:
    """List the projects."""
    with visit.session.begin(write=False) as scope:
        names = list_projects(scope)
    return ProjectsPage(projects=tuple(_card(visit, name) for name in names))


def _card(visit: Visit, name: str) -> ProjectCard:
    session = visit.house.session(visit.session.actor, name)
    with session.begin(write=False) as scope:
        found = seen(lambda: charter.find_charter(scope), None)
        try:
            events = list_events(scope, limit=30).items
        except Denied:
            events = ()
    shown = next((event for event in events if is_news(event)), None)
    return ProjectCard(
        name=name,
        problem=found.problem if found else "",
        events=events[0].number if events else 0,
        last=tell(visit.language, shown) if shown else None,
    )
