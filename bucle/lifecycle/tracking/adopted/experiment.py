"""Bring an experiment over."""

from msgspec.structs import replace

from bucle.base.errors import Invalid, NotFound
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.adopted import store
from bucle.lifecycle.tracking.adopted.ledger import find_adopted, note_adopted
from bucle.lifecycle.tracking.adopted.records import AdoptedExperiment, Adoption
from bucle.lifecycle.tracking.experiments import (
    Experiment,
    add_default,
    get_experiment_by_name,
    known_experiment,
    number_of,
    tag_experiment,
)

_LARGEST = 999_999  # a folder's ids have eighteen digits; counting goes on from the greatest


def adopt_experiment(scope: Scope, told: AdoptedExperiment) -> Experiment:
    """Make an experiment as its source has it, or bring what is new of it.

    One of its name that is here takes its tags and its runs in, and stays what it is otherwise.
    The number is its source's where that is free and a small one.

    Raises:
        Conflict: one of its name is here and deleted, and no import brought it.
        Invalid: a name or a tag that can not be kept.
    """
    scope.require(Permission.RUN_WRITE)
    if not told.name:
        raise Invalid(f"experiment {told.id} of {told.source} has no name")
    theirs = f"experiment:{told.id}"
    before = find_adopted(scope, told.source, theirs)
    named = _named(scope, told.name)
    number = number_of(before.ours.name) if before else _number(scope, told, named)
    # One that was here before, or that has a name which another one has here, keeps what it is.
    follows = number != 0 and (named is None or (before is not None and named.id == str(number)))
    if follows:
        store.set_experiment(
            scope.tx, scope.project, number, replace(told, stage="active"), scope.now
        )
    if told.tags:
        tag_experiment(scope, str(number), told.tags)
    if follows:
        store.set_experiment(scope.tx, scope.project, number, told, scope.now)
    ref = Ref("experiment", str(number))
    note_adopted(scope, told.source, Adoption(theirs=theirs, ours=ref, mark=told.mark))
    scope.record("experiment.adopted", ref, source=told.source, theirs=told.id, name=told.name)
    return known_experiment(scope, str(number))


def _named(scope: Scope, name: str) -> Experiment | None:
    try:
        return get_experiment_by_name(scope, name)
    except NotFound:
        return None


def _number(scope: Scope, told: AdoptedExperiment, named: Experiment | None) -> int:
    """Return the number of the experiment that takes this one in: it is made if there is none."""
    add_default(scope)
    if named is not None:
        return number_of(named.id)
    small = told.id.isascii() and told.id.isdigit() and int(told.id) <= _LARGEST
    number = store.free_number(scope.tx, scope.project, int(told.id) if small else None)
    store.add_experiment(scope.tx, scope.project, number, told, scope.now)
    return number
