"""Log models: announce one, say when its files are there, tag it, measure it, take it away."""

import re
from collections.abc import Mapping, Sequence

from bucle.base.errors import Invalid, NotFound
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.experiments import active, add_default, known_experiment, number_of
from bucle.lifecycle.tracking.experiments.records import DEFAULT
from bucle.lifecycle.tracking.logged import store
from bucle.lifecycle.tracking.logged.read import get_logged_model
from bucle.lifecycle.tracking.logged.records import (
    LoggedModel,
    LoggedStatus,
    ModelMetric,
    NewLoggedModel,
)
from bucle.lifecycle.tracking.names import (
    PARAM_LETTERS,
    TAG_LETTERS,
    checked_name,
    checked_text,
)

_NAME = re.compile(r"[^/:.%\"'\x00-\x1f\x7f]{1,250}")


def create_logged_model(scope: Scope, new: NewLoggedModel) -> LoggedModel:
    """Announce a model; its files come next, and `finalize_logged_model` when they are there.

    Raises:
        Conflict: the experiment is deleted.
        Invalid: a name, a tag or a parameter that can not be kept.
        NotFound: there is no such experiment.
    """
    scope.require(Permission.RUN_WRITE)
    if number_of(new.experiment) == DEFAULT:
        add_default(scope)
    experiment = active(known_experiment(scope, new.experiment))
    if not _NAME.fullmatch(new.name):
        raise Invalid(
            f"{new.name[:80]!r} can not be the name of a logged model",
            hint="up to 250 characters, none of them / : . % and quotes",
        )
    _check(new.params, PARAM_LETTERS)
    _check(new.tags, TAG_LETTERS)
    id_ = f"m-{scope.new_id()}"
    model = LoggedModel(
        id=id_,
        experiment=experiment.id,
        name=new.name,
        status="pending",
        model_type=new.model_type,
        source_run=new.source_run,
        location=f"{experiment.location.rstrip('/')}/models/{id_}/artifacts",
        created_at=scope.now,
        changed_at=scope.now,
        params=new.params,
        tags=new.tags,
    )
    store.add_model(scope.tx, scope.project, model)
    if new.source_run:
        scope.link(Ref("run", new.source_run), model.ref, "made")
    scope.record(
        "logged_model.created",
        model.ref,
        name=model.name,
        experiment=model.experiment,
        run=model.source_run,
        params=model.params,
    )
    return model


def finalize_logged_model(scope: Scope, id_: str, status: LoggedStatus) -> LoggedModel:
    """Say that a model's files are there, or that they could not be sent.

    Raises:
        NotFound: there is no such model.
    """
    model = _written(scope, id_)
    store.set_status(scope.tx, scope.project, id_, status, scope.now)
    scope.record("logged_model.finalized", model.ref, status=status)
    return get_logged_model(scope, id_)


def delete_logged_model(scope: Scope, id_: str) -> None:
    """Take a model away; its files stay until they are purged.

    Raises:
        NotFound: there is no such model.
    """
    model = _written(scope, id_)
    store.set_deleted(scope.tx, scope.project, id_, scope.now)
    scope.record("logged_model.deleted", model.ref)


def tag_logged_model(scope: Scope, id_: str, tags: Mapping[str, str]) -> LoggedModel:
    """Write tags of a model over what they were.

    Raises:
        Invalid: a tag that can not be kept.
        NotFound: there is no such model.
    """
    model = _written(scope, id_)
    _check(tags, TAG_LETTERS)
    store.put_tags(scope.tx, scope.project, id_, tags)
    store.touch(scope.tx, scope.project, id_, scope.now)
    scope.record("logged_model.tagged", model.ref, tags=tags)
    return get_logged_model(scope, id_)


def untag_logged_model(scope: Scope, id_: str, key: str) -> None:
    """Remove a tag of a model.

    Raises:
        NotFound: there is no such model, or it has no such tag.
    """
    model = _written(scope, id_)
    if not store.drop_tag(scope.tx, scope.project, id_, key):
        raise NotFound(f"{model.ref} has no tag {key!r}", hint=f"it has: {', '.join(model.tags)}")
    store.touch(scope.tx, scope.project, id_, scope.now)
    scope.record("logged_model.untagged", model.ref, key=key)


def log_model_params(scope: Scope, id_: str, params: Mapping[str, str]) -> None:
    """Write parameters of a model.

    Raises:
        Invalid: one that can not be kept, or another value for one that is there.
        NotFound: there is no such model.
    """
    model = _written(scope, id_)
    _check(params, PARAM_LETTERS)
    for key, value in params.items():
        if model.params.get(key, value) != value:
            raise Invalid(
                f"parameter {key!r} of {model.ref} is {model.params[key]!r} and can not be changed",
                hint="log another model",
            )
    store.put_params(scope.tx, scope.project, id_, params)
    scope.record("logged_model.params_logged", model.ref, params=params)


def log_model_metrics(scope: Scope, points: Sequence[ModelMetric]) -> None:
    """Note values of metrics that are of a model; the run's own points are logged beside.

    Raises:
        NotFound: there is no such model.
    """
    if not points:
        return
    scope.require(Permission.RUN_WRITE)
    ids = sorted({point.model for point in points})
    known = store.known_ids(scope.tx, scope.project, ids)
    if missing := [id_ for id_ in ids if id_ not in known]:
        raise NotFound(
            f"Logged model with ID {missing[0]!r} not found", hint="create it before measuring it"
        )
    store.add_metrics(scope.tx, scope.project, points)
    for id_ in ids:
        mine = [point for point in points if point.model == id_]
        scope.record(
            "logged_model.measured",
            Ref("logged_model", id_),
            points=len(mine),
            run=mine[0].run,
            metrics=sorted({point.key for point in mine}),
        )


def _written(scope: Scope, id_: str) -> LoggedModel:
    scope.require(Permission.RUN_WRITE, Ref("logged_model", id_))
    return get_logged_model(scope, id_)


def _check(texts: Mapping[str, str], limit: int) -> None:
    for key, value in texts.items():
        checked_name(key)
        checked_text("value", value, limit)
