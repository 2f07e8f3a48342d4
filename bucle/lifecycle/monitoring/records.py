"""Monitors, what they saw, and the alerts that they raise."""

from datetime import datetime

import msgspec

from bucle.base.refs import Ref
from bucle.base.verdict import Verdict


class VolumeRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many requests should come."""

    expected_per_hour: float | None = None  # None: learned from the deployment's own history
    min_share: float = 0.5  # of the expected
    max_share: float | None = None  # None: more is welcome
    span: str = ""  # the stretch that is counted; "": the monitor's `every`


class MissingRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many values may be missing."""

    max_share: float = 0.05  # above the reference's own share


class DriftRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a column may move from the model's reference profile."""

    method: str = "psi"  # psi | js
    limit: float = 0.2
    columns: tuple[str, ...] = ()  # (): every column of the model
    min_rows: int = 200  # fewer say nothing


class PerformanceRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How well the labelled predictions must have done."""

    metric: str
    max_ratio: float | None = None  # how many times as bad as at registration; None: any
    limit: float | None = None  # the worst value allowed; None: any
    min_labels: int = 50  # fewer say nothing
    window: str = ""  # "": the monitor's window


class MonitorSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is watched of a deployment, and how often."""

    name: str
    deployment: str
    every: str = "1d"
    window: str = "7d"
    volume: VolumeRule | None = None  # None: not watched
    missing: MissingRule | None = None  # None: not watched
    drift: DriftRule | None = None  # None: not watched
    performance: PerformanceRule | None = None  # None: not watched


class MonitorReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a monitor concluded of one window."""

    ref: Ref  # monitor:<name>
    at: datetime
    since: datetime
    until: datetime
    predictions: int
    labelled: int
    verdicts: tuple[Verdict, ...]
    metrics: dict[str, float] = {}
    drift: dict[str, float] = {}  # by column


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong, from its first bad window to its next good one."""

    ref: Ref  # alert:<id>
    monitor: Ref
    cause: str  # volume | data | drift | performance
    summary: str
    verdicts: tuple[Verdict, ...]
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None = None  # None: it is open
    acknowledged_by: str = ""  # "": nobody has
