"""What was served, watched.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from datetime import datetime

from bucle.interfaces.client.room import Room
from bucle.lifecycle.monitoring.records import (
    Alert,
    DriftRule,
    MissingRule,
    MonitorReport,
    MonitorSpec,
    PerformanceRule,
    VolumeRule,
)


class MonitoringRoom(Room):
    """What was served, watched."""

    def list(self) -> tuple[MonitorSpec, ...]:
        """List what is watched."""
        answer: tuple[MonitorSpec, ...] = self._call("monitoring.list")
        return answer

    def declare(
        self,
        name: str,
        *,
        deployment: str,
        every: str = "1d",
        window: str = "7d",
        volume: VolumeRule | None = None,
        missing: MissingRule | None = None,
        drift: DriftRule | None = None,
        performance: PerformanceRule | None = None,
    ) -> MonitorSpec:
        """Declare what is watched of a deployment."""
        answer: MonitorSpec = self._call(
            "monitoring.declare",
            name=name,
            deployment=deployment,
            every=every,
            window=window,
            volume=volume,
            missing=missing,
            drift=drift,
            performance=performance,
        )
        return answer

    def reports(self, name: str, *, limit: int = 20) -> tuple[MonitorReport, ...]:
        """List what a monitor saw, newest first."""
        answer: tuple[MonitorReport, ...] = self._call("monitoring.reports", name=name, limit=limit)
        return answer

    def evaluate(self, name: str, *, at: datetime | None = None) -> MonitorReport:
        """Judge a monitor's window now."""
        answer: MonitorReport = self._call("monitoring.evaluate", name=name, at=at)
        return answer

    def alerts(self, *, open_only: bool = False, limit: int = 50) -> tuple[Alert, ...]:
        """List alerts, newest first."""
        answer: tuple[Alert, ...] = self._call(
            "monitoring.alerts", open_only=open_only, limit=limit
        )
        return answer

    def acknowledge(self, ref: str) -> Alert:
        """Say that you look after an alert."""
        answer: Alert = self._call("monitoring.acknowledge", ref=ref)
        return answer
