"""The verbs of control: declarations, jobs, triggers, and how far the loop has come."""

from typing import Any

import msgspec

from bucle.base.errors import Invalid
from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.control.fire import fire_by_hand
from bucle.control.jobs.queue import get_job, list_jobs
from bucle.control.jobs.records import Job
from bucle.control.reconcile.applied import get_applied
from bucle.control.reconcile.apply import apply_project, plan_project
from bucle.control.reconcile.records import AppliedSpec, Plan
from bucle.control.spec.project import parse_project
from bucle.control.spec.records import ProjectSpec
from bucle.control.tick import ControlStatus, status
from bucle.governance.permissions import Permission
from bucle.interfaces.operations.fields import Limit
from bucle.interfaces.operations.table import Operation
from bucle.lifecycle.features import FeatureView


class Declarations(msgspec.Struct, frozen=True, kw_only=True):
    """The text of a `bucle.yaml`, the folder of its code, and the feature views defined there."""

    text: str
    folder: str = ""
    name: str = "bucle.yaml"
    views: tuple[FeatureView, ...] = ()


class GetApplied(msgspec.Struct, frozen=True, kw_only=True):
    """Which declarations; without a number, those in force."""

    number: int | None = None


class GetStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How far control has come."""


class ListJobs(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs, newest first."""

    status: str | None = None
    kind: str | None = None
    limit: Limit = 50
    token: str | None = None


class GetJob(msgspec.Struct, frozen=True, kw_only=True):
    """Which job."""

    ref: str


class Fire(msgspec.Struct, frozen=True, kw_only=True):
    """Which trigger or pipeline, and the parameters to lay over its own."""

    name: str
    params: dict[str, Any] = {}


def _declared(q: Declarations) -> ProjectSpec:
    """Read declarations; the project's Python is run where the caller is, never here."""
    spec = parse_project(q.text, name=q.name, views=q.views)
    if spec.features and not spec.views:
        raise Invalid(
            f"the feature views {spec.features.views!r} did not come with the declarations",
            hint="type bucle plan or bucle apply in the project's folder: they send them along",
        )
    return spec


ROWS = (
    Operation(
        name="control.plan",
        permission=Permission.CONTROL_READ,
        method="POST",
        path="/plan",
        request=Declarations,
        response=Plan,
        run=lambda scope, q: plan_project(scope, _declared(q)),
        reads_only=True,
        summary="Show what applying a bucle.yaml would change.",
        summary_es="Muestra qué cambiaría al aplicar un bucle.yaml.",
    ),
    Operation(
        name="control.apply",
        permission=Permission.CONTROL_APPLY,
        method="POST",
        path="/apply",
        request=Declarations,
        response=Plan,
        work=lambda session, q: apply_project(session, _declared(q), q.folder),
        events=("project.applied",),
        summary="Make everything as a bucle.yaml declares it.",
        summary_es="Deja todo como lo declara un bucle.yaml.",
    ),
    Operation(
        name="control.applied",
        permission=Permission.CONTROL_READ,
        method="GET",
        path="/applied",
        request=GetApplied,
        response=AppliedSpec,
        run=lambda scope, q: get_applied(scope, q.number),
        summary="Show the declarations in force.",
        summary_es="Muestra las declaraciones en vigor.",
    ),
    Operation(
        name="control.status",
        permission=Permission.CONTROL_READ,
        method="GET",
        path="/control",
        request=GetStatus,
        response=ControlStatus,
        run=lambda scope, _: status(scope),
        summary="Tell how far the loop has come.",
        summary_es="Dice hasta dónde ha llegado el bucle.",
    ),
    Operation(
        name="control.jobs",
        permission=Permission.CONTROL_READ,
        method="GET",
        path="/jobs",
        request=ListJobs,
        response=Page[Job],
        run=lambda scope, q: list_jobs(
            scope, status=q.status, kind=q.kind, limit=q.limit, token=q.token
        ),
        summary="List jobs, newest first.",
        summary_es="Lista los trabajos, el más nuevo primero.",
    ),
    Operation(
        name="control.job",
        permission=Permission.CONTROL_READ,
        method="GET",
        path="/jobs/{ref}",
        request=GetJob,
        response=Job,
        run=lambda scope, q: get_job(scope, Ref.parse(q.ref, kind="job")),
        positional=("ref",),
        summary="Show a job.",
        summary_es="Muestra un trabajo.",
    ),
    Operation(
        name="control.fire",
        permission=Permission.CONTROL_RUN,
        method="POST",
        path="/triggers/{name}/fire",
        request=Fire,
        response=Job,
        run=lambda scope, q: fire_by_hand(scope, q.name, q.params),
        events=("trigger.fired", "job.queued"),
        positional=("name",),
        summary="Fire a trigger, or run a declared pipeline, now.",
        summary_es="Dispara ahora un disparador o un flujo declarado.",
    ),
)
