"""The verbs of the fleet: who follows, in which waves plans go out, and how they did."""

import msgspec

from bucle.base.page import Page
from bucle.drivers.blobs.content import content_path
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.interfaces.operations.fields import Limit, Upload
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle import serving
from bucle.lifecycle.serving import fleet


class Nothing(msgspec.Struct, frozen=True, kw_only=True):
    """No argument."""


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """How many, from where on."""

    limit: Limit = 100
    token: str | None = None  # None: from the beginning


class DeclareFleet(msgspec.Struct, frozen=True, kw_only=True):
    """In which waves plans go out: shares (`0.1`) or labels (`site=lab`); the last is everybody."""

    waves: tuple[str, ...] = ("0.01", "0.1", "0.5", "1")
    min_healthy: float = 0.95
    max_errors: float = 0.02
    settle: str = "2s"
    patience: str = "5m"


class PublicKey(msgspec.Struct, frozen=True, kw_only=True):
    """The key whose plans and packages a model server believes."""

    public_hex: str


class Collect(msgspec.Struct, frozen=True, kw_only=True):
    """A segment of the prediction log that a model server elsewhere kept."""

    name: str
    segment: str  # the file's name
    file: Upload


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What was brought in."""

    key: str
    rows: int


def _collect(session: Session, q: Collect) -> Collected:
    drivers = session.drivers
    path = content_path(drivers.blobs, q.file.digest, drivers.cache_path)
    with session.begin() as scope:
        segment, rows = serving.collect_segment(scope, q.name, q.segment, path)
    return Collected(key=segment.key, rows=rows)


def _declare(scope: Scope, q: DeclareFleet) -> fleet.FleetSpec:
    spec = fleet.FleetSpec(
        waves=q.waves,
        min_healthy=q.min_healthy,
        max_errors=q.max_errors,
        settle=q.settle,
        patience=q.patience,
    )
    return fleet.declare_fleet(scope, spec)


ROWS: tuple[AnyOperation, ...] = (
    Operation(
        name="serving.collect",
        permission=Permission.PREDICTION_WRITE,
        method="POST",
        path="/deployments/{name}/segments",
        request=Collect,
        response=Collected,
        work=_collect,
        events=("prediction.collected",),
        positional=("name", "segment"),
        summary="Take in a segment of predictions that a model server elsewhere kept.",
        summary_es="Recibe un segmento de predicciones que guardó un servidor de otra parte.",
    ),
    Operation(
        name="serving.fleet",
        permission=Permission.SERVING_READ,
        method="GET",
        path="/fleet",
        request=Nothing,
        response=fleet.FleetSummary,
        run=lambda scope, _: fleet.summarize(scope),
        summary="Count the model servers that follow: by plan, version and health.",
        summary_es="Cuenta los servidores que siguen: por plan, versión y salud.",
    ),
    Operation(
        name="serving.followers",
        permission=Permission.SERVING_READ,
        method="GET",
        path="/fleet/followers",
        request=Listing,
        response=Page[fleet.Follower],
        run=lambda scope, q: fleet.list_followers(scope, limit=q.limit, token=q.token),
        summary="List the model servers that follow, as they last told of themselves.",
        summary_es="Lista los servidores que siguen, según lo último que dijeron.",
    ),
    Operation(
        name="serving.fleet_history",
        permission=Permission.SERVING_READ,
        method="GET",
        path="/fleet/rollouts",
        request=Listing,
        response=Page[fleet.FleetRollout],
        run=lambda scope, q: fleet.fleet_history(scope, limit=q.limit, token=q.token),
        summary="List how plans went out to the followers: waves, verdicts and reasons.",
        summary_es="Lista cómo salieron los planes: oleadas, veredictos y razones.",
    ),
    Operation(
        name="serving.declare_fleet",
        permission=Permission.SERVING_WRITE,
        method="PUT",
        path="/fleet/waves",
        request=DeclareFleet,
        response=fleet.FleetSpec,
        run=_declare,
        events=("fleet.declared",),
        summary="Declare in which waves plans go out, and what each wave must show.",
        summary_es="Declara en qué oleadas salen los planes y qué debe mostrar cada una.",
    ),
    Operation(
        name="serving.key",
        permission=Permission.SERVING_READ,
        method="GET",
        path="/fleet/key",
        request=Nothing,
        response=PublicKey,
        run=lambda scope, _: PublicKey(public_hex=scope.keys.public_hex),
        summary="Show the public key that model servers elsewhere must be given.",
        summary_es="Muestra la clave pública que necesitan los servidores de otras máquinas.",
    ),
)
