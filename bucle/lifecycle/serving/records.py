"""What is served, to whom, and what was predicted."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.lifecycle.features import OnlineView
from bucle.lifecycle.serving.declared import (
    BatchPolicy,
    Fallback,
    PlannedFallback,
    RolloutGates,
    Trial,
)
from bucle.lifecycle.serving.logged import LogPolicy, PlannedLog

CHAMPION = "champion"
CANARY = "canary"
CHALLENGER = "challenger"  # in an A/B test or among the arms of a bandit
SHADOW = "shadow"  # gets copies of requests, and answers nobody
FALLBACK = "fallback"  # the declared rule or constant
RETIRED = "deployment.retired"  # the action of a revision that ended a deployment


class Rollout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a new version takes over: by which shares of the traffic, and on what evidence."""

    steps: tuple[float, ...] = (0.1, 0.5)  # canary's shares in 0..1, rising; (): at once
    each: str = "1d"  # the least time at each step
    min_requests: int = 100  # answered by the canary at a step, before anything is concluded
    metric: str = ""  # "": labels are not waited for
    max_error_ratio: float = 1.1  # canary's metric may be this many times as bad as champion's
    # Left out: canary.  shadow: copies of requests first, then the steps; ab and bandit: `trial`.
    kind: Literal["canary", "shadow", "ab", "bandit"] | msgspec.UnsetType = msgspec.UNSET
    # Of the requests that go to new versions: copied (shadow; left out: all) or answered (ab,
    # bandit; left out: as many to each version as to the champion).
    share: float | msgspec.UnsetType = msgspec.UNSET
    gates: RolloutGates | msgspec.UnsetType = msgspec.UNSET
    trial: Trial | msgspec.UnsetType = msgspec.UNSET

    @property
    def way(self) -> str:
        """How a new version takes over: `kind`, or what stands for it where it is left out."""
        return self.kind or "canary"


class Objectives(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the deployment owes its callers."""

    p95_ms: float | None = None  # None: not agreed
    p99_ms: float | msgspec.UnsetType = msgspec.UNSET  # left out: not agreed
    at_rps: float | msgspec.UnsetType = msgspec.UNSET  # at which load; left out: at any
    timeout_ms: float | msgspec.UnsetType = msgspec.UNSET  # one request's; left out: the server's


class DeploymentSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a deployment should be; which version it serves is decided by gates and rollouts."""

    name: str
    model: str  # the name of a registered model
    rollout: Rollout = Rollout()
    objectives: Objectives = Objectives()
    features: tuple[str, ...] = ()  # views (`spend`, `spend@2`) whose columns may be left out
    target: str = ""  # the column that labels give; "": the model's own
    # What of the predictions is logged, and how long; left out: all of everything, for ever.
    log: LogPolicy | msgspec.UnsetType = msgspec.UNSET
    fallback: Fallback | msgspec.UnsetType = msgspec.UNSET  # left out: only models answer
    batching: BatchPolicy | msgspec.UnsetType = msgspec.UNSET  # left out: as it is by default


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """A model version that answers a share of the requests."""

    role: str  # champion | canary | challenger | shadow
    model: Ref
    manifest: str  # content digest of the package's manifest
    signature: str  # Ed25519 over the manifest's digest, hexadecimal
    weight: float
    views: tuple[Ref, ...] = ()  # of features that it was trained on; (): nobody noted any


class RolloutState(msgspec.Struct, frozen=True, kw_only=True):
    """A canary on its way, or versions that compete."""

    kind: str = CANARY  # canary | ab | bandit
    model: Ref  # the first of them
    step: int  # index in the rollout's steps
    weight: float
    started_at: datetime
    step_started_at: datetime


class ShadowState(msgspec.Struct, frozen=True, kw_only=True):
    """A version that is tried on copies of requests."""

    model: Ref
    share: float  # of the requests that are copied
    started_at: datetime


class Killed(msgspec.Struct, frozen=True, kw_only=True):
    """That the kill switch was pressed, and what it took out of service."""

    at: datetime
    by: str
    reason: str
    to: str  # previous | fallback
    champion: Variant | None = None  # None: nothing was served


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """A new champion that still has to prove itself."""

    previous: Variant  # to go back to
    baseline_since: datetime  # when the figures begin that it is held against
    since: datetime
    until: datetime


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """One revision of a deployment; every change makes the next one."""

    ref: Ref  # deployment:<name>@<revision>
    revision: int
    spec: DeploymentSpec
    variants: tuple[Variant, ...] = ()  # (): no model is served
    rollout_state: RolloutState | None = None  # None: nothing is on its way
    shadow_state: ShadowState | None = None  # None: no version is in the shadow
    killed: Killed | None = None  # None: the kill switch was not pressed
    watch: Watch | None = None  # None: the champion is not on trial
    evidence: tuple[Verdict, ...] = ()  # that this revision was made upon; (): somebody's will
    stand_in: PlannedFallback | None = None  # the fallback, ready to answer; None: see `spec`
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

    @property
    def answering(self) -> tuple[Variant, ...]:
        """The variants that answer callers: all but a shadow."""
        return tuple(variant for variant in self.variants if variant.role != SHADOW)


class PlannedDeployment(msgspec.Struct, frozen=True, kw_only=True):
    """What the model server needs to know of one deployment."""

    ref: Ref
    target: str
    p95_ms: float | None
    variants: tuple[Variant, ...]
    views: tuple[OnlineView, ...] = ()  # that the champion was trained on
    # model -> the views that it was trained on; of a model that is not here: as above
    views_of: dict[str, tuple[OnlineView, ...]] = {}
    log: PlannedLog | msgspec.UnsetType = msgspec.UNSET  # left out: everything is logged
    # Apart from `variants`, so that an older model server sends no caller to a shadow.
    shadows: tuple[Variant, ...] | msgspec.UnsetType = msgspec.UNSET  # left out: none
    fallback: PlannedFallback | msgspec.UnsetType = msgspec.UNSET  # left out: only models answer
    killed: bool | msgspec.UnsetType = msgspec.UNSET  # left out: it was not
    salt: str | msgspec.UnsetType = msgspec.UNSET  # shuffles keys; left out: the name
    p99_ms: float | msgspec.UnsetType = msgspec.UNSET  # left out: not agreed
    timeout_ms: float | msgspec.UnsetType = msgspec.UNSET  # left out: the server's
    batching: BatchPolicy | msgspec.UnsetType = msgspec.UNSET  # left out: as it is by default

    @property
    def packaged(self) -> tuple[Variant, ...]:
        """Every variant whose package a model server loads: a shadow's, too."""
        return (*self.variants, *(self.shadows or ()))


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
    share: float = 1.0  # of the rows like it that were logged


class VariantStats(msgspec.Struct, frozen=True, kw_only=True):
    """How one variant did over a window."""

    role: str
    model: Ref
    requests: int
    errors: int
    p95_ms: float | None  # None: it answered nothing
    labelled: int
    metric: float | None  # None: no labels, or no metric asked for
    p99_ms: float | None = None  # None: as above
    cost: float | None = None  # of the mean case by the charter; None: no labels, or no costs
    drift: float | None = None  # of the predictions from the champion's; None: not measured

    @property
    def error_share(self) -> float:
        """Errors in 0..1 of the requests."""
        return self.errors / self.requests if self.requests else 0.0
