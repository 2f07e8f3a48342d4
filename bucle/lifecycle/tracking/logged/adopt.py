"""Bring a logged model over, with its id, times and state, or what is new of it."""

from datetime import datetime

import msgspec
from msgspec.structs import replace

from bucle.base.errors import Conflict
from bucle.base.refs import Ref, check_name
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.adopted import Adoption, find_adopted, is_adopted, note_adopted
from bucle.lifecycle.tracking.experiments import known_experiment
from bucle.lifecycle.tracking.files import put_file
from bucle.lifecycle.tracking.logged import store
from bucle.lifecycle.tracking.logged.records import LoggedModel, LoggedStatus, ModelMetric


class AdoptedLoggedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A logged model of a source; its id stays what it was."""

    source: str
    id: str
    experiment: str  # the id that its experiment has here
    name: str
    mark: str = ""
    status: LoggedStatus = "ready"
    deleted: bool = False
    model_type: str = ""
    source_run: str = ""
    created_at: datetime
    changed_at: datetime
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    metrics: tuple[ModelMetric, ...] = ()
    files: dict[str, str] = {}  # path -> digest of stored content


def adopt_logged_model(scope: Scope, told: AdoptedLoggedModel) -> Ref:
    """Make a logged model as its source has it, or bring what is new of it.

    Raises:
        Conflict: there is one of that id which no import brought.
        NotFound: its experiment is not here, or the content of a file.
    """
    ref = Ref("logged_model", check_name(told.id))
    scope.require(Permission.RUN_WRITE, ref)
    theirs = f"logged_model:{told.id}"
    known = find_adopted(scope, told.source, theirs) is not None
    if store.has_model(scope.tx, scope.project, told.id):
        if not (known or is_adopted(scope, ref)):
            raise Conflict(
                f"{ref} is here already, and no import brought it",
                hint="import into another project (--project)",
            )
        store.put_params(scope.tx, scope.project, told.id, told.params)
        store.put_tags(scope.tx, scope.project, told.id, told.tags)
        store.set_status(scope.tx, scope.project, told.id, told.status, told.changed_at)
    else:
        _begin(scope, told)
    store.add_metrics(
        scope.tx, scope.project, [replace(metric, model=told.id) for metric in told.metrics]
    )
    for path, digest in told.files.items():
        put_file(scope, ref, path, digest=digest)
    if told.deleted:
        store.set_deleted(scope.tx, scope.project, told.id, told.changed_at)
    note_adopted(scope, told.source, Adoption(theirs=theirs, ours=ref, mark=told.mark))
    scope.record(
        "logged_model.adopted", ref, source=told.source, name=told.name,
        experiment=told.experiment, files=len(told.files), again=known,
    )  # fmt: skip
    return ref


def _begin(scope: Scope, told: AdoptedLoggedModel) -> None:
    experiment = known_experiment(scope, told.experiment)
    model = LoggedModel(
        id=told.id,
        experiment=experiment.id,
        name=told.name,
        status=told.status,
        model_type=told.model_type,
        source_run=told.source_run,
        location=f"{experiment.location.rstrip('/')}/models/{told.id}/artifacts",
        created_at=told.created_at,
        changed_at=told.changed_at,
        params=told.params,
        tags=told.tags,
    )
    store.add_model(scope.tx, scope.project, model)
    if told.source_run:
        scope.link(Ref("run", told.source_run), model.ref, "made")
