"""The verbs of rollouts that a canary does not know: shadow, trials, and the kill switch."""

from datetime import datetime

import msgspec

from bucle.base.codec import utc
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.interfaces.operations.fields import Limit
from bucle.interfaces.operations.publishing import model_ref, published
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle import serving


class StartShadow(msgspec.Struct, frozen=True, kw_only=True):
    """Which version gets copies of requests."""

    name: str
    model: str
    share: float | None = None  # None: as the rollout declares, else all of them
    reason: str = ""


class StopShadow(msgspec.Struct, frozen=True, kw_only=True):
    """Whose shadow."""

    name: str
    reason: str = ""
    if_revision: int | None = None  # None: whatever the newest revision is


class Compare(msgspec.Struct, frozen=True, kw_only=True):
    """Whose shadow is compared with what callers got."""

    name: str
    since: datetime | None = None  # None: since it is in the shadow
    until: datetime | None = None  # None: now
    limit: Limit = 10


class StartTrial(msgspec.Struct, frozen=True, kw_only=True):
    """Which versions compete with the champion."""

    name: str
    models: tuple[str, ...]
    kind: str = ""  # ab | bandit; "": as the rollout declares, else ab
    reason: str = ""


class StopTrial(msgspec.Struct, frozen=True, kw_only=True):
    """Whose trial ends, and who has won it."""

    name: str
    winner: str = ""  # "": the champion stays
    reason: str = ""
    if_revision: int | None = None  # None: whatever the newest revision is


class Kill(msgspec.Struct, frozen=True, kw_only=True):
    """What is taken out of service, why, and what answers instead."""

    name: str
    reason: str
    to: str = ""  # fallback | previous; "": the fallback if one is declared, else the previous


class Restore(msgspec.Struct, frozen=True, kw_only=True):
    """What is put into service again."""

    name: str
    reason: str = ""


def _start_shadow(session: Session, q: StartShadow) -> serving.Deployment:
    def change(scope: Scope) -> serving.Deployment:
        model = model_ref(q.model)
        return serving.start_shadow(scope, q.name, model, share=q.share, reason=q.reason)

    return published(session, change)


def _stop_shadow(session: Session, q: StopShadow) -> serving.Deployment:
    def change(scope: Scope) -> serving.Deployment:
        return serving.stop_shadow(scope, q.name, reason=q.reason, if_revision=q.if_revision)

    return published(session, change)


def _compare(session: Session, q: Compare) -> serving.Comparison:
    since, until = utc(q.since) if q.since else None, utc(q.until) if q.until else None
    return serving.compare(session, q.name, since=since, until=until, limit=q.limit)


def _start_trial(session: Session, q: StartTrial) -> serving.Deployment:
    def change(scope: Scope) -> serving.Deployment:
        models = tuple(model_ref(each) for each in q.models)
        return serving.start_trial(scope, q.name, models, kind=q.kind, reason=q.reason)

    return published(session, change)


def _stop_trial(session: Session, q: StopTrial) -> serving.Deployment:
    def change(scope: Scope) -> serving.Deployment:
        winner = model_ref(q.winner) if q.winner else None
        return serving.stop_trial(
            scope, q.name, winner=winner, reason=q.reason, if_revision=q.if_revision
        )

    return published(session, change)


def _kill(session: Session, q: Kill) -> serving.Deployment:
    return published(session, lambda scope: serving.kill(scope, q.name, reason=q.reason, to=q.to))


def _restore(session: Session, q: Restore) -> serving.Deployment:
    return published(session, lambda scope: serving.restore(scope, q.name, reason=q.reason))


ROWS: tuple[AnyOperation, ...] = (
    Operation(
        name="serving.start_shadow",
        permission=Permission.SERVING_WRITE,
        method="POST",
        path="/deployments/{name}/shadow",
        request=StartShadow,
        response=serving.Deployment,
        work=_start_shadow,
        events=("rollout.shadow_started", "plan.published"),
        positional=("name", "model"),
        summary="Copy requests to a version whose answers nobody gets.",
        summary_es="Copia peticiones a una versión cuyas respuestas no recibe nadie.",
    ),
    Operation(
        name="serving.stop_shadow",
        permission=Permission.SERVING_WRITE,
        method="POST",
        path="/deployments/{name}/shadow/stop",
        request=StopShadow,
        response=serving.Deployment,
        work=_stop_shadow,
        events=("rollout.shadow_stopped", "plan.published"),
        positional=("name",),
        summary="Copy no more requests to the version in the shadow.",
        summary_es="Deja de copiar peticiones a la versión en la sombra.",
    ),
    Operation(
        name="serving.compare",
        permission=Permission.PREDICTION_READ,
        method="GET",
        path="/deployments/{name}/shadow/comparison",
        request=Compare,
        response=serving.Comparison,
        work=_compare,
        positional=("name",),
        summary="Compare what the shadow said with what callers got, row by row.",
        summary_es="Compara lo que dijo la sombra con lo que se respondió, fila a fila.",
    ),
    Operation(
        name="serving.start_trial",
        permission=Permission.SERVING_WRITE,
        method="POST",
        path="/deployments/{name}/trial",
        request=StartTrial,
        response=serving.Deployment,
        work=_start_trial,
        events=("rollout.trial_started", "plan.published"),
        positional=("name", "models"),
        summary="Let versions compete with the champion: an A/B test or a bandit.",
        summary_es="Hace competir versiones con la campeona: prueba A/B o bandido.",
    ),
    Operation(
        name="serving.stop_trial",
        permission=Permission.SERVING_WRITE,
        method="POST",
        path="/deployments/{name}/trial/stop",
        request=StopTrial,
        response=serving.Deployment,
        work=_stop_trial,
        events=("rollout.trial_stopped", "plan.published"),
        positional=("name",),
        summary="End an A/B test or a bandit, with a winner or without one.",
        summary_es="Termina una prueba A/B o un bandido, con ganadora o sin ella.",
    ),
    Operation(
        name="serving.kill",
        permission=Permission.SERVING_WRITE,
        method="POST",
        path="/deployments/{name}/kill",
        request=Kill,
        response=serving.Deployment,
        work=_kill,
        events=("deployment.killed", "rollout.finished", "rollout.aborted", "plan.published"),
        positional=("name",),
        summary="Take the model out of service at once: its fallback or the previous one answers.",
        summary_es="Retira el modelo de inmediato: responde su alternativa o la versión anterior.",
    ),
    Operation(
        name="serving.restore",
        permission=Permission.SERVING_WRITE,
        method="POST",
        path="/deployments/{name}/restore",
        request=Restore,
        response=serving.Deployment,
        work=_restore,
        events=("deployment.restored", "plan.published"),
        positional=("name",),
        summary="Serve what the kill switch took out of service again.",
        summary_es="Vuelve a servir lo que el interruptor de emergencia retiró.",
    ),
)
