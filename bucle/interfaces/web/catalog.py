"""What the catalogue says of a dataset, and the page that finds things in it."""

from collections.abc import Iterator
from typing import cast

import msgspec

from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.search.records import Hit
from bucle.governance.tasks.records import Task
from bucle.interfaces.operations.data_usage import Usage
from bucle.interfaces.web.visit import Visit, seen, url
from bucle.lifecycle import data

_ROOMS = {"dataset": "datasets", "model": "models", "deployment": "deployments", "run": "runs"}
_MOST_USES = 30


class UseRow(msgspec.Struct, frozen=True, kw_only=True):
    """Something that uses a dataset."""

    ref: str
    address: str  # "": it has no page
    level: str
    through: str  # "": the dataset itself


class CatalogPanel(msgspec.Struct, frozen=True, kw_only=True):
    """What the catalogue says of a dataset."""

    entry: data.Entry
    columns: dict[str, data.EntryColumn]
    contract: data.ContractReport | None  # None: there is none
    tasks: tuple[Task, ...]
    uses: tuple[UseRow, ...]
    more_uses: int  # that are not shown


class FoundRow(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was found, and its snippet cut where the words are."""

    hit: Hit
    address: str  # "": it has no page
    parts: tuple[tuple[str, bool], ...]  # text, and whether it is what was looked for


class SearchPage(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked for and what was found."""

    project: str
    text: str
    rows: tuple[FoundRow, ...]
    next_token: str | None  # None: these are all


def catalog_panel(visit: Visit, name: str) -> CatalogPanel:
    """Gather what the catalogue says of a dataset, as far as the visitor may see it."""
    with visit.session.begin(write=False) as scope:
        entry = data.get_entry(scope, name)
        contract = seen(lambda: data.show_contract(scope, name), None)
    asked = cast("Usage | None", seen(lambda: visit.ask("data.usage", name=name), None))
    uses = asked.uses if asked else ()
    return CatalogPanel(
        entry=entry,
        columns={column.name: column for column in entry.columns},
        contract=contract,
        tasks=_tasks(visit, name),
        uses=tuple(
            UseRow(
                ref=str(use.ref),
                address=address(visit.project, use.ref),
                level=use.level,
                through="" if use.through.bare == entry.ref else str(use.through),
            )
            for use in uses[:_MOST_USES]
        ),
        more_uses=max(len(uses) - _MOST_USES, 0),
    )


def search_page(visit: Visit) -> SearchPage:
    """Find what the visitor typed."""
    text, token = visit.query.get("q", ""), visit.query.get("token")
    asked: dict[str, str | int] = {"text": text}
    if token:
        asked["token"] = token
    page = cast("Page[Hit]", visit.ask("data.search", **asked))
    return SearchPage(
        project=visit.project,
        text=text,
        rows=tuple(
            FoundRow(hit=hit, address=address(hit.project, hit.ref), parts=tuple(cut(hit)))
            for hit in page.items
        ),
        next_token=page.next_token,
    )


def address(project: str, ref: Ref) -> str:
    """Return where a thing is shown; "": nowhere."""
    room = _ROOMS.get(ref.kind)
    if room is None:
        return ""
    is_versioned = ref.version and ref.kind != "deployment"
    return url(project, room, f"{ref.name}@{ref.version}" if is_versioned else ref.name)


def cut(hit: Hit) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a snippet, and whether each is what was looked for."""
    at = 0
    for start, end in hit.marks:
        yield hit.snippet[at:start], False
        yield hit.snippet[start:end], True
        at = end
    yield hit.snippet[at:], False


def _tasks(visit: Visit, name: str) -> tuple[Task, ...]:
    if not visit.may(Permission.TASK_READ):
        return ()
    page = cast("Page[Task]", visit.ask("tasks.list", about=f"dataset:{name}"))
    return page.items
