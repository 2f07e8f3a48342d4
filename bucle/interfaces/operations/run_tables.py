"""The verbs of tracking that look at many runs at once: leaderboards and exports."""

from typing import Annotated

import msgspec

from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.interfaces.operations.fields import Limit
from bucle.interfaces.operations.table import Operation
from bucle.lifecycle import data
from bucle.lifecycle.tracking.export import ExportedFile, Format, export_runs
from bucle.lifecycle.tracking.leaderboard import Leaderboard, Required, Rules, leaderboard

_Share = Annotated[float, msgspec.Meta(ge=0, le=1, description="0..1 of the rows of each dataset")]


class RankRuns(msgspec.Struct, frozen=True, kw_only=True):
    """By what the runs of an experiment rank, and what qualifies them.

    `by` is `metrics.<name>` or `utility`: what a case is worth by the charter's costs, in its
    unit.  `at_least` and `at_most` are bars by metric.  A run must have read each of the
    `datasets` (the newest version where none is said), and `coverage` of its rows.
    """

    experiment: str
    by: str
    smallest: bool = False
    at_least: dict[str, float] = {}
    at_most: dict[str, float] = {}
    datasets: tuple[Ref, ...] = ()
    coverage: _Share = 0.0
    limit: Limit = 100


class ExportRuns(msgspec.Struct, frozen=True, kw_only=True):
    """Which experiment to export (without one: all), and how."""

    experiment: str | None = None
    format: Format = "parquet"


def _rank(scope: Scope, q: RankRuns) -> Leaderboard:
    required = []
    for ref in q.datasets:
        version = data.get_version(scope, ref)
        rows = round(version.rows * q.coverage)
        required.append(Required(ref=version.ref, rows=rows))
    rules = Rules(
        by=q.by.removeprefix("metrics."),
        smallest=q.smallest,
        at_least=_bars(q.at_least),
        at_most=_bars(q.at_most),
        required=tuple(required),
    )
    return leaderboard(scope, q.experiment, rules, limit=q.limit)


def _bars(bars: dict[str, float]) -> dict[str, float]:
    return {name.removeprefix("metrics."): bar for name, bar in bars.items()}


TABLE_ROWS = (
    Operation(
        name="tracking.leaderboard",
        permission=Permission.RUN_READ,
        method="GET",
        path="/leaderboards/{experiment}",
        request=RankRuns,
        response=Leaderboard,
        run=_rank,
        positional=("experiment",),
        summary="Rank the runs of an experiment, and say why some do not rank.",
        summary_es="Ordena las ejecuciones de un experimento y dice por qué algunas no cuentan.",
    ),
    Operation(
        name="tracking.export",
        permission=Permission.RUN_READ,
        method="GET",
        path="/run-exports",
        request=ExportRuns,
        response=tuple[ExportedFile, ...],
        work=lambda session, q: export_runs(session, q.experiment, as_=q.format),
        positional=("experiment",),
        summary="Write everything of an experiment's runs as tables.",
        summary_es="Escribe como tablas todo lo de las ejecuciones de un experimento.",
    ),
)
