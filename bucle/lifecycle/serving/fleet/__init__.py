"""Room fleet: the model servers that follow the control plane, and how a plan reaches them."""

from typing import TYPE_CHECKING

from bucle.base.lazy import open_by_name

if TYPE_CHECKING:
    from bucle.lifecycle.serving.fleet.read import (
        fleet_history,
        fleet_spec,
        list_followers,
        releases,
        summarize,
    )
    from bucle.lifecycle.serving.fleet.records import (
        FINISHED,
        ROLLED_BACK,
        ROLLING,
        SUPERSEDED,
        FleetRollout,
        FleetSpec,
        FleetSummary,
        Follower,
        Release,
        Releases,
    )
    from bucle.lifecycle.serving.fleet.release import (
        declare_fleet,
        is_due,
        is_released,
        judge_fleet,
        release,
    )
    from bucle.lifecycle.serving.fleet.report import forget_lost, keep_reports
    from bucle.lifecycle.serving.fleet.waves import content_for, labels_text, parse_labels, place_of
else:
    open_by_name(__name__, {
        "read": "fleet_history fleet_spec list_followers releases summarize",
        "records": (
            "FINISHED ROLLED_BACK ROLLING SUPERSEDED FleetRollout FleetSpec FleetSummary "
            "Follower Release Releases"
        ),
        "release": "declare_fleet is_due is_released judge_fleet release",
        "report": "forget_lost keep_reports",
        "waves": "content_for labels_text parse_labels place_of",
    })  # fmt: skip

__all__ = [
    "FINISHED",
    "ROLLED_BACK",
    "ROLLING",
    "SUPERSEDED",
    "FleetRollout",
    "FleetSpec",
    "FleetSummary",
    "Follower",
    "Release",
    "Releases",
    "content_for",
    "declare_fleet",
    "fleet_history",
    "fleet_spec",
    "forget_lost",
    "is_due",
    "is_released",
    "judge_fleet",
    "keep_reports",
    "labels_text",
    "list_followers",
    "parse_labels",
    "place_of",
    "release",
    "releases",
    "summarize",
]
