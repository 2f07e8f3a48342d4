"""Read the prediction log, and say where one prediction came from.

Nothing here asks the database for predictions: the log is in the blob store, where the model
servers put it a second after they answered (at once on `POST /admin/flush`).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bucle.base.errors import Conflict, NotFound
from bucle.base.ids import milliseconds_of
from bucle.base.refs import Ref
from bucle.governance.facts import Edge
from bucle.governance.lineage.records import Lineage
from bucle.governance.lineage.trace import trace
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.lifecycle.serving import segments
from bucle.lifecycle.serving.filled import filled_by
from bucle.lifecycle.serving.records import SHADOW, Prediction
from bucle.lifecycle.serving.segments import FEATURE, FRAME, OUTPUT, SHARE, Segment

_ATTEMPTS = 5


def read_predictions(
    session: Session,
    deployment: str,
    since: datetime,
    until: datetime,
    *,
    columns: Sequence[str] | None = None,
    shadows: bool = False,
) -> pa.Table:
    """Return the predictions of `since <= at < until`, oldest first.

    What a version said in the shadow went to nobody and is no prediction: `shadows` reads that,
    and nothing else.

    Columns: `id at deployment_ref model_ref variant latency_us error share`, then `in_<feature>`
    and `out_<output>`; only those that are asked for, if any are.  A column that no segment has
    comes back as nulls.
    """
    _require(session)
    asked = None if columns is None else list(dict.fromkeys([*columns]))
    needed = None if asked is None else list(dict.fromkeys(["id", "at", "variant", *asked]))

    def wanted(segment: Segment) -> bool:
        return segments.within(segment, since, until)

    table = _read(session, deployment, wanted, needed)
    inside = pc.and_(
        pc.greater_equal(table["at"], pa.scalar(since, FRAME.field("at").type)),
        pc.less(table["at"], pa.scalar(until, FRAME.field("at").type)),
    )
    is_shadow = pc.equal(table["variant"], SHADOW)
    wanted_rows = pc.and_(inside, is_shadow if shadows else pc.invert(is_shadow))
    found = table.filter(wanted_rows).sort_by("id")
    return found if asked is None else found.select(asked)


def find_prediction(session: Session, prediction_id: str) -> Prediction:
    """Return one prediction by its id.

    Raises:
        NotFound: no such prediction in this project, or its server has not handed it over yet.
        Invalid: not an id.
    """
    _require(session)
    milliseconds_of(prediction_id)

    def wanted(segment: Segment) -> bool:
        return segment.first <= prediction_id <= segment.last

    for segment in segments.list_segments(session.drivers.blobs, session.project):
        if not wanted(segment):
            continue
        table = _read(session, segment.deployment, wanted, None)
        rows = table.filter(pc.equal(table["id"], prediction_id)).to_pylist()
        if rows:
            return _prediction(rows[0])
    raise NotFound(
        f"there is no prediction {prediction_id} in project {session.project!r}",
        hint="a model server hands its log over after a second; POST /admin/flush does it now",
    )


def explain_origin(session: Session, prediction_id: str, *, depth: int = 20) -> Lineage:
    """Return what one prediction came from: its deployment's revision, its model, and on.

    The views of the deployment are told with the rows that they were materialized from then.
    Only the version that answered is followed, not the other variants of the deployment.
    """
    found = find_prediction(session, prediction_id)
    root = Ref("prediction", prediction_id)
    with session.begin(write=False) as scope:
        model = trace(scope, found.model, up=True, depth=depth)
        linked = trace(scope, root, up=True, depth=depth)
        filled = filled_by(scope, found)
    edges = (
        Edge(
            source=str(found.deployment),
            target=str(root),
            relation="answered",
            detail={"variant": found.variant, "latency_us": found.latency_us},
            at=found.at,
        ),
        Edge(
            source=str(found.model),
            target=str(found.deployment),
            relation="served_by",
            detail={"role": found.variant},
            at=found.at,
        ),
    )
    ends = [end for edge in filled for end in (edge.target, edge.source)]
    nodes = [str(root), str(found.deployment), *model.nodes, *ends, *linked.nodes]
    return Lineage(
        root=str(root),
        direction="up",
        nodes=tuple(dict.fromkeys(nodes)),
        edges=(*edges, *filled, *model.edges, *linked.edges),
    )


def _require(session: Session) -> None:
    with session.begin(write=False) as scope:
        scope.require(Permission.PREDICTION_READ)


def _read(
    session: Session,
    deployment: str,
    wanted: Callable[[Segment], bool],
    names: Sequence[str] | None,
) -> pa.Table:
    """Read the wanted segments; listed again if one is merged away meanwhile."""
    blobs, cache = session.drivers.blobs, session.drivers.cache_path
    for _ in range(_ATTEMPTS):
        listed = segments.list_segments(blobs, session.project, deployment)
        try:
            paths = [
                segments.local_segment(blobs, segment, cache)
                for segment in listed
                if wanted(segment)
            ]
            return segments.read_files(paths, names)
        except (NotFound, FileNotFoundError):
            continue
    raise Conflict(
        f"the log of {deployment!r} kept being rewritten while it was read", hint="call again"
    )


def _prediction(row: dict[str, Any]) -> Prediction:
    return Prediction(
        id=row["id"],
        at=row["at"],
        deployment=Ref.parse(row["deployment_ref"]),
        model=Ref.parse(row["model_ref"]),
        variant=row["variant"],
        latency_us=row["latency_us"],
        features=_part(row, FEATURE),
        outputs=_part(row, OUTPUT),
        error=row["error"],
        share=row[SHARE],
    )


def _part(row: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {
        name.removeprefix(prefix): value for name, value in row.items() if name.startswith(prefix)
    }
