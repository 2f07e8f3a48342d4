"""The serving plan: what the control plane tells the model servers, in one signed blob.

It is all that a model server reads, so that it answers while the database and the control
plane are down.  The signature is checked before anything in it is believed.
"""

import ipaddress

import msgspec

from bucle.base.codec import canonical_json, decode, encode
from bucle.base.digest import digest_bytes
from bucle.base.errors import Conflict, Invalid, NotFound, Refused
from bucle.base.refs import Ref
from bucle.drivers.blobs import BlobStore
from bucle.governance.access.tokens import digests_in_force
from bucle.governance.keys import verify
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import features
from bucle.lifecycle.features import OnlineView
from bucle.lifecycle.serving import store
from bucle.lifecycle.serving.records import (
    Deployment,
    PlannedDeployment,
    PlannedToken,
    PublishedPlan,
    ServingPlan,
)

PLANS = "serving"
_FILE = "plan.json"
_ATTEMPTS = 20


class _Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """The plan's text and the installation's signature over exactly that text."""

    plan: str
    signature: str


def plan_key(project: str) -> str:
    """Return the key of a project's plan."""
    return f"{PLANS}/{project}/{_FILE}"


def project_of(key: str) -> str | None:
    """Return the project whose plan lies under a key, or None."""
    parts = key.split("/")
    return parts[1] if len(parts) == 3 and (parts[0], parts[2]) == (PLANS, _FILE) else None  # noqa: PLR2004 - serving, project, file


def published_projects(blobs: BlobStore) -> tuple[str, ...]:
    """Return the projects that have a plan where the model servers look."""
    found = (project_of(item.key) for item in blobs.list(PLANS))
    return tuple(sorted(project for project in found if project))


def current_plan(scope: Scope) -> ServingPlan:
    """Return what the model servers of the project should be serving."""
    scope.require(Permission.SERVING_READ)
    tokens = digests_in_force(scope, Permission.PREDICTION_READ)
    return ServingPlan(
        project=scope.project,
        open=is_loopback(scope.drivers.settings.host),
        tokens=tuple(
            PlannedToken(id=token.id, secret_digest=digest, expires_at=token.expires_at)
            for token, digest in tokens
        ),
        deployments=tuple(
            _planned(scope, deployment)
            for deployment in store.list_deployments(scope.tx, scope.project)
        ),
    )


def publish(session: Session) -> PublishedPlan:
    """Put the plan where the model servers look, unless it is there already.

    Two publishers may cross: each looks again after writing, so that whoever writes last has
    written what the database says last.

    Raises:
        Unavailable: the blob store can not be written.
        Conflict: the deployments kept changing while we published.
    """
    key, changed = plan_key(session.project), False
    for _ in range(_ATTEMPTS):
        with session.begin(write=False) as scope:
            plan = current_plan(scope)
            content = seal(plan, scope)
        if _stored(session.drivers.blobs, key) == content:
            if changed:
                _record(session, plan, content)
            return PublishedPlan(key=key, digest=digest_bytes(content), changed=changed, plan=plan)
        session.drivers.blobs.put(key, content)
        changed = True
    raise Conflict(
        f"the deployments of {session.project!r} kept changing while they were published",
        hint="bucle serving publish",
    )


def _record(session: Session, plan: ServingPlan, content: bytes) -> None:
    with session.begin() as scope:
        scope.record(
            "plan.published",
            Ref("project", session.project),
            digest=digest_bytes(content),
            deployments=[item.ref for item in plan.deployments],
        )


def seal(plan: ServingPlan, scope: Scope) -> bytes:
    """Sign a plan with the installation's key."""
    text = canonical_json(plan).decode()
    return encode(_Sealed(plan=text, signature=scope.keys.sign(text.encode())))


def open_sealed(content: bytes, public_hex: str) -> ServingPlan:
    """Return the plan inside, if this installation signed it.

    Raises:
        Refused: it did not; or not a plan.
    """
    try:
        sealed = decode(content, _Sealed)
    except Invalid as error:
        raise Refused(f"the serving plan can not be read: {error}") from error
    if not verify(public_hex, sealed.plan.encode(), sealed.signature):
        raise Refused(
            "the serving plan does not bear this installation's signature",
            hint="to write it again: bucle serving publish",
        )
    return decode(sealed.plan, ServingPlan)


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach a host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _planned(scope: Scope, deployment: Deployment) -> PlannedDeployment:
    return PlannedDeployment(
        ref=deployment.ref,
        target=deployment.spec.target,
        p95_ms=deployment.spec.objectives.p95_ms,
        variants=deployment.variants,
        views=tuple(_view(scope, name) for name in deployment.spec.features),
    )


def _view(scope: Scope, name: str) -> OnlineView:
    registered = features.get_view(scope, name)
    return features.online_view(registered.view, registered.ref, scope.project)


def _stored(blobs: BlobStore, key: str) -> bytes | None:
    try:
        return blobs.get(key)
    except NotFound:
        return None
