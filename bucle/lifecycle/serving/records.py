"""What is served, to whom, and what was predicted."""

from datetime import datetime
from typing import Any

import msgspec

from bucle.base.refs import Ref
from bucle.lifecycle.features import OnlineView

CHAMPION = "champion"
CANARY = "canary"
RETIRED = "deployment.retired"  # the action of a revision that ended a deployment


class Rollout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a new version takes over: by which shares of the traffic, and on what evidence."""

    steps: tuple[float, ...] = (0.1, 0.5)  # canary's shares in 0..1, rising; (): at once
    each: str = "1d"  # the least time at each step
    min_requests: int = 100  # answered by the canary at a step, before anything is concluded
    metric: str = ""  # "": labels are not waited for
    max_error_ratio: float = 1.1  # canary's metric may be this many times as bad as champion's


class Objectives(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the deployment owes its callers."""

    p95_ms: float | None = None  # None: not agreed


class DeploymentSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a deployment should be; which version it serves is decided by gates and rollouts."""

    name: str
    model: str  # the name of a registered model
    rollout: Rollout = Rollout()
    objectives: Objectives = Objectives()
    features: tuple[str, ...] = ()  # views (`spend`, `spend@2`) whose columns may be left out
    target: str = ""  # the column that labels give; "": the model's own


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """A model version that answers a share of the requests."""

    role: str  # champion | canary
    model: Ref
    manifest: str  # content digest of the package's manifest
    signature: str  # Ed25519 over the manifest's digest, hexadecimal
    weight: float
    views: tuple[Ref, ...] = ()  # of features that it was trained on; (): nobody noted any


class RolloutState(msgspec.Struct, frozen=True, kw_only=True):
    """A canary on its way."""

    model: Ref
    step: int  # index in the rollout's steps
    weight: float
    started_at: datetime
    step_started_at: datetime


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """One revision of a deployment; every change makes the next one."""

    ref: Ref  # deployment:<name>@<revision>
    revision: int
    spec: DeploymentSpec
    variants: tuple[Variant, ...] = ()  # (): nothing is served yet
    rollout_state: RolloutState | None = None  # None: no canary
    action: str  # the event that made this revision
    reason: str = ""
    changed_at: datetime
    changed_by: str

    @property
    def name(self) -> str:
        """The deployment's name."""
        return self.ref.name

    def variant(self, role: str) -> Variant | None:
        """Return the variant of that role, or None."""
        return next((variant for variant in self.variants if variant.role == role), None)


class PlannedDeployment(msgspec.Struct, frozen=True, kw_only=True):
    """What the model server needs to know of one deployment."""

    ref: Ref
    target: str
    p95_ms: float | None
    variants: tuple[Variant, ...]
    views: tuple[OnlineView, ...] = ()  # that the champion was trained on
    # model -> the views that it was trained on; of a model that is not here: as above
    views_of: dict[str, tuple[OnlineView, ...]] = {}


class PlannedToken(msgspec.Struct, frozen=True, kw_only=True):
    """A bearer token that may ask for predictions: the SHA-256 of its secret."""

    id: str
    secret_digest: str
    expires_at: datetime | None  # None: it does not expire
    may_manage: bool = False  # load and unload deployments of a model server


class ServingPlan(msgspec.Struct, frozen=True, kw_only=True):
    """All that a model server needs to serve one project without asking anybody."""

    format: int = 1
    project: str
    open: bool  # predictions need no token, if the server listens on loopback only
    tokens: tuple[PlannedToken, ...]
    deployments: tuple[PlannedDeployment, ...]


class PublishedPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What was put where the model servers look."""

    key: str
    digest: str
    changed: bool
    plan: ServingPlan


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """One row that was answered, as the log has it."""

    id: str
    at: datetime
    deployment: Ref  # with its revision
    model: Ref  # with its version
    variant: str
    latency_us: int
    features: dict[str, Any]
    outputs: dict[str, Any]
    error: str = ""


class VariantStats(msgspec.Struct, frozen=True, kw_only=True):
    """How one variant did over a window."""

    role: str
    model: Ref
    requests: int
    errors: int
    p95_ms: float | None  # None: it answered nothing
    labelled: int
    metric: float | None  # None: no labels, or no metric asked for

    @property
    def error_share(self) -> float:
        """Errors in 0..1 of the requests."""
        return self.errors / self.requests if self.requests else 0.0
