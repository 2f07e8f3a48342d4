"""The verbs of people's data: sensitive columns, deletion requests and retention."""

from typing import Annotated, Literal

import msgspec

from bucle.base.page import Page
from bucle.control import privacy
from bucle.control.privacy.forget.records import (
    Certificate,
    Deletion,
    DeletionReport,
    Wish,
)
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.interfaces.operations.fields import Limit
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle.data.retain.records import Retained, RetentionPlan
from bucle.lifecycle.data.sensitivity.records import Levels

_Key = Annotated[
    dict[str, str | int | float | bool],
    msgspec.Meta(description="column=value; all must be so of a row"),
]
_Also = Annotated[
    dict[str, str],
    msgspec.Meta(description="dataset=column: other datasets that hold the key's value there"),
]
_Days = Annotated[int, msgspec.Meta(ge=0, le=3650, description="until it is due")]


class Sensitivity(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset, or `split:...`, `feature_view:...`, `model:...` or `deployment:...`."""

    ref: str


class Forget(msgspec.Struct, frozen=True, kw_only=True):
    """Whose rows are to go: out of which dataset, by which values, and why."""

    name: str
    key: _Key
    reason: str
    also: _Also = {}
    days: _Days = 30


class RetentionOf(msgspec.Struct, frozen=True, kw_only=True):
    """Which dataset, and whether versions go too that a living model was trained on."""

    name: str
    used_too: bool = False


class ListDeletions(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the deletion requests."""

    state: Literal["", "open", "running", "done", "withdrawn"] = ""  # "": all
    limit: Limit = 50
    token: str | None = None  # None: the newest


class DeletionOf(msgspec.Struct, frozen=True, kw_only=True):
    """Which deletion request."""

    ref: str


class Withdraw(msgspec.Struct, frozen=True, kw_only=True):
    """Which deletion request, and why nothing is deleted."""

    ref: str
    reason: str


def _forget(session: Session, q: Forget) -> Deletion:
    wish = Wish(dataset=q.name, key=q.key, also=q.also, reason=q.reason, days=q.days)
    return privacy.ask(session, wish)


ROWS: tuple[AnyOperation, ...] = (
    Operation(
        name="data.sensitivity",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/sensitivity/{ref}",
        request=Sensitivity,
        response=Levels,
        work=lambda session, q: privacy.levels(session, q.ref),
        positional=("ref",),
        summary="Show how sensitive each column of a thing is, and from where that came.",
        summary_es="Muestra cuán sensible es cada columna de algo, y de dónde le viene.",
    ),
    Operation(
        name="data.retention",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/datasets/{name}/retention",
        request=RetentionOf,
        response=RetentionPlan,
        work=lambda session, q: privacy.plan_retention(session, q.name, used_too=q.used_too),
        positional=("name",),
        summary="Show what a dataset's retention would remove now, and what stays and why.",
        summary_es="Muestra qué quitaría ahora la retención de un conjunto, y qué queda y por qué.",
    ),
    Operation(
        name="data.retain",
        permission=Permission.DATASET_FORGET,
        method="POST",
        path="/datasets/{name}/retain",
        request=RetentionOf,
        response=Retained,
        work=lambda session, q: privacy.carry_out_retention(session, q.name, used_too=q.used_too),
        events=("dataset.retained", "dataset.committed", "dataset.refused"),
        positional=("name",),
        summary="Remove the rows and versions that are older than a dataset's retention.",
        summary_es="Quita las filas y versiones más viejas que la retención de un conjunto.",
    ),
    Operation(
        name="data.forget",
        permission=Permission.DATASET_FORGET,
        method="POST",
        path="/datasets/{name}/forget",
        request=Forget,
        response=Deletion,
        work=_forget,
        events=("deletion.asked",),
        positional=("name",),
        summary="Ask for somebody's rows to be deleted, and list all that is affected.",
        summary_es="Pide borrar las filas de alguien y lista todo lo afectado.",
    ),
    Operation(
        name="data.deletions",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/deletions",
        request=ListDeletions,
        response=Page[Deletion],
        run=lambda scope, q: privacy.list_deletions(
            scope, state=q.state, limit=q.limit, token=q.token
        ),
        summary="List deletion requests, newest first.",
        summary_es="Lista las peticiones de borrado, la más nueva primero.",
    ),
    Operation(
        name="data.deletion",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/deletions/{ref}",
        request=DeletionOf,
        response=DeletionReport,
        run=lambda scope, q: privacy.show_deletion(scope, q.ref),
        positional=("ref",),
        summary="Show a deletion request, what it affects and which steps were done.",
        summary_es="Muestra una petición de borrado, lo afectado y los pasos dados.",
    ),
    Operation(
        name="data.erase",
        permission=Permission.DATASET_FORGET,
        method="POST",
        path="/deletions/{ref}/erase",
        request=DeletionOf,
        response=Deletion,
        work=lambda session, q: privacy.erase(session, q.ref),
        events=(
            "deletion.begun", "deletion.repeated", "deletion.done", "dataset.erased",
            "dataset.committed", "dataset.branch_committed", "labels.erased", "labelling.erased",
            "model.data_erased", "feature.materialized",
        ),
        positional=("ref",),
        summary="Carry a deletion out, in old versions too, and prove it; again, it goes on.",
        summary_es="Ejecuta un borrado, también en versiones viejas, y lo prueba; sigue si paró.",
    ),
    Operation(
        name="data.withdraw",
        permission=Permission.DATASET_FORGET,
        method="POST",
        path="/deletions/{ref}/withdraw",
        request=Withdraw,
        response=Deletion,
        run=lambda scope, q: privacy.withdraw(scope, q.ref, reason=q.reason),
        events=("deletion.withdrawn",),
        positional=("ref",),
        summary="Withdraw a deletion request that nobody began to carry out.",
        summary_es="Retira una petición de borrado que nadie ha empezado.",
    ),
    Operation(
        name="data.certificate",
        permission=Permission.DATASET_READ,
        method="GET",
        path="/deletions/{ref}/certificate",
        request=DeletionOf,
        response=Certificate,
        run=lambda scope, q: privacy.certify(scope, q.ref),
        positional=("ref",),
        summary="Show the signed certificate of a deletion that was carried out.",
        summary_es="Muestra el certificado firmado de un borrado ejecutado.",
    ),
)  # fmt: skip
