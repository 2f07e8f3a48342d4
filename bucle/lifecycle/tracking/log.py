"""Log what a run says of itself: parameters, metric points, tags and artifacts."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from bucle.base.codec import canonical_json
from bucle.base.errors import Conflict
from bucle.base.figure import plain_figure
from bucle.base.refs import Ref, check_name
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking import store
from bucle.lifecycle.tracking.alive import checked_params, checked_tags, known_run, running_run
from bucle.lifecycle.tracking.artifacts import artifact_of
from bucle.lifecycle.tracking.files import put_file
from bucle.lifecycle.tracking.points import PackedPoints, add_packed
from bucle.lifecycle.tracking.records import Artifact, MetricPoints, Run, Scalar


def log_params(scope: Scope, ref: Ref, params: Mapping[str, Scalar]) -> Run:
    """Give a run parameters; saying the same again changes nothing.

    Raises:
        Conflict: the run has ended, or has another value under one of the names.
        Invalid: a parameter that can not be kept.
        NotFound: there is no such run.
    """
    scope.require(Permission.RUN_WRITE, ref)
    run = running_run(scope, ref)
    said = checked_params(params)
    for name, value in said.items():
        if name in run.params and canonical_json(run.params[name]) != canonical_json(value):
            raise Conflict(
                f"parameter {name!r} of {ref} is {run.params[name]!r} and can not become {value!r}",
                hint="parameters stay; start a new run, or use a tag",
            )
    new = {name: value for name, value in said.items() if name not in run.params}
    store.touch_running(scope.tx, scope.project, ref.name, scope.now)
    if new:
        store.add_params(scope.tx, scope.project, ref.name, new)
        scope.record("run.params_logged", ref, params=new)
    return known_run(scope, ref)


def log_points(scope: Scope, ref: Ref, points: MetricPoints) -> int:
    """Add metric points to a run and return how many were new; none is a sign of life.

    Raises:
        Conflict: the run has ended.
        Invalid: columns of different length, or a name that can not be one.
        NotFound: there is no such run.
    """
    scope.require(Permission.RUN_WRITE, ref)
    packed = PackedPoints(points)
    for name in packed.names:
        check_name(name)
    loose = store.touch_running(scope.tx, scope.project, ref.name, scope.now, packed.small)
    if loose is None:
        running_run(scope, ref)  # says why not
    if not add_packed(scope, ref.name, packed, loose or 0):
        return 0
    scope.record("run.points_logged", ref, points=packed.count, series=len(packed.names))
    return packed.count


def log_metrics(scope: Scope, ref: Ref, metrics: Mapping[str, float], *, step: int = 0) -> int:
    """Add one point to each of some series, at this moment.

    Raises:
        Conflict: the run has ended.
        NotFound: there is no such run.
    """
    scope.require(Permission.RUN_WRITE, ref)
    at_ms = int(scope.now.timestamp() * 1000)
    points = [(name, step, at_ms, value) for name, value in metrics.items()]
    return log_points(scope, ref, metric_points(points))


def metric_points(points: Sequence[tuple[str, int, int, float]]) -> MetricPoints:
    """Make a batch of points: name, step, milliseconds since 1970 (UTC), value."""
    return MetricPoints(
        names=tuple(point[0] for point in points),
        steps=tuple(point[1] for point in points),
        times=tuple(point[2] for point in points),
        values=tuple(plain_figure(point[3]) for point in points),
    )


def set_tags(scope: Scope, ref: Ref, tags: Mapping[str, str]) -> Run:
    """Set tags of a run, over what they were; also after it has ended.

    Raises:
        Invalid: a tag that can not be kept.
        NotFound: there is no such run.
    """
    scope.require(Permission.RUN_WRITE, ref)
    run = known_run(scope, ref, lock=True)
    new = {n: v for n, v in checked_tags(tags).items() if run.tags.get(n) != v}
    if new:
        store.set_tags(scope.tx, scope.project, ref.name, new)
        scope.record("run.tagged", ref, tags=new)
    return known_run(scope, ref)


def log_artifact(scope: Scope, ref: Ref, path: str, *, digest: str) -> Artifact:
    """Keep stored content as a file of the run; under the same path, the newest counts.

    Raises:
        Conflict: the run has ended.
        Invalid: the path is absolute, or leads out of the run.
        NotFound: there is no such run, or no such content.
    """
    scope.require(Permission.RUN_WRITE, ref)
    running_run(scope, ref)
    # The path as people mean it: without `./` and doubled slashes.
    plain = PurePosixPath(path).as_posix() if path else path
    artifact = artifact_of(put_file(scope, ref, plain, digest=digest))
    store.touch_running(scope.tx, scope.project, ref.name, scope.now)
    scope.record("run.artifact_logged", ref, path=artifact.path, digest=digest)
    return artifact
