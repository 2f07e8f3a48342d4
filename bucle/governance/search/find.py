"""Find things by their words and facets, as far as the actor may look at them."""

from bucle.base.page import Page, decode_offset, encode_token
from bucle.base.refs import Ref
from bucle.governance.audit.read import list_projects
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.search import store
from bucle.governance.search.records import Findable, Hit, Query
from bucle.governance.search.words import KINDS, excerpt, marks_of, parse

_READING = {
    "dataset": Permission.DATASET_READ,
    "feature_view": Permission.FEATURE_READ,
    "model": Permission.MODEL_READ,
    "deployment": Permission.SERVING_READ,
}
_MARK = "search"
_MOST_COLUMNS = 8


def search(
    scope: Scope, text: str, *, everywhere: bool = False, limit: int = 20, token: str | None = None
) -> Page[Hit]:
    """Find datasets, feature views, models and deployments, the best first.

    Every word of the text must be there, as the beginning of a word.  `kind:`, `owner:`, `tag:`,
    `sensitivity:` and `column:` narrow the answer.  With `everywhere`, all projects are searched
    that the actor may look into; what it may not read is not found.
    """
    scope.require(Permission.DATASET_READ)
    query = parse(text)
    projects = {scope.project, *(list_projects(scope) if everywhere else ())}
    places = {project: _kinds(scope, project) for project in projects}
    offset = decode_offset(token, _MARK)
    found = store.search(
        scope.tx,
        query,
        {project: kinds for project, kinds in places.items() if kinds},
        limit=limit + 1,
        offset=offset,
    )
    more = encode_token(_MARK, offset + limit) if len(found) > limit else None
    items = tuple(_hit(project, entry, query) for project, entry in found[:limit])
    return Page(items=items, next_token=more)


def find_findable(scope: Scope, ref: Ref) -> Findable | None:
    """Return what can be found of a thing; None: nothing, or it may not be looked at."""
    permission = _READING.get(ref.kind)
    if permission is None or not scope.actor.may(permission, scope.project):
        return None
    return store.find(scope.tx, scope.project, ref.bare)


def _kinds(scope: Scope, project: str) -> tuple[str, ...]:
    return tuple(kind for kind in KINDS if scope.actor.may(_READING[kind], project))


def _hit(project: str, entry: Findable, query: Query) -> Hit:
    columns = entry.columns
    named = [each.name for each in columns if marks_of(f"{each.name} {each.meaning}", query.words)]
    meanings = [f"{each.name}: {each.meaning}" for each in columns if each.meaning]
    snippet, marks = excerpt((entry.description, *meanings), query.words)
    return Hit(
        ref=entry.ref,
        project=project,
        owner=entry.owner,
        description=entry.description,
        tags=entry.tags,
        columns=tuple(named[:_MOST_COLUMNS]),
        snippet=snippet,
        marks=marks,
    )
