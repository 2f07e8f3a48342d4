"""A plan as it lies in the blob store: under its key, and under the installation's signature.

A model server opens plans and knows neither how one is made nor the database.  The signature is
checked before anything in a plan is believed.
"""

import ipaddress

import msgspec

from bucle.base.codec import canonical_json, decode, encode
from bucle.base.errors import Invalid, Refused
from bucle.drivers.blobs import BlobStore
from bucle.governance.keys import Keys, verify
from bucle.lifecycle.serving.records import ServingPlan

_PLANS = "serving"
_FILE = "plan.json"


class _Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """The plan's text and the installation's signature over exactly that text."""

    plan: str
    signature: str


def plan_key(project: str) -> str:
    """Return the key of a project's plan."""
    return f"{_PLANS}/{project}/{_FILE}"


def project_of(key: str) -> str | None:
    """Return the project whose plan lies under a key, or None."""
    parts = key.split("/")
    return parts[1] if len(parts) == 3 and (parts[0], parts[2]) == (_PLANS, _FILE) else None  # noqa: PLR2004 - serving, project, file


def published_projects(blobs: BlobStore) -> tuple[str, ...]:
    """Return the projects that have a plan where the model servers look."""
    found = (project_of(item.key) for item in blobs.list(_PLANS))
    return tuple(sorted(project for project in found if project))


def seal(plan: ServingPlan, keys: Keys) -> bytes:
    """Sign a plan with the installation's key."""
    text = canonical_json(plan).decode()
    return encode(_Sealed(plan=text, signature=keys.sign(text.encode())))


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
