"""The calls about runs, their life and their search; what they log is in `logs.py`."""

import secrets

import msgspec

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.governance.session import Session
from bucle.interfaces.mlflow.clock import moment
from bucle.interfaces.mlflow.endpoint import AnyEndpoint, Endpoint
from bucle.interfaces.mlflow.experiments import (
    Tag,
    ViewType,
    checked_limit,
    stages_of,
)
from bucle.interfaces.mlflow.sheets import Run, RunInfo, shown_info, shown_run
from bucle.lifecycle.tracking.batch import RunChange, change_run
from bucle.lifecycle.tracking.begin import RunBegin, begin_run
from bucle.lifecycle.tracking.lifespan import delete_run, restore_run
from bucle.lifecycle.tracking.records import Status
from bucle.lifecycle.tracking.search import RunSearch, get_head, get_sheet, search_runs

RUN_NAME = "mlflow.runName"
_PARENT = "mlflow.parentRunId"
_DEFAULT = "0"

_KINDS = "amber brave calm clever eager fair gentle keen lively lucky merry neat quick quiet warm"
_BEASTS = "ant bear bee cat crane deer dove eel finch fox frog hare ibis lark lynx newt otter owl"

# A status that is none of these changes nothing: protobuf leaves unknown ones unread.
_STATUSES: dict[str | int | None, Status] = {
    "RUNNING": "running", "SCHEDULED": "scheduled", "FINISHED": "finished",
    "FAILED": "failed", "KILLED": "killed",
    1: "running", 2: "scheduled", 3: "finished", 4: "failed", 5: "killed",
}  # fmt: skip


class RunId(msgspec.Struct, kw_only=True):
    """Which run; old clients say run_uuid."""

    run_id: str = ""
    run_uuid: str = ""


class CreateRun(msgspec.Struct, kw_only=True):
    """A run that begins."""

    experiment_id: str = ""
    user_id: str = ""
    run_name: str = ""
    start_time: int | None = None
    tags: list[Tag] = []


class OneRun(msgspec.Struct, kw_only=True):
    """A run as an answer."""

    run: Run


class UpdateRun(msgspec.Struct, kw_only=True):
    """What changes of a run's own fields."""

    run_id: str = ""
    run_uuid: str = ""
    status: str | int | None = None
    end_time: int | None = None
    run_name: str | None = None


class UpdatedRun(msgspec.Struct, kw_only=True):
    """A run's own fields as an answer."""

    run_info: RunInfo


class SearchRuns(msgspec.Struct, kw_only=True):
    """Which runs to find."""

    experiment_ids: list[str] = []
    filter: str = ""
    run_view_type: ViewType = "ACTIVE_ONLY"
    max_results: int | None = None
    order_by: list[str] = []
    page_token: str = ""


class FoundRuns(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Some runs, and where the next begin."""

    runs: list[Run] = []
    next_page_token: str = ""


def run_ref(run_id: str, run_uuid: str = "") -> Ref:
    """Return the name of a run.

    Raises:
        Invalid: the request names none.
    """
    name = run_id or run_uuid
    if not name:
        raise Invalid("Missing value for required parameter 'run_id'.")
    return Ref("run", name)


def _create(session: Session, q: CreateRun) -> OneRun:
    tags = {tag.key: tag.value for tag in q.tags}
    tagged = tags.pop(RUN_NAME, "")
    if q.run_name and tagged and q.run_name != tagged:
        raise Invalid(f"the run is named {q.run_name!r} by its name and {tagged!r} by its tag")
    begin = RunBegin(
        name=q.run_name or tagged or some_name(),
        experiment=q.experiment_id or _DEFAULT,
        user=q.user_id,
        started_at=None if q.start_time is None else moment(q.start_time),
        tags=tags,
        parent=tags.get(_PARENT, ""),
    )
    with session.begin() as scope:
        return OneRun(run=shown_run(begin_run(scope, begin)))


def _get(session: Session, q: RunId) -> OneRun:
    with session.begin(write=False) as scope:
        return OneRun(run=shown_run(get_sheet(scope, run_ref(q.run_id, q.run_uuid))))


def _update(session: Session, q: UpdateRun) -> UpdatedRun:
    ref = run_ref(q.run_id, q.run_uuid)
    change = RunChange(
        status=_STATUSES.get(q.status),
        ended_at=None if q.end_time is None else moment(q.end_time),
        name=q.run_name or None,
    )
    with session.begin() as scope:
        change_run(scope, ref, change)
        return UpdatedRun(run_info=shown_info(get_head(scope, ref)))


def _delete(session: Session, q: RunId) -> None:
    with session.begin() as scope:
        delete_run(scope, run_ref(q.run_id, q.run_uuid))


def _restore(session: Session, q: RunId) -> None:
    with session.begin() as scope:
        restore_run(scope, run_ref(q.run_id, q.run_uuid))


def _search(session: Session, q: SearchRuns) -> FoundRuns:
    search = RunSearch(
        experiments=tuple(q.experiment_ids),
        filter=q.filter,
        order_by=tuple(q.order_by),
        stages=stages_of(q.run_view_type),
        limit=checked_limit(q.max_results),
        token=q.page_token or None,
    )
    with session.begin(write=False) as scope:
        page = search_runs(scope, search)
    return FoundRuns(
        runs=[shown_run(sheet) for sheet in page.items], next_page_token=page.next_token or ""
    )


def some_name() -> str:
    """Return a name for what a client gave none."""
    kind, beast = (secrets.choice(words.split()) for words in (_KINDS, _BEASTS))
    return f"{kind}-{beast}-{secrets.randbelow(1000)}"


_PATH = "mlflow/runs"
_GONE = "INVALID_PARAMETER_VALUE"  # what the protocol says of a run that is not active

ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path=f"{_PATH}/create",
        request=CreateRun,
        handle=_create,
        conflict=_GONE,
        is_brief=True,
    ),
    Endpoint(method="GET", path=f"{_PATH}/get", request=RunId, handle=_get, is_brief=True),
    Endpoint(
        method="POST",
        path=f"{_PATH}/update",
        request=UpdateRun,
        handle=_update,
        conflict=_GONE,
        is_brief=True,
    ),
    Endpoint(method="POST", path=f"{_PATH}/delete", request=RunId, handle=_delete),
    Endpoint(method="POST", path=f"{_PATH}/restore", request=RunId, handle=_restore),
    Endpoint(method="POST", path=f"{_PATH}/search", request=SearchRuns, handle=_search),
)
