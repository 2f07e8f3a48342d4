"""Begin a run as MLflow's clients do: in an experiment by its id, with their time and user."""

from datetime import datetime

import msgspec

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking import store
from bucle.lifecycle.tracking.experiments import active, number_of, written_experiment
from bucle.lifecycle.tracking.inputs import RunInputs
from bucle.lifecycle.tracking.names import TAG_LETTERS, checked_name, checked_text
from bucle.lifecycle.tracking.records import Run
from bucle.lifecycle.tracking.search import RunHead, RunSheet

_DEFAULT = "0"
_NATIVE_DEFAULT = "default"


class RunBegin(msgspec.Struct, frozen=True, kw_only=True):
    """What a client says of a run that begins."""

    name: str
    experiment: str = _DEFAULT  # the id of one that is there
    user: str = ""  # "": who calls
    started_at: datetime | None = None  # None: now
    tags: dict[str, str] = {}
    parent: str = ""  # the id of a run; of one that is not there, only the tag says so


def begin_run(scope: Scope, begin: RunBegin) -> RunSheet:
    """Begin a run, and return it as clients see it.

    Raises:
        Conflict: the experiment is deleted.
        Invalid: a name or a tag that can not be kept.
        NotFound: there is no such experiment.
    """
    ref = Ref("run", scope.new_id())
    scope.require(Permission.RUN_WRITE, ref)
    tags = {checked_name(key): checked_text(key, value, TAG_LETTERS)
            for key, value in begin.tags.items()}  # fmt: skip
    checked_text("the name of a run", begin.name, TAG_LETTERS)
    if not begin.name:
        raise Invalid("the name of a run is empty")
    experiment = active(written_experiment(scope, begin.experiment))
    parent = begin.parent and store.has_run(scope.tx, scope.project, begin.parent)
    run = Run(
        ref=ref,
        name=begin.name,
        kind="training",
        experiment=_NATIVE_DEFAULT if experiment.id == _DEFAULT else experiment.name,
        status="running",
        started_at=begin.started_at or scope.now,
        started_by=scope.actor.name,
        parent=Ref("run", begin.parent) if parent else None,
        tags=tags,
    )
    number = number_of(experiment.id)
    store.add_run(scope.tx, scope.project, run, number, begin.user or None)
    store.add_tags(scope.tx, scope.project, ref.name, tags)
    if run.parent:
        scope.link(run.parent, ref, "part")
    scope.record(
        "run.started", ref, name=run.name, kind=run.kind, experiment=run.experiment,
        parent=run.parent, params={},
    )  # fmt: skip
    head = RunHead(
        id=ref.name,
        name=run.name,
        experiment=number,
        status=run.status,
        stage="active",
        started_at=run.started_at,
        ended_at=None,
        user=begin.user or run.started_by,
        parent=run.parent.name if run.parent else None,
        location=experiment.location,
    )
    return RunSheet(head=head, params=[], tags=list(tags.items()), metrics=[], inputs=RunInputs())
