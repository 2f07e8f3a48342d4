"""Followers, and how a plan goes out to them."""

from datetime import datetime

import msgspec

from bucle.base.refs import Ref
from bucle.base.verdict import Verdict

ROLLING = "rolling"
FINISHED = "finished"
ROLLED_BACK = "rolled_back"
SUPERSEDED = "superseded"  # another plan came while it was going out


class FleetSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In which waves a plan goes out, and what each must show before the next begins.

    A wave is a share of the followers (`0.1`) or all that bear labels (`site=lab,arch=arm64`).
    The waves add up; the last one is always everybody.
    """

    waves: tuple[str, ...] = ("0.01", "0.1", "0.5", "1")
    min_healthy: float = 0.95  # share of a wave that must serve the plan and be healthy
    max_errors: float = 0.02  # share of a wave's predictions since then that may fail
    settle: str = "2s"  # how long a wave is looked at once enough of it serves the plan
    patience: str = "5m"  # how long a wave may take to get there


class Follower(msgspec.Struct, frozen=True, kw_only=True):
    """A model server, as it last told of itself."""

    id: str
    labels: dict[str, str] = {}
    plan: str = ""  # digest of the plan that it got last; "": none
    healthy: bool = True
    problem: str = ""  # "": none
    version: str = ""  # of Bucle
    requests: int = 0  # that its models answered since it got the plan
    errors: int = 0  # of these, failed ones
    seen_at: datetime


class FleetRollout(msgspec.Struct, frozen=True, kw_only=True):
    """A plan on its way to the followers: the newest one is in force."""

    number: int
    plan: str  # digest of the sealed plan
    stable: int  # number of the rollout whose plan the others have; 0: there was none
    deployments: tuple[Ref, ...] = ()  # what the plan serves, with revisions
    state: str  # rolling | finished | rolled_back | superseded
    waves: tuple[str, ...] = ()  # (): it went to everybody at once
    wave: int = 0  # how many waves have begun
    reach: float = 1.0  # followers whose place is at most this get the plan
    labels: tuple[str, ...] = ()  # and those that bear one of these
    started_at: datetime
    wave_at: datetime
    settled_at: datetime | None = None  # when enough of the wave served the plan; None: not yet
    ended_at: datetime | None = None  # None: it goes on
    reason: str = ""
    verdicts: tuple[Verdict, ...] = ()  # of the last wave that was judged


class WaveCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How the followers do that should have a plan."""

    members: int
    applied: int  # serve it and are healthy
    failed: int  # got it and are not healthy
    requests: int = 0
    errors: int = 0
    problem: str = ""  # of one of the failed; "": none failed


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A plan as followers get it."""

    digest: str
    content: bytes


class Releases(msgspec.Struct, frozen=True, kw_only=True):
    """What followers get now: the new plan, or the stable one, by their place and labels."""

    rollout: FleetRollout
    target: Release
    stable: Release | None  # None: there was none before


class FleetSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The followers of a project, counted."""

    followers: int
    healthy: int
    lost: int  # not heard of for longer than they promised
    by_plan: dict[str, int]
    by_version: dict[str, int]
    rollout: FleetRollout | None  # None: no plan was published yet
    problems: tuple[str, ...]  # the most frequent ones
