"""Room monitoring: windows over what was served, and their verdicts."""

from bucle.lifecycle.monitoring.alerts import acknowledge, list_alerts
from bucle.lifecycle.monitoring.declare import (
    check_spec,
    declare_monitor,
    find_monitor,
    get_monitor,
    list_monitors,
    list_reports,
    remove_monitor,
)
from bucle.lifecycle.monitoring.evaluate import evaluate, labels_wanted
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
    "acknowledge",
    "check_spec",
    "declare_monitor",
    "evaluate",
    "find_monitor",
    "get_monitor",
    "labels_wanted",
    "list_alerts",
    "list_monitors",
    "list_reports",
    "remove_monitor",
]
