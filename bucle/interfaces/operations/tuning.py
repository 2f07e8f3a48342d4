"""The verbs of tuning; a search itself is Python code, in a script or in a pipeline's step."""

import msgspec

from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.interfaces.operations.fields import Limit
from bucle.interfaces.operations.table import Operation
from bucle.lifecycle import tuning


class GetStudy(msgspec.Struct, frozen=True, kw_only=True):
    """Which study."""

    ref: Ref


class ListStudies(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the studies."""

    limit: Limit = 50
    token: str | None = None  # None: from the newest


ROWS = (
    Operation(
        name="tuning.list",
        permission=Permission.RUN_READ,
        method="GET",
        path="/studies",
        request=ListStudies,
        response=Page[tuning.Study],
        run=lambda scope, q: tuning.list_studies(scope, limit=q.limit, token=q.token),
        summary="List searches, the newest first, without their trials.",
        summary_es="Lista búsquedas, la más nueva primero, sin sus pruebas.",
    ),
    Operation(
        name="tuning.get",
        permission=Permission.RUN_READ,
        method="GET",
        path="/studies/{ref}",
        request=GetStudy,
        response=tuning.Study,
        run=lambda scope, q: tuning.get_study(scope, q.ref),
        positional=("ref",),
        summary="Show a search with its trials.",
        summary_es="Muestra una búsqueda con sus pruebas.",
    ),
)
