"""How sensitive columns are, how that follows them into what is derived, and who sees values."""

from typing import TYPE_CHECKING

from bucle.base.lazy import open_by_name

if TYPE_CHECKING:
    from bucle.lifecycle.data.sensitivity.follow import (
        closed_projects,
        dataset_levels,
        hidden_columns,
        is_any_declared,
    )
    from bucle.lifecycle.data.sensitivity.mask import (
        masked_diff,
        masked_profile,
        masked_quarantined,
        masked_report,
        masked_row,
        masked_spec,
        masked_version,
        read_masked,
        require_visible,
    )
else:
    open_by_name(__name__, {
        "follow": "closed_projects dataset_levels hidden_columns is_any_declared",
        "mask": (
            "masked_diff masked_profile masked_quarantined masked_report masked_row masked_spec "
            "masked_version read_masked require_visible"
        ),
    })  # fmt: skip

__all__ = [
    "closed_projects",
    "dataset_levels",
    "hidden_columns",
    "is_any_declared",
    "masked_diff",
    "masked_profile",
    "masked_quarantined",
    "masked_report",
    "masked_row",
    "masked_spec",
    "masked_version",
    "read_masked",
    "require_visible",
]
