"""Make experiments, name them, tag them, and take them away and back."""

import re
from collections.abc import Mapping
from datetime import datetime

from bucle.base.errors import Conflict, Invalid, NotFound
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.experiments import store
from bucle.lifecycle.tracking.experiments.read import find_named, known_experiment, number_of
from bucle.lifecycle.tracking.experiments.records import (
    DEFAULT,
    Experiment,
    Stage,
)
from bucle.lifecycle.tracking.names import checked_name, checked_text

_NAME_LETTERS = 500
_TAG_LETTERS = 20_000
_LOCATION_LETTERS = 2_048
_LOCATION = re.compile(r"(?!runs:)[a-zA-Z][\w+.-]*:[^\s?#]*|/[^?#]*")


def add_default(scope: Scope) -> None:
    """Write down the experiment that every project has, if it is not there yet."""
    store.add_default(scope.tx, scope.project, scope.now)


def create_experiment(
    scope: Scope, name: str, *, location: str = "", tags: Mapping[str, str] | None = None
) -> Experiment:
    """Make an experiment; without a location its files are kept in the house.

    Raises:
        Conflict: there is one of that name, perhaps a deleted one.
        Invalid: a name, a tag or a location that can not be kept.
    """
    scope.require(Permission.RUN_WRITE)
    _check_name(name)
    _check_location(location)
    said = {checked_name(key): checked_text(key, value, _TAG_LETTERS)
            for key, value in (tags or {}).items()}  # fmt: skip
    add_default(scope)
    number = store.lock_numbers(scope.tx, scope.project)
    _refuse_taken(scope, name)
    store.add_experiment(scope.tx, scope.project, number, name, location, scope.now)
    store.set_tags(scope.tx, scope.project, number, said)
    made = known_experiment(scope, str(number))
    scope.record("experiment.created", made.ref, name=name, location=made.location, tags=said)
    return made


def experiment_for(scope: Scope, name: str) -> Experiment:
    """Return the experiment that a new run belongs to; one that is not there is made.

    Raises:
        Conflict: it was deleted.
    """
    found = find_named(scope, name)
    if found is None:
        return create_experiment(scope, name)
    return active(written_experiment(scope, found.id) if found.id == str(DEFAULT) else found)


def rename_experiment(scope: Scope, id_: str, name: str) -> Experiment:
    """Give an experiment another name.

    Raises:
        Conflict: another one has it, or this one is deleted.
        NotFound: there is no such experiment.
    """
    scope.require(Permission.RUN_WRITE)
    _check_name(name)
    before = active(written_experiment(scope, id_))
    if before.name != name:
        _refuse_taken(scope, name)
        store.rename(scope.tx, scope.project, number_of(id_), name, scope.now)
        scope.record("experiment.renamed", before.ref, name=name, was=before.name)
    return known_experiment(scope, id_)


def delete_experiment(scope: Scope, id_: str) -> Experiment:
    """Put an experiment and its runs aside; they can be restored until they are purged.

    Raises:
        NotFound: there is no such experiment, or it is deleted already.
    """
    return _staged(scope, id_, "deleted")


def restore_experiment(scope: Scope, id_: str) -> Experiment:
    """Take an experiment and its runs back.

    Raises:
        NotFound: there is no such deleted experiment.
    """
    return _staged(scope, id_, "active")


def tag_experiment(scope: Scope, id_: str, tags: Mapping[str, str]) -> None:
    """Set tags of an experiment, over what they were.

    Raises:
        Conflict: the experiment is deleted.
        Invalid: a tag that can not be kept.
        NotFound: there is no such experiment.
    """
    scope.require(Permission.RUN_WRITE)
    said = {checked_name(key): checked_text(key, value, _TAG_LETTERS)
            for key, value in tags.items()}  # fmt: skip
    before = active(written_experiment(scope, id_))
    new = {key: value for key, value in said.items() if before.tags.get(key) != value}
    if new:
        store.set_tags(scope.tx, scope.project, number_of(id_), new)
        scope.record("experiment.tagged", before.ref, tags=new)


def untag_experiment(scope: Scope, id_: str, name: str) -> None:
    """Remove a tag of an experiment.

    Raises:
        Conflict: the experiment is deleted.
        NotFound: there is no such experiment, or it has no such tag.
    """
    scope.require(Permission.RUN_WRITE)
    before = active(written_experiment(scope, id_))
    if not store.drop_tag(scope.tx, scope.project, number_of(id_), name):
        raise NotFound(
            f"{before.ref} has no tag {name!r}", hint=f"it has: {', '.join(before.tags)}"
        )
    scope.record("experiment.untagged", before.ref, name=name)


def active(experiment: Experiment) -> Experiment:
    """Return an experiment that is not deleted.

    Raises:
        Conflict: it is.
    """
    if experiment.stage != "active":
        raise Conflict(
            f"experiment {experiment.name!r} must be active and is deleted",
            hint=f"bucle tracking restore-experiment {experiment.id}",
        )
    return experiment


def written_experiment(scope: Scope, id_: str) -> Experiment:
    """Return an experiment of any stage by its id; the default one is written down if it was not.

    Raises:
        Invalid: the id is not a whole number.
        NotFound: there is no such experiment.
    """
    number = number_of(id_)
    found = store.find_by_number(scope.tx, scope.project, number)
    if found is None and number == DEFAULT:
        add_default(scope)
    return found or known_experiment(scope, id_)


def _staged(scope: Scope, id_: str, stage: Stage) -> Experiment:
    scope.require(Permission.RUN_WRITE)
    before = written_experiment(scope, id_)
    if before.stage == stage:
        raise NotFound(f"there is no experiment {id_} that is not {stage} already")
    runs = store.set_stage(scope.tx, scope.project, number_of(id_), stage, scope.now)
    if stage == "deleted":
        scope.record("experiment.deleted", before.ref, name=before.name, runs=runs)
    else:
        scope.record("experiment.restored", before.ref, name=before.name, runs=runs)
    return known_experiment(scope, id_)


def _refuse_taken(scope: Scope, name: str) -> None:
    taken = find_named(scope, name)
    if taken:
        deleted = " and is deleted" if taken.stage == "deleted" else ""
        raise Conflict(
            f"there is an experiment {name!r} already: it has the id {taken.id}{deleted}",
            hint="choose another name, or restore it",
        )


def _check_name(name: str) -> None:
    if not name:
        raise Invalid("the name of an experiment is empty")
    checked_text("the name of an experiment", name, _NAME_LETTERS)


def _check_location(location: str) -> None:
    checked_text("an artifact location", location, _LOCATION_LETTERS)
    if location and (not _LOCATION.fullmatch(location) or ".." in location.split("/")):
        raise Invalid(
            f"{location!r} can not be where an experiment keeps its files",
            hint="leave it out, or write a URI such as s3://bucket/folder",
        )


def list_deleted_experiments(scope: Scope, before: datetime) -> tuple[int, ...]:
    """Return the numbers of the experiments that were deleted before a moment."""
    return store.list_deleted(scope.tx, scope.project, before)


def purge_experiment(scope: Scope, number: int) -> None:
    """Forget an experiment whose runs are gone; its number is not given again."""
    scope.require(Permission.RUN_PURGE)
    store.purge(scope.tx, scope.project, number)
    scope.record("experiment.purged", Ref("experiment", str(number)))
