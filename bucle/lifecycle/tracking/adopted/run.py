"""Bring a run over: all of it in one transaction, or what is new of it."""

from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from bucle.base.errors import Conflict, NotFound
from bucle.base.figure import plain_figure
from bucle.base.refs import Ref, check_name
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking import store as runs
from bucle.lifecycle.tracking.adopted import store
from bucle.lifecycle.tracking.adopted.ledger import find_adopted, is_adopted, note_adopted
from bucle.lifecycle.tracking.adopted.records import AdoptedRun, Adoption
from bucle.lifecycle.tracking.experiments import known_experiment, number_of
from bucle.lifecycle.tracking.experiments.records import DEFAULT, NATIVE_DEFAULT
from bucle.lifecycle.tracking.files import put_file
from bucle.lifecycle.tracking.inputs import log_inputs, log_outputs
from bucle.lifecycle.tracking.points import PackedPoints, add_packed
from bucle.lifecycle.tracking.records import CodeState, MetricPoints, Run
from bucle.lifecycle.tracking.segments import unpack

_PARENT = "mlflow.parentRunId"
_COMMIT = "mlflow.source.git.commit"
_REMOTE = "mlflow.source.git.repoURL"
_ENTRY = "mlflow.source.name"


def adopt_run(scope: Scope, told: AdoptedRun) -> Ref:
    """Make a run as its source has it, with its id, times, state and stage, or bring what is new.

    Of a run that was brought over before, points, files, parameters and tags that are not here
    are added; what was added to it here stays.

    Raises:
        Conflict: there is a run of that id which no import brought, or its parameters differ.
        NotFound: its experiment is not here, or the content of a file.
    """
    ref = Ref("run", check_name(told.id))
    scope.require(Permission.RUN_WRITE, ref)
    theirs = f"run:{told.id}"
    known = find_adopted(scope, told.source, theirs) is not None
    parent = told.tags.get(_PARENT) or None
    if store.experiment_of(scope.tx, scope.project, told.id) is None:
        _begin(scope, ref, told, parent)
        new = told.points
    elif known or is_adopted(scope, ref):
        _add_params(scope, ref, told)
        new = _missing(scope, ref, told.points)
    else:
        raise Conflict(
            f"{ref} is here already, and no import brought it",
            hint="import into another project (--project)",
        )
    runs.set_tags(scope.tx, scope.project, ref.name, told.tags)
    _add_points(scope, ref, new)
    for path, digest in told.files.items():
        put_file(scope, ref, path, digest=digest)
    # Inputs are noted of active runs: the stage comes last.
    store.set_run(scope.tx, scope.project, replace(told, stage="active"), parent, scope.now)
    if told.datasets or told.models_in:
        log_inputs(scope, ref, told.datasets, told.models_in)
    if told.models_out:
        log_outputs(scope, ref, told.models_out)
    store.set_run(scope.tx, scope.project, told, parent, scope.now)
    note_adopted(scope, told.source, Adoption(theirs=theirs, ours=ref, mark=told.mark))
    scope.record(
        "run.adopted", ref, source=told.source, name=told.name, status=told.status,
        experiment=told.experiment, points=len(new.names), files=len(told.files), again=known,
    )  # fmt: skip
    return ref


def adopt_points(scope: Scope, ref: Ref, points: MetricPoints) -> int:
    """Add points that are not there yet to a run that was brought over; return how many.

    Raises:
        NotFound: no import brought such a run.
    """
    scope.require(Permission.RUN_WRITE, ref)
    if not is_adopted(scope, ref):
        raise NotFound(f"no import brought {ref}", hint="bucle imports sources")
    new = _missing(scope, ref, points)
    _add_points(scope, ref, new)
    scope.record("run.points_logged", ref, points=len(new.names), series=len(set(new.names)))
    return len(new.names)


def _begin(scope: Scope, ref: Ref, told: AdoptedRun, parent: str | None) -> None:
    experiment = known_experiment(scope, told.experiment)
    code = _code(told)
    run = Run(
        ref=ref,
        name=told.name,
        kind="training",
        experiment=NATIVE_DEFAULT if experiment.id == str(DEFAULT) else experiment.name,
        status=told.status,
        started_at=told.started_at,
        started_by=scope.actor.name,
        ended_at=told.ended_at,
        parent=Ref("run", parent) if parent else None,
        code=code,
    )
    runs.add_run(scope.tx, scope.project, run, number_of(experiment.id), told.user or None)
    runs.add_params(scope.tx, scope.project, ref.name, told.params)
    if code and code.ref:
        scope.link(code.ref, ref, "code", remote=code.remote, entry=code.entry)
    if run.parent:
        scope.link(run.parent, ref, "part")


def _code(told: AdoptedRun) -> CodeState | None:
    commit = told.tags.get(_COMMIT)
    if not commit:
        return None
    return CodeState(
        commit=commit, remote=told.tags.get(_REMOTE, ""), entry=told.tags.get(_ENTRY, "")
    )


def _add_params(scope: Scope, ref: Ref, told: AdoptedRun) -> None:
    there = store.params_of(scope.tx, scope.project, ref.name)
    for name, text in told.params.items():
        if there.get(name, text) != text:
            raise Conflict(
                f"parameter {name!r} of {ref} is {there[name]!r} here and {text!r} in "
                f"{told.source}",
                hint="parameters stay; import into another project (--project)",
            )
    new = {name: text for name, text in told.params.items() if name not in there}
    runs.add_params(scope.tx, scope.project, ref.name, new)


def _add_points(scope: Scope, ref: Ref, points: MetricPoints) -> None:
    if points.names:
        packed = PackedPoints(points)
        loose = store.add_loose(scope.tx, scope.project, ref.name, packed.small)
        add_packed(scope, ref.name, packed, loose)


def _missing(scope: Scope, ref: Ref, points: MetricPoints) -> MetricPoints:
    """Return the points that the run does not have, each as often as it lacks it."""
    if not points.names:
        return points
    there = unpack(store.list_segments(scope.tx, scope.project, ref.name))
    names = [there.names[code] for code in there.codes.tolist()]
    values = map(plain_figure, there.values.tolist())
    lacking = Counter(
        zip(points.names, points.steps, points.times, points.values, strict=True)
    ) - Counter(zip(names, there.steps.tolist(), there.times.tolist(), values, strict=True))
    return _columns(list(lacking.elements()))


def _columns(rows: Sequence[tuple[str, int, int, float | str]]) -> MetricPoints:
    """Arrange points (name, step, time, value) as columns."""
    return MetricPoints(
        names=tuple(row[0] for row in rows),
        steps=tuple(row[1] for row in rows),
        times=tuple(row[2] for row in rows),
        values=tuple(row[3] for row in rows),  # type: ignore[misc]
    )
