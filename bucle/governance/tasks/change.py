"""Open tasks, close them, and open them again.

One cause has one open task, however often it is found: what finds it again is counted in it.  So
whoever watches something may say at every look what is wrong, and nobody gets a hundred tasks.
"""

import msgspec

from bucle.base.errors import Conflict, Denied, Invalid
from bucle.base.refs import Ref, check_name
from bucle.governance.permissions import ROLES, Permission
from bucle.governance.scope import Scope
from bucle.governance.tasks import store
from bucle.governance.tasks.read import get_task, receivers_of
from bucle.governance.tasks.records import BY_ROLE, NewTask, Task

_CHANGED = "bucle tasks list"


def open_task(scope: Scope, new: NewTask) -> Task:
    """Open a task, or count that the cause of an open one was found again.

    Raises:
        Invalid: it has no receiver, no reason, or is for a role that there is not.
    """
    scope.require(Permission.TASK_WRITE, new.about)
    check_receiver(new.receiver)
    if not new.why.strip():
        raise Invalid("a task without a reason helps nobody", hint="say why")
    id_ = scope.new_id()
    made = Task(
        ref=Ref("task", id_),
        kind=new.kind,
        about=new.about,
        receiver=new.receiver,
        why=new.why,
        todo=new.todo,
        cause=new.cause or id_,
        opened_at=scope.now,
        opened_by=scope.actor.name,
        last_at=scope.now,
    )
    if store.add(scope.tx, scope.project, made):
        scope.record(
            # Not why: that may quote rows, and an audit is forever.
            "task.opened", made.ref, kind=made.kind, about=made.about, receiver=made.receiver,
        )  # fmt: skip
        return made
    seen = store.find_open(scope.tx, scope.project, made.cause)
    if seen is None:  # it was closed between the two statements
        raise Conflict("the task was closed meanwhile", hint="call again")
    again = msgspec.structs.replace(
        seen, why=new.why, todo=new.todo, receiver=new.receiver, times=seen.times + 1,
        last_at=scope.now,
    )  # fmt: skip
    store.replace(scope.tx, scope.project, again, seen=seen)
    return again


def close_task(scope: Scope, ref: Ref | str, *, reason: str) -> Task:
    """Close a task that was done, or that need not be done; closing twice changes nothing.

    Raises:
        NotFound: there is none of that id.
        Denied: it is somebody else's, and the actor does not run the project.
        Invalid: no reason is given.
    """
    scope.require(Permission.TASK_WRITE)
    seen = get_task(scope, ref)
    _require_receiver(scope, seen)
    _require_reason(reason)
    return _closed(scope, seen, reason) if seen.is_open else seen


def close_cause(scope: Scope, cause: str, *, reason: str) -> Task | None:
    """Close the open task of a cause that is gone; None: none was open."""
    scope.require(Permission.TASK_WRITE)
    seen = store.find_open(scope.tx, scope.project, cause)
    return _closed(scope, seen, reason) if seen else None


def reopen_task(scope: Scope, ref: Ref | str, *, reason: str) -> Task:
    """Open a closed task again; one that is open stays so.

    Raises:
        NotFound: there is none of that id.
        Conflict: another task of the same cause is open.
        Invalid: no reason is given.
    """
    scope.require(Permission.TASK_WRITE)
    seen = get_task(scope, ref)
    _require_receiver(scope, seen)
    _require_reason(reason)
    if seen.is_open:
        return seen
    if other := store.find_open(scope.tx, scope.project, seen.cause):
        raise Conflict(
            f"{seen.ref} is closed, and {other.ref} is open for the same cause",
            hint=f"bucle tasks get {other.ref.name}",
        )
    again = msgspec.structs.replace(
        seen, closed_at=None, closed_by="", reason=reason, last_at=scope.now
    )
    if not store.replace(scope.tx, scope.project, again, seen=seen):
        raise Conflict(f"{seen.ref} was changed meanwhile", hint=_CHANGED)
    scope.record("task.reopened", again.ref, about=again.about, reason=reason)
    return again


def _closed(scope: Scope, seen: Task, reason: str) -> Task:
    done = msgspec.structs.replace(
        seen, closed_at=scope.now, closed_by=scope.actor.name, reason=reason
    )
    if not store.replace(scope.tx, scope.project, done, seen=seen):
        raise Conflict(f"{seen.ref} was changed meanwhile", hint=_CHANGED)
    scope.record("task.closed", done.ref, about=done.about, kind=done.kind, reason=reason)
    return done


def check_receiver(receiver: str) -> None:
    """Refuse a receiver that nobody can be.

    Raises:
        Invalid: no name, or no role of the house.
    """
    if not receiver.startswith(BY_ROLE):
        check_name(receiver)
    elif receiver.removeprefix(BY_ROLE) not in ROLES:
        raise Invalid(f"{receiver!r} names no role", hint=f"one of: {', '.join(ROLES)}")


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise Invalid("no reason is given", hint="--reason '...'")


def _require_receiver(scope: Scope, task: Task) -> None:
    runs_it = scope.actor.may(Permission.CONTROL_RUN, scope.project)
    if not runs_it and task.receiver not in receivers_of(scope):
        raise Denied(
            f"{task.ref} is for {task.receiver!r}; {scope.actor.name!r} does not run the project",
            hint=f"ask {task.receiver} or an engineer",
        )
