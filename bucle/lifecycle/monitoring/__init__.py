"""Room monitoring: windows over what was served, and their verdicts."""

from bucle.lifecycle.monitoring.declare import (
    declare_monitor,
    find_monitor,
    list_monitors,
    remove_monitor,
)
from bucle.lifecycle.monitoring.records import (
    Alert,
    DriftRule,
    MissingRule,
    MonitorReport,
    MonitorSpec,
    PerformanceRule,
    VolumeRule,
)

__all__ = [
    "Alert",
    "DriftRule",
    "MissingRule",
    "MonitorReport",
    "MonitorSpec",
    "PerformanceRule",
    "VolumeRule",
    "declare_monitor",
    "find_monitor",
    "list_monitors",
    "remove_monitor",
]
