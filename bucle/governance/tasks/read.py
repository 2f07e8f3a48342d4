"""List tasks and look at one."""

from bucle.base.errors import NotFound
from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.tasks import store
from bucle.governance.tasks.records import BY_ROLE, Task, TaskFilter


def list_tasks(
    scope: Scope, wanted: TaskFilter, *, limit: int = 50, token: str | None = None
) -> Page[Task]:
    """List tasks, newest first."""
    scope.require(Permission.TASK_READ)
    return store.list_of(scope.tx, scope.project, wanted, limit=limit, token=token)


def get_task(scope: Scope, ref: Ref | str) -> Task:
    """Return a task.

    Raises:
        NotFound: there is none of that id.
    """
    ref = Ref.parse(ref, kind="task") if isinstance(ref, str) else ref
    scope.require(Permission.TASK_READ, ref)
    if found := store.find(scope.tx, scope.project, ref.name):
        return found
    raise NotFound(f"{ref} does not exist", hint="bucle tasks list")


def receivers_of(scope: Scope) -> tuple[str, ...]:
    """Return the receivers that the actor is: its name, and the roles that it holds here."""
    roles = {grant.role for grant in scope.actor.grants if grant.project in {scope.project, "*"}}
    return (scope.actor.name, *sorted(f"{BY_ROLE}{role}" for role in roles))


def find_open_task(scope: Scope, cause: str) -> Task | None:
    """Return the open task of a cause; None: there is none."""
    scope.require(Permission.TASK_READ)
    return store.find_open(scope.tx, scope.project, cause)
