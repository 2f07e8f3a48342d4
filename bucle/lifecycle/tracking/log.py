"""Log what a run says of itself: parameters, metric points, tags and artifacts."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from bucle.base.codec import canonical_json
from bucle.base.errors import Conflict, Invalid, NotFound
from bucle.base.figure import plain_figure
from bucle.base.refs import Ref, check_name
from bucle.drivers.blobs.content import content_key
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking import store
from bucle.lifecycle.tracking.alive import checked_params, checked_tags, known_run, running_run
from bucle.lifecycle.tracking.records import Artifact, MetricPoints, MetricSummary, Run, Scalar
from bucle.lifecycle.tracking.segments import columns_of, merge, pack, summaries_of, unpack

_SEGMENT_POINTS = 100_000
SMALL_POINTS = 10_000  # a segment below this is loose, and is packed together with others
MOST_LOOSE = 256


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
    columns = columns_of(points)
    for name in columns.names:
        check_name(name)
    packed = pack(columns, _SEGMENT_POINTS)
    small = sum(segment.count < SMALL_POINTS for segment in packed)
    loose = store.touch_running(scope.tx, scope.project, ref.name, scope.now, small)
    if loose is None:
        running_run(scope, ref)  # says why not
    sent = points.batch and store.has_batch(scope.tx, scope.project, ref.name, points.batch)
    if not points.names or sent:
        return 0
    batch = points.batch or scope.new_id()
    store.add_segments(scope.tx, scope.project, ref.name, batch, packed)
    summarise(scope, ref, summaries_of(columns))
    if loose is not None and loose >= MOST_LOOSE:
        pack_loose(scope, ref)
    scope.record("run.points_logged", ref, points=len(points.names), series=len(columns.names))
    return len(points.names)


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
    artifact = Artifact(
        run=ref,
        path=checked_path(path),
        digest=digest,
        size_bytes=_stored_bytes(scope, path, digest),
        logged_at=scope.now,
    )
    store.put_artifact(scope.tx, scope.project, artifact)
    store.touch_running(scope.tx, scope.project, ref.name, scope.now)
    scope.record("run.artifact_logged", ref, path=artifact.path, digest=digest)
    return artifact


def pack_loose(scope: Scope, ref: Ref) -> None:
    """Pack a run's small segments together; the points stay what they are."""
    loose = store.list_segments(scope.tx, scope.project, ref.name, below=SMALL_POINTS)
    if len(loose) > 1:
        packed = pack(unpack(loose), _SEGMENT_POINTS)
        store.replace_segments(
            scope.tx, scope.project, ref.name, SMALL_POINTS, scope.new_id(), packed
        )


def summarise(scope: Scope, ref: Ref, new: list[MetricSummary]) -> None:
    """Bring the summaries of a run up to its new points."""
    names = [summary.name for summary in new]
    before = {
        summary.name: summary
        for summary in store.list_summaries(scope.tx, scope.project, ref.name, names)
    }
    fresh = [summary for summary in new if summary.name not in before]
    more = [merge(before[summary.name], summary) for summary in new if summary.name in before]
    store.add_summaries(scope.tx, scope.project, ref.name, fresh)
    store.change_summaries(scope.tx, scope.project, ref.name, more)


def _stored_bytes(scope: Scope, path: str, digest: str) -> int:
    try:
        return scope.drivers.blobs.size(content_key(digest))
    except NotFound as error:
        raise NotFound(
            f"content {digest} of artifact {path!r} is not stored",
            hint="store the content first, then log it",
        ) from error


def checked_path(path: str) -> str:
    """Return the path of an artifact as it is kept.

    Raises:
        Invalid: it is absolute, or leads out of the run.
    """
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path:
        raise Invalid(
            f"{path!r} can not be the path of an artifact",
            hint="write a relative path such as plots/residuals.png",
        )
    return str(PurePosixPath(*(check_name(part) for part in parts)))
