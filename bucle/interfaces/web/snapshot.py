"""Everything that the loop's page shows of a project, read in one transaction through verbs.

What the visitor may not see stays empty here, and its part of the page is absent.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from bucle.base.refs import Ref
from bucle.control.jobs.queue import list_jobs
from bucle.control.jobs.records import Job
from bucle.control.reconcile.applied import find_applied
from bucle.control.spec.records import ProjectSpec
from bucle.control.tick import ControlStatus, status
from bucle.governance.audit.read import list_events
from bucle.governance.audit.records import Event
from bucle.governance.cost.read import list_spendings
from bucle.governance.cost.records import Spending
from bucle.governance.scope import Scope
from bucle.interfaces.web.traffic import Traffic, TrafficCounter
from bucle.interfaces.web.visit import Visit, seen
from bucle.lifecycle import (
    charter,
    data,
    features,
    feedback,
    monitoring,
    registry,
    serving,
    tracking,
)

_MODELS, _DATASETS, _VERSIONS, _EVENTS, _RUNS, _JOBS = 4, 6, 5, 150, 80, 12
_REPORTS = 400


class ModelSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A model, its newest versions and what was decided about it."""

    model: registry.Model
    versions: tuple[registry.ModelVersion, ...]
    decisions: tuple[registry.Decision, ...]

    @property
    def champion(self) -> registry.ModelVersion | None:
        """The version that bears the alias; None: none does, or it is too old to be listed."""
        number = self.model.aliases.get(registry.CHAMPION)
        return next((one for one in self.versions if one.number == number), None)


class MonitorSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A monitor and its reports, oldest first."""

    spec: monitoring.MonitorSpec
    reports: tuple[monitoring.MonitorReport, ...]


class DatasetSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset and its newest versions."""

    dataset: data.Dataset
    versions: tuple[data.DatasetVersion, ...]


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A project at a moment of the house's clock."""

    now: datetime
    charter: charter.Charter | None  # None: none is set
    datasets: tuple[DatasetSeen, ...]
    views: tuple[features.RegisteredView, ...]
    runs: tuple[tracking.Run, ...]
    models: tuple[ModelSeen, ...]
    deployments: tuple[serving.Deployment, ...]
    traffic: Mapping[str, Traffic] = {}
    monitors: tuple[MonitorSeen, ...]
    alerts: tuple[monitoring.Alert, ...]
    feedback: tuple[feedback.FeedbackStatus, ...]
    status: ControlStatus | None  # None: it may not be seen
    jobs: tuple[Job, ...]
    spec: ProjectSpec | None  # None: nothing is declared
    events: tuple[Event, ...]
    spendings: tuple[Spending, ...]

    def running(self, *kinds: str) -> bool:
        """Tell whether a job of these kinds runs."""
        return any(job.status == "running" and job.kind.startswith(kinds) for job in self.jobs)

    def cost_of(self, ref: Ref) -> float | None:
        """Return what a thing cost; None: not known."""
        return next((one.cost for one in self.spendings if one.ref == str(ref)), None)


def take(visit: Visit, counter: TrafficCounter) -> Snapshot:
    """Read a project."""
    with visit.session.begin(write=False) as scope:
        shot = _read(scope)
    traffic = {
        one.name: found
        for one in shot.deployments
        if (found := seen(lambda name=one.name: counter.count(visit.session, name), None))  # type: ignore[misc]
    }
    return msgspec.structs.replace(shot, traffic=traffic)


def _read(scope: Scope) -> Snapshot:
    applied = seen(lambda: find_applied(scope), None)
    return Snapshot(
        now=scope.now,
        charter=seen(lambda: charter.find_charter(scope), None),
        datasets=seen(lambda: _datasets(scope), ()),
        views=seen(lambda: features.list_views(scope).items, ()),
        runs=seen(lambda: tracking.list_runs(scope, tracking.RunQuery(limit=_RUNS)).items, ()),
        models=seen(lambda: _models(scope), ()),
        deployments=seen(lambda: _deployments(scope), ()),
        monitors=seen(lambda: _monitors(scope), ()),
        alerts=seen(lambda: monitoring.list_alerts(scope, open_only=True), ()),
        feedback=seen(lambda: feedback.feedback_status(scope), ()),
        status=seen(lambda: status(scope), None),
        jobs=seen(lambda: list_jobs(scope, limit=_JOBS).items, ()),
        spec=applied.spec if applied else None,
        events=seen(lambda: list_events(scope, limit=_EVENTS).items, ()),
        spendings=seen(lambda: list_spendings(scope), ()),
    )


def _datasets(scope: Scope) -> tuple[DatasetSeen, ...]:
    return tuple(
        DatasetSeen(dataset=one, versions=_versions(scope, one))
        for one in data.list_datasets(scope, limit=_DATASETS).items
    )


def _versions(scope: Scope, dataset: data.Dataset) -> tuple[data.DatasetVersion, ...]:
    if dataset.head is None:
        return ()
    return data.log(scope, dataset.ref.name, limit=_VERSIONS).items


def _models(scope: Scope) -> tuple[ModelSeen, ...]:
    return tuple(model_seen(scope, one) for one in registry.list_models(scope, limit=_MODELS).items)


def model_seen(scope: Scope, model: registry.Model) -> ModelSeen:
    """Read what there is to say of a model."""
    name = model.ref.name
    return ModelSeen(
        model=model,
        versions=registry.list_versions(scope, name, limit=50).items,
        decisions=registry.history(scope, name).decisions,
    )


def _deployments(scope: Scope) -> tuple[serving.Deployment, ...]:
    found = serving.list_deployments(scope).items
    return tuple(one for one in found if one.action != serving.RETIRED)


def _monitors(scope: Scope) -> tuple[MonitorSeen, ...]:
    return tuple(
        MonitorSeen(
            spec=spec,
            reports=monitoring.list_reports(scope, spec.name, limit=_REPORTS)[::-1],
        )
        for spec in monitoring.list_monitors(scope)
    )
