"""The business problem: what is to be moved, what an error costs, and when to stop."""

from datetime import datetime

import msgspec


class Kpi(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The figure of the business that the project is to move."""

    name: str
    unit: str
    direction: str = "up"  # up: more is better; down: less is better
    baseline: float | None = None  # None: not measured yet
    target: float | None = None  # None: not agreed yet
    owner: str = ""


class ErrorCosts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the model's decisions cost, in the unit; gains are negative costs.

    For classification, the cost of one case in each cell of the confusion matrix (a column
    name stands for that row's amount, as the amount of a payment).  For regression, the cost
    of one unit of absolute error on each side.
    """

    unit: str
    false_positive: float | str = 0.0
    false_negative: float | str = 0.0
    true_positive: float | str = 0.0
    true_negative: float | str = 0.0
    over: float = 0.0  # predicted more than came
    under: float = 0.0  # predicted less than came


class Charter(msgspec.Struct, frozen=True, kw_only=True):
    """The charter of a project, which its runs and deployments inherit."""

    project: str
    version: int
    problem: str
    kpi: Kpi
    costs: ErrorCosts | None = None  # None: errors are not priced
    stop_rule: str = ""
    sponsor: str = ""
    set_by: str = ""
    set_at: datetime
