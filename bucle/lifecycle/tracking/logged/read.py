"""Read logged models: one by its id, and many by a search."""

from hashlib import sha256

from bucle.base.codec import canonical_json
from bucle.base.errors import Invalid, NotFound
from bucle.base.filters import OrderTerm, parse_filter, parse_order
from bucle.base.page import Page, decode_offset, encode_token
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.experiments import number_of
from bucle.lifecycle.tracking.logged import store
from bucle.lifecycle.tracking.logged.language import FILTER, ORDER
from bucle.lifecycle.tracking.logged.records import (
    DatasetOf,
    LoggedModel,
    LoggedModelQuery,
    ModelOrder,
)

_NEWEST = (("creation_timestamp", True), ("model_id", False))


def find_logged_model(scope: Scope, id_: str) -> LoggedModel | None:
    """Return a logged model, or None."""
    scope.require(Permission.RUN_READ, Ref("logged_model", id_))
    return store.find_model(scope.tx, scope.project, id_)


def get_logged_model(scope: Scope, id_: str) -> LoggedModel:
    """Return a logged model.

    Raises:
        NotFound: there is no such model, or it is deleted.
    """
    found = find_logged_model(scope, id_)
    if found is None:
        raise NotFound(
            f"Logged model with ID {id_!r} not found", hint="search the logged models of a project"
        )
    return found


def search_logged_models(scope: Scope, query: LoggedModelQuery) -> Page[LoggedModel]:
    """Find the logged models that a search describes.

    Raises:
        Invalid: the filter, the order or the token can not be read, or an id is no number.
    """
    scope.require(Permission.RUN_READ)
    if any(not dataset.name for dataset in query.datasets):
        raise Invalid("a dataset of the search has no name", hint="dataset_name must be given")
    mark = _mark(query)
    offset = decode_offset(query.token, mark)
    found = store.list_models(
        scope.tx,
        (scope.project, [number_of(id_) for id_ in query.experiments]),
        parse_filter(query.filter, FILTER),
        query.datasets,
        _order(query.order_by),
        (offset, query.limit + 1),
    )
    more = len(found) > query.limit
    next_token = encode_token(mark, offset + query.limit) if more else None
    return Page(items=found[: query.limit], next_token=next_token)


def _mark(query: LoggedModelQuery) -> str:
    """Return what tells one search from another: a token leads on in its own only."""
    what = (query.experiments, query.filter, query.datasets, query.order_by)
    return sha256(canonical_json(what)).hexdigest()[:12]


def _order(terms: tuple[ModelOrder, ...]) -> list[tuple[OrderTerm, DatasetOf | None]]:
    order: list[tuple[OrderTerm, DatasetOf | None]] = []
    for term in terms:
        group, dot, key = term.field.partition(".")
        if dot and group == "metrics" and key:  # a key may hold what a search string may not
            parsed = OrderTerm(group="metric", key=key, descending=not term.ascending)
        else:
            parsed = OrderTerm(
                group="attribute",
                key=parse_order(term.field, ORDER).key,
                descending=not term.ascending,
            )
        if term.dataset and not term.dataset.name:
            raise Invalid("an order has a dataset's digest and no name", hint="name the dataset")
        order.append((parsed, term.dataset))
    named = {term.key for term, _ in order if term.group == "attribute"}
    for key, descending in _NEWEST:
        if key not in named:
            order.append((OrderTerm(group="attribute", key=key, descending=descending), None))
    return order
