"""Read experiments: one by its id or name, and many by a search."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bucle.base.errors import Invalid, NotFound
from bucle.base.filters import Condition, OrderTerm, parse_filter, parse_order
from bucle.base.page import Page, decode_place, encode_place
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.experiments import store
from bucle.lifecycle.tracking.experiments.language import FILTER, ORDER
from bucle.lifecycle.tracking.experiments.records import (
    DEFAULT,
    DEFAULT_NAME,
    NATIVE_DEFAULT,
    Experiment,
    ExperimentQuery,
)

_DIGITS = 18
_NEWEST = (
    OrderTerm(group="attribute", key="creation_time", descending=True),
    OrderTerm(group="attribute", key="experiment_id", descending=True),
)


_KINDS: dict[str, type] = {
    "name": str,
    "experiment_id": int,
    "creation_time": datetime,
    "last_update_time": datetime,
}


def get_experiment(scope: Scope, id_: str) -> Experiment:
    """Return an experiment of any stage by its id.

    Raises:
        Invalid: the id is not a whole number.
        NotFound: there is no such experiment.
    """
    scope.require(Permission.RUN_READ)
    return known_experiment(scope, id_)


def get_experiment_by_name(scope: Scope, name: str) -> Experiment:
    """Return an experiment of any stage by its name.

    Raises:
        NotFound: there is no such experiment.
    """
    scope.require(Permission.RUN_READ)
    found = find_named(scope, name)
    if found is None:
        raise NotFound(
            f"there is no experiment {name!r} in project {scope.project!r}",
            hint="bucle tracking experiments",
        )
    return found


def search_experiments(scope: Scope, query: ExperimentQuery) -> Page[Experiment]:
    """List the experiments that a search string describes.

    Raises:
        Invalid: the filter, the order or the token can not be read.
    """
    scope.require(Permission.RUN_READ)
    conditions = [_numbered(one) for one in parse_filter(query.filter, FILTER)]
    order = _order(query.order_by)
    turns = (f"{term.key} {'down' if term.descending else 'up'}" for term in order)
    mark = f"experiments by {', '.join(turns)}"
    after = decode_place(query.token, mark, [_KINDS[term.key] for term in order])
    window = (after, query.limit + 1)
    found = store.list_experiments(scope.tx, scope.project, conditions, query.stages, order, window)
    more = len(found) > query.limit
    return Page(
        items=found[: query.limit],
        next_token=encode_place(mark, _place(found[query.limit - 1], order)) if more else None,
    )


def known_experiment(scope: Scope, id_: str) -> Experiment:
    """Return an experiment of any stage by its id, for other verbs of the room.

    Raises:
        Invalid: the id is not a whole number.
        NotFound: there is no such experiment.
    """
    number = number_of(id_)
    found = store.find_by_number(scope.tx, scope.project, number)
    if found is None and number == DEFAULT:
        return _default(scope)
    if found is None:
        raise NotFound(
            f"there is no experiment {id_} in project {scope.project!r}",
            hint="bucle tracking experiments",
        )
    return found


def find_named(scope: Scope, name: str) -> Experiment | None:
    """Return an experiment of any stage by its name, or None; `default` is always the default."""
    if name == NATIVE_DEFAULT:
        return known_experiment(scope, str(DEFAULT))
    found = store.find_by_name(scope.tx, scope.project, name)
    if found is None and name == DEFAULT_NAME:
        is_renamed = store.find_by_number(scope.tx, scope.project, DEFAULT) is not None
        return None if is_renamed else _default(scope)
    return found


def number_of(id_: str) -> int:
    """Return the number that an id is.

    Raises:
        Invalid: it is none.
    """
    if not (id_.isascii() and id_.isdigit() and len(id_) <= _DIGITS):
        raise Invalid(f"{id_!r} is not the id of an experiment", hint="an id is a whole number")
    return int(id_)


def _default(scope: Scope) -> Experiment:
    """Return the default experiment of a project in which nothing was written yet."""
    return Experiment(
        id=str(DEFAULT),
        name=DEFAULT_NAME,
        location=f"mlflow-artifacts:/{DEFAULT}",
        stage="active",
        created_at=scope.now,
        changed_at=scope.now,
    )


def _numbered(condition: Condition) -> Condition:
    if condition.key != "experiment_id" or condition.group != "attribute":
        return condition
    if isinstance(condition.value, tuple):
        return replace(condition, value=tuple(number_of(str(one)) for one in condition.value))
    return replace(condition, value=number_of(str(condition.value)))


def _place(last: Experiment, order: Sequence[OrderTerm]) -> list[str | int | datetime]:
    """Return the values by which an experiment is ordered."""
    values: dict[str, str | int | datetime] = {
        "name": last.name,
        "experiment_id": int(last.id),
        "creation_time": last.created_at,
        "last_update_time": last.changed_at,
    }
    return [values[term.key] for term in order]


def _order(terms: Sequence[str]) -> list[OrderTerm]:
    order = [parse_order(term, ORDER) for term in terms] or list(_NEWEST)
    if not any(term.key == "experiment_id" for term in order):
        order.append(OrderTerm(group="attribute", key="experiment_id", descending=True))
    return order


def has_default(scope: Scope) -> bool:
    """Tell whether the default experiment was written down in this project."""
    return store.find_by_number(scope.tx, scope.project, DEFAULT) is not None
