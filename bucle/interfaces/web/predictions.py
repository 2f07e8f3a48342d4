"""Where a prediction came from: a search box, and the last predictions to try it on."""

from datetime import timedelta
from typing import Any

import msgspec

from bucle.base.errors import Invalid, NotFound
from bucle.interfaces.operations import masking
from bucle.interfaces.web.trees import Branch, tree_of
from bucle.interfaces.web.visit import Visit, seen
from bucle.lifecycle import serving

_LAST = 12
_BACK = timedelta(days=7)
_COLUMNS = ("id", "at", "deployment_ref", "model_ref", "variant", "latency_us", "error")


class PredictionsPage(msgspec.Struct, frozen=True, kw_only=True):
    """One prediction with its origin, or the last ones."""

    project: str
    asked: str  # "": nothing was searched for
    problem: str  # "": it was found
    prediction: serving.Prediction | None  # None: not asked, or not found
    origin: tuple[Branch, ...]
    last: tuple[dict[str, Any], ...]


def predictions_page(visit: Visit) -> PredictionsPage:
    """Find a prediction, and tell where it came from."""
    asked = visit.query.get("id", "").strip().removeprefix("prediction:")
    found: serving.Prediction | None = None
    origin: tuple[Branch, ...] = ()
    problem = ""
    if asked:
        try:
            found = masking.prediction(visit.session, asked)
            origin = tree_of(serving.explain_origin(visit.session, asked, depth=12))
        except (NotFound, Invalid) as error:
            problem = error.message
    return PredictionsPage(
        project=visit.project,
        asked=asked,
        problem=problem,
        prediction=found,
        origin=origin,
        last=() if found else _last(visit),
    )


def _last(visit: Visit) -> tuple[dict[str, Any], ...]:
    with visit.session.begin(write=False) as scope:
        names = seen(lambda: [one.name for one in serving.list_deployments(scope).items], [])
    until = visit.now + timedelta(milliseconds=1)
    rows: list[dict[str, Any]] = []
    for name in names:
        table = serving.read_predictions(
            visit.session, name, until - _BACK, until, columns=_COLUMNS
        )
        rows += table.slice(max(len(table) - _LAST, 0)).to_pylist()
    rows.sort(key=lambda row: row["id"], reverse=True)
    return tuple(rows[:_LAST])
