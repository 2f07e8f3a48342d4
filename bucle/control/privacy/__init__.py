"""What reaches across rooms for people's data: where sensitive columns went, and forgetting."""

from typing import TYPE_CHECKING

from bucle.base.lazy import open_by_name

if TYPE_CHECKING:
    from bucle.control.privacy.forget.ask import ask, list_deletions, show_deletion, withdraw
    from bucle.control.privacy.forget.certificate import certify
    from bucle.control.privacy.forget.erase import erase
    from bucle.control.privacy.levels import hidden, levels
    from bucle.control.privacy.retain import carry_out_retention, plan_retention
else:
    open_by_name(__name__, {
        "forget.ask": "ask list_deletions show_deletion withdraw",
        "forget.certificate": "certify",
        "forget.erase": "erase",
        "levels": "hidden levels",
        "retain": "carry_out_retention plan_retention",
    })  # fmt: skip

__all__ = [
    "ask",
    "carry_out_retention",
    "certify",
    "erase",
    "hidden",
    "levels",
    "list_deletions",
    "plan_retention",
    "show_deletion",
    "withdraw",
]
