"""Take a parcel of points: once, whoever sends it again and whenever."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bucle.base.errors import Conflict, Invalid
from bucle.base.refs import check_name
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking import store as runs
from bucle.lifecycle.tracking.alive import running_run
from bucle.lifecycle.tracking.parcels import store
from bucle.lifecycle.tracking.parcels.records import MOST_POINTS, Parcel
from bucle.lifecycle.tracking.points import PackedPoints, add_packed
from bucle.lifecycle.tracking.segments import Segment, unpack

if TYPE_CHECKING:
    from bucle.lifecycle.tracking.segments import Columns


def take_parcel(scope: Scope, parcel: Parcel) -> int:
    """Add the points of a parcel to its run and return how many the writer has brought by now.

    A parcel that was taken before is not taken again, also after the run has ended.  One that
    leaves a gap is taken: what is missing was lost here (an older backup), not by its writer.

    Raises:
        Conflict: the run has ended, or the parcel overlaps what was taken.
        Invalid: it can not be unpacked, or names a series as none may be named.
        NotFound: there is no such run.
    """
    ref, count = parcel.ref, sum(points for _, points in parcel.series)
    scope.require(Permission.RUN_WRITE, ref)
    columns = _unpacked(parcel, count)
    packed = PackedPoints.of_columns(columns, f"{parcel.writer}.{parcel.first}")
    # The run's row is what writers of the run wait for; only then is `taken` what it says.
    loose = runs.touch_running(scope.tx, scope.project, ref.name, scope.now, packed.small)
    taken = store.find_taken(scope.tx, scope.project, ref.name, parcel.writer) or 0
    if parcel.first + count <= taken:
        return taken
    if loose is None:
        running_run(scope, ref)  # says why not
    if parcel.first < taken:
        raise Conflict(
            f"points {parcel.first} to {parcel.first + count} of writer {parcel.writer} overlap "
            f"the {taken} that were taken",
            hint="send what was sent before, or what comes after it",
        )
    store.set_taken(scope.tx, scope.project, ref.name, parcel.writer, parcel.first + count)
    add_packed(scope, ref.name, packed, loose or 0)
    scope.record("run.points_logged", ref, points=count, series=len(columns.names))
    return parcel.first + count


def forget_writers(scope: Scope, runs: Sequence[str]) -> None:
    """Forget who brought points to runs that are forgotten themselves."""
    store.forget(scope.tx, scope.project, runs)


def _unpacked(parcel: Parcel, count: int) -> "Columns":
    """Return a parcel's points, in the order in which they are kept.

    Raises:
        Invalid: too many or none, a wrong count, or bytes that were not packed.
    """
    if not 0 < count <= MOST_POINTS or any(points < 1 for _, points in parcel.series):
        raise Invalid(
            f"a parcel of {count} points", hint=f"1 to {MOST_POINTS}, and some of each series"
        )
    for name, _ in parcel.series:
        check_name(name)
    try:
        return unpack([Segment(series=parcel.series, body=parcel.body)])
    except (OSError, ValueError) as error:  # Arrow's words for bytes that are no zstd
        raise Invalid(f"the parcel can not be unpacked: {error}", hint="send it again") from error
