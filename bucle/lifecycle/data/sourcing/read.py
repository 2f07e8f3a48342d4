"""Read how the sources of datasets do."""

from bucle.base.errors import NotFound
from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.data.read import find_spec
from bucle.lifecycle.data.source_spec import SourceSpec
from bucle.lifecycle.data.sourcing import store
from bucle.lifecycle.data.sourcing.address import shown
from bucle.lifecycle.data.sourcing.check import mode_of
from bucle.lifecycle.data.sourcing.records import Arrival, SourceReport, SourceState


def list_sources(scope: Scope, *, limit: int = 100, token: str | None = None) -> Page[SourceReport]:
    """List the sources of the project's datasets, and how their pulls go."""
    scope.require(Permission.DATASET_READ)
    page = store.list_states(scope.tx, scope.project, limit=limit, token=token)
    reports = (_report(scope, state) for state in page.items)
    return Page(items=tuple(one for one in reports if one), next_token=page.next_token)


def get_source(scope: Scope, name: str) -> SourceReport:
    """Return a dataset's source and how its pulls go.

    Raises:
        NotFound: the dataset has none.
    """
    scope.require(Permission.DATASET_READ, Ref("dataset", name))
    found = store.find(scope.tx, scope.project, name)
    report = _report(scope, found[0]) if found else None
    if report is None:
        raise NotFound(f"dataset:{name} has no source", hint="bucle data sources")
    return report


def list_arrivals(
    scope: Scope, name: str, *, status: str = "", limit: int = 100, token: str | None = None
) -> Page[Arrival]:
    """List the files that were found at a dataset's source, by name."""
    scope.require(Permission.DATASET_READ, Ref("dataset", name))
    return store.list_files(scope.tx, scope.project, name, status=status, limit=limit, token=token)


def pull_rules(scope: Scope) -> dict[str, str]:
    """Return the schedules of the sources that have one, by dataset."""
    scope.require(Permission.DATASET_READ)
    return store.list_rules(scope.tx, scope.project)


def find_source_state(scope: Scope, name: str) -> SourceState | None:
    """Return what is kept of a source between its pulls; None: there is none."""
    scope.require(Permission.DATASET_READ, Ref("dataset", name))
    found = store.find(scope.tx, scope.project, name)
    return found[0] if found else None


def _report(scope: Scope, state: SourceState) -> SourceReport | None:
    spec = find_spec(scope, state.dataset)
    if spec is None or spec.source is None:
        return None
    ref = Ref("dataset", state.dataset)
    broken = store.count_broken(scope.tx, scope.project, state.dataset)
    told = (f"{broken} files are broken: bucle data arrivals {state.dataset}",) if broken else ()
    return SourceReport(
        dataset=ref,
        source=shown(spec.source.url, spec.source.table),
        mode=mode_of(spec.source, spec.key),
        schedule=spec.source.schedule,
        pulled_at=state.pulled_at,
        version=ref.at(state.version) if state.version else None,
        rows=state.rows,
        total=state.total,
        position=_said(spec.source, state),
        failures=state.failures,
        error=state.error,
        failed_at=state.failed_at,
        notes=(*state.notes, *told),
    )


def _said(source: SourceSpec, state: SourceState) -> str:
    position = state.position
    if position.watermark:
        return f"{source.watermark} {position.watermark[1]}"
    return position.topic or position.etag or position.modified
