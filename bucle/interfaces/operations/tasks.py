"""The verbs of what somebody has to do."""

import msgspec

from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.tasks.change import close_task, open_task, reopen_task
from bucle.governance.tasks.read import get_task, list_tasks, receivers_of
from bucle.governance.tasks.records import NewTask, State, Task, TaskFilter
from bucle.interfaces.operations.fields import Limit
from bucle.interfaces.operations.table import AnyOperation, Operation


class ListTasks(msgspec.Struct, frozen=True, kw_only=True):
    """Which tasks; without anything, those that are open."""

    state: State = "open"
    receiver: str = ""  # "": anybody's
    mine: bool = False  # only those for the caller, by name or by role
    kind: str = ""
    about: str = ""  # a reference, such as dataset:payments
    limit: Limit = 50
    token: str | None = None  # None: the newest


class TaskOf(msgspec.Struct, frozen=True, kw_only=True):
    """A task by its id."""

    id: str


class SayOf(msgspec.Struct, frozen=True, kw_only=True):
    """A task by its id, and why it is closed or opened again."""

    id: str
    reason: str


class OpenTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task for somebody: `--receiver ana`, or `--receiver role:engineer`."""

    about: str  # a reference, such as dataset:payments
    receiver: str
    why: str
    todo: str = ""


def _list(scope: Scope, q: ListTasks) -> Page[Task]:
    receivers = (q.receiver,) if q.receiver else receivers_of(scope) if q.mine else ()
    about = str(Ref.parse(q.about).bare) if q.about else ""
    wanted = TaskFilter(state=q.state, receivers=receivers, kind=q.kind, about=about)
    return list_tasks(scope, wanted, limit=q.limit, token=q.token)


def _open(scope: Scope, q: OpenTask) -> Task:
    new = NewTask(
        kind="asked", about=Ref.parse(q.about), receiver=q.receiver, why=q.why, todo=q.todo
    )
    return open_task(scope, new)


ROWS: tuple[AnyOperation, ...] = (
    Operation(
        name="tasks.list",
        permission=Permission.TASK_READ,
        method="GET",
        path="/tasks",
        request=ListTasks,
        response=Page[Task],
        run=_list,
        summary="List what somebody has to do, newest first.",
        summary_es="Lista lo que alguien tiene que hacer, lo último primero.",
    ),
    Operation(
        name="tasks.get",
        permission=Permission.TASK_READ,
        method="GET",
        path="/tasks/{id}",
        request=TaskOf,
        response=Task,
        run=lambda scope, q: get_task(scope, q.id),
        positional=("id",),
        summary="Show a task.",
        summary_es="Muestra una tarea.",
    ),
    Operation(
        name="tasks.open",
        permission=Permission.TASK_WRITE,
        method="POST",
        path="/tasks",
        request=OpenTask,
        response=Task,
        run=_open,
        events=("task.opened",),
        positional=("about",),
        summary="Give somebody something to do.",
        summary_es="Da a alguien algo que hacer.",
    ),
    Operation(
        name="tasks.close",
        permission=Permission.TASK_WRITE,
        method="POST",
        path="/tasks/{id}/close",
        request=SayOf,
        response=Task,
        run=lambda scope, q: close_task(scope, q.id, reason=q.reason),
        events=("task.closed",),
        positional=("id",),
        summary="Close a task that was done, or need not be, and say why.",
        summary_es="Cierra una tarea hecha o que ya no hace falta, y di por qué.",
    ),
    Operation(
        name="tasks.reopen",
        permission=Permission.TASK_WRITE,
        method="POST",
        path="/tasks/{id}/reopen",
        request=SayOf,
        response=Task,
        run=lambda scope, q: reopen_task(scope, q.id, reason=q.reason),
        events=("task.reopened",),
        positional=("id",),
        summary="Open a closed task again, and say why.",
        summary_es="Vuelve a abrir una tarea cerrada, y di por qué.",
    ),
)
