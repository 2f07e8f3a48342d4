"""Room charter: the business problem of a project, and when to stop."""

from bucle.lifecycle.charter.read import find_charter, get_charter
from bucle.lifecycle.charter.records import Charter, ErrorCosts, Kpi
from bucle.lifecycle.charter.set import set_charter

__all__ = ["Charter", "ErrorCosts", "Kpi", "find_charter", "get_charter", "set_charter"]
