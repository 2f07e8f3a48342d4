"""What every verb that writes to a run asks first: is it known, does it still run."""

import math
from collections.abc import Mapping

from bucle.base.errors import Conflict, Invalid, NotFound
from bucle.base.figure import plain_figure
from bucle.base.refs import Ref, check_name
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking import store
from bucle.lifecycle.tracking.records import Run, Scalar

TEXT_LIMIT = 16_000


def known_run(scope: Scope, ref: Ref, *, lock: bool = False) -> Run:
    """Return a run; with `lock`, other writers of it wait for this transaction.

    Raises:
        NotFound: there is no such run in this project.
    """
    if ref.kind == "run":
        run = store.find_run(scope.tx, scope.project, ref.name, lock=lock)
        if run:
            return run
    raise NotFound(f"{ref} is not a run of project {scope.project!r}", hint="bucle tracking list")


def running_run(scope: Scope, ref: Ref) -> Run:
    """Return a run that has not ended, locked against other writers.

    Raises:
        Conflict: it has ended.
        NotFound: there is no such run in this project.
    """
    run = known_run(scope, ref, lock=True)
    if run.ended:
        raise Conflict(
            f"{ref} has {'been killed' if run.status == 'killed' else run.status} and takes "
            "nothing more but tags",
            hint="start a new run, or resume this one",
        )
    return run


def changed_run(scope: Scope, run: Run) -> None:
    """Write a run over what it was, heard of now."""
    store.change_run(scope.tx, scope.project, run, scope.now)


def checked_params(params: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return parameters as they are kept: NaN and infinities by their names.

    Raises:
        Invalid: a name that can not be one, or a text that is too long.
    """
    return {check_name(name): _kept(name, value) for name, value in params.items()}


def checked_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return tags, if they can be kept.

    Raises:
        Invalid: a name that can not be one, or a text that is too long.
    """
    for name, value in tags.items():
        _kept(check_name(name), value)
    return dict(tags)


def _kept(name: str, value: Scalar) -> Scalar:
    if isinstance(value, float) and not math.isfinite(value):
        return plain_figure(value)
    if isinstance(value, str) and len(value) > TEXT_LIMIT:
        raise Invalid(
            f"{name!r} is a text of {len(value)} characters; {TEXT_LIMIT} are allowed",
            hint="log it as an artifact",
        )
    return value
