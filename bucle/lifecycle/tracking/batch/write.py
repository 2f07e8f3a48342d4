"""Write to a run what a client sends: one call, one transaction, and as few reads as can be.

`log_params`, `log_points` and `set_tags` return the run, as our own SDK wants it; MLflow's client
sends thousands of small calls and looks at none of the answers.
"""

from collections.abc import Mapping

from bucle.base.errors import Conflict, Invalid, NotFound
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.batch import store
from bucle.lifecycle.tracking.batch.records import Batch, RunChange, RunState
from bucle.lifecycle.tracking.names import (
    PARAM_LETTERS,
    TAG_LETTERS,
    checked_name,
    checked_text,
)
from bucle.lifecycle.tracking.points import PackedPoints, add_packed, pack_loose

_OPEN = frozenset({"scheduled", "running"})


def log_batch(scope: Scope, ref: Ref, batch: Batch, *, also_ended: bool = False) -> None:
    """Write points, parameters and tags of a run together, or nothing of them.

    Names and texts are those of MLflow's clients (`names.py`); a parameter that is there with the
    same value is left alone.

    Args:
        scope: where it is written.
        ref: the run.
        batch: what to write; an empty one only looks whether the run takes anything.
        also_ended: take points and parameters for a run that has ended, too.

    Raises:
        Conflict: the run is deleted, has ended, or has another value of a parameter.
        Invalid: a name, a text or a point that can not be kept.
        NotFound: there is no such run.
    """
    scope.require(Permission.RUN_WRITE, ref)
    _check(batch)
    packed = PackedPoints(batch.points) if batch.points.names else None
    for name in packed.names if packed else ():
        checked_name(name)
    if packed:
        state = store.touch(scope.tx, scope.project, ref.name, scope.now, packed.small)
    else:
        lock = len(batch.params) > 1
        state = store.find_state(scope.tx, scope.project, ref.name, lock=lock)
    state = _open(ref, state, also_ended=also_ended or not (packed or batch.params))
    if batch.params:
        _log_params(scope, ref, batch.params)
    if packed and add_packed(scope, ref.name, packed, state.loose_segments):
        scope.record("run.points_logged", ref, points=packed.count, series=len(packed.summaries))
    if batch.tags:
        store.put_tags(scope.tx, scope.project, ref.name, batch.tags)
        scope.record("run.tagged", ref, tags=batch.tags)
    if batch.name and batch.name != state.name:
        store.rename(scope.tx, scope.project, ref.name, batch.name)
        scope.record("run.renamed", ref, name=batch.name, was=state.name)


def drop_tag(scope: Scope, ref: Ref, name: str) -> None:
    """Remove a tag of a run.

    Raises:
        Conflict: the run is deleted.
        NotFound: there is no such run, or it has no such tag.
    """
    scope.require(Permission.RUN_WRITE, ref)
    _open(ref, store.find_state(scope.tx, scope.project, ref.name), also_ended=True)
    if not store.drop_tag(scope.tx, scope.project, ref.name, name):
        raise NotFound(f"{ref} has no tag {name!r}")
    scope.record("run.untagged", ref, name=name)


def change_run(scope: Scope, ref: Ref, change: RunChange) -> None:
    """Set a run's status, end and name as a client says, also back to running.

    Raises:
        Conflict: the run is deleted.
        Invalid: a name that is too long.
        NotFound: there is no such run.
    """
    scope.require(Permission.RUN_WRITE, ref)
    checked_text("the name of a run", change.name or "", TAG_LETTERS)
    found = store.find_state(scope.tx, scope.project, ref.name, lock=True)
    state = _open(ref, found, also_ended=True)
    status = change.status or state.status
    name = change.name or state.name
    ended_at = change.ended_at or state.ended_at
    fields = {"new_status": status, "new_end": ended_at, "new_name": name, "seen": scope.now}
    store.change(scope.tx, scope.project, ref.name, fields)
    if status != state.status and status not in _OPEN and state.loose_segments > 1:
        pack_loose(scope, ref.name)
    if name != state.name:
        scope.record("run.renamed", ref, name=name, was=state.name)
    if status != state.status:
        _record(scope, ref, status, name)


def state_of(scope: Scope, ref: Ref, *, also_ended: bool = True) -> RunState:
    """Return what a write has to know of a run that is not deleted, for other verbs of the room.

    Raises:
        Conflict: it is deleted, or has ended where that matters.
        NotFound: there is no such run.
    """
    found = store.find_state(scope.tx, scope.project, ref.name, lock=True)
    return _open(ref, found, also_ended=also_ended)


def _open(ref: Ref, state: RunState | None, *, also_ended: bool) -> RunState:
    if state is None:
        raise NotFound(f"{ref} does not exist", hint="bucle tracking list")
    if state.stage != "active":
        raise Conflict(
            f"{ref} must be active and is deleted", hint=f"bucle tracking restore {ref.name}"
        )
    if state.status not in _OPEN and not also_ended:
        raise Conflict(
            f"{ref} is {state.status} and takes nothing more but tags", hint="start a new run"
        )
    return state


def _log_params(scope: Scope, ref: Ref, said: Mapping[str, str]) -> None:
    there = store.add_params(scope.tx, scope.project, ref.name, said)
    for name, text in there.items():
        if text != said[name]:
            raise Conflict(
                f"parameter {name!r} of {ref} was already logged with the value {text!r} and can "
                f"not become {said[name]!r}: changing it is not allowed",
                hint="parameters stay; start a new run, or use a tag",
            )
    new = {name: text for name, text in said.items() if name not in there}
    if new:
        scope.record("run.params_logged", ref, params=new)


def _record(scope: Scope, ref: Ref, status: str, name: str) -> None:
    if status == "finished":
        scope.record("run.finished", ref, name=name)
    elif status == "failed":
        scope.record("run.failed", ref, name=name, error="")
    elif status == "killed":
        scope.record("run.killed", ref, name=name, error="")
    else:
        scope.record("run.resumed", ref, name=name, status=status)


def _check(batch: Batch) -> None:
    for name, text in batch.params.items():
        checked_text(checked_name(name), text, PARAM_LETTERS)
    for name, text in batch.tags.items():
        checked_text(checked_name(name), text, TAG_LETTERS)
    checked_text("the name of a run", batch.name or "", TAG_LETTERS)
    if any(time < 0 for time in batch.points.times):
        raise Invalid("the time of a point is negative", hint="milliseconds since 1970 (UTC)")
